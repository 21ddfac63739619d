package protocol

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestRedirectURIsAreAsBrowsersWriteThem combines parts of addresses and asks the URL parser of browsers (WHATWG), as
// Node.js has it: what can be registered is what a browser goes to, letter for letter.
func TestRedirectURIsAreAsBrowsersWriteThem(t *testing.T) {
	t.Parallel()
	servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	var taken []string
	for _, scheme := range []string{"https:", "HTTPS:", "http:"} {
		for _, host := range []string{
			"//shop.example", "//Shop.example", "//xn--caf-dma.example", "//caf\u00e9.example", "//a_b.example", "//shop.example.", "//shop..example", "//*.example",
			"//127.0.0.1", "//127.1", "//0x7f.1", "//127.0.0.01", "//2130706433", "//127.0.0.1.", "//[::1]", "//[0::1]", "//[::ffff:127.0.0.1]", "//[2001:DB8::1]", "//localhost",
			"//Localhost", "//%73hop.example", "//shop%2eexample", "//\uff53hop.example", "/shop.example", "", "//a,b", "//a~b", "//user@shop.example", "//xn--a", "//\u00adshop.example",
		} {
			for _, port := range []string{"", ":", ":443", ":80", ":8443", ":0", ":08443", ":65535", ":65536", ":x"} {
				for _, path := range []string{
					"", "/", "/cb", "/a/../cb", "/./cb", "/%2e/cb", "/a%2Fb", "/%63b", "/c b", "/caf\u00e9", "/caf%C3%A9", "/caf%c3%a9", `/a\b`, "/a//b", "/{a}", "/a|b", "/a'b", "/a^b", "/...", "/a;b=c",
					"/cb?", "/cb?a=b", "/cb?a='b'", "/cb?a=%zz", "/cb?a=<b>", "/cb#", "/cb?a=b#c", "/cb\t", "/cb\n", "/*",
				} {
					uri := scheme + host + port + path
					c := client.Client{ID: "shop", SecretHash: "sha256:x", RedirectURIs: []string{uri}}
					if client.Check(c) == nil {
						taken = append(taken, uri)
					}
				}
			}
		}
	}
	if len(taken) < 200 {
		t.Fatalf("only %d addresses can be registered: %q", len(taken), taken)
	}
	list, err := json.Marshal(taken)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), "node", "-e", `
		const read = require('fs').readFileSync(0, 'utf8')
		const href = text => { try { return new URL(text).href } catch (e) { return 'no URL' } }
		console.log(JSON.stringify(JSON.parse(read).map(href)))`)
	command.Stdin = strings.NewReader(string(list))
	out, err := command.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var seen []string
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("node says %.200q: %v", out, err)
	}
	for i, uri := range taken {
		if seen[i] != uri && seen[i] != uri+"/" { // an empty path: the client sends the text as it is registered
			t.Errorf("%q can be registered, and a browser goes to %q", uri, seen[i])
		}
	}
}

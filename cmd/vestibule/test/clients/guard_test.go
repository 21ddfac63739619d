package clients

import (
	"net/http"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// guards has a client bring tokens to two APIs at these addresses: one asks about tokens, one reads them. Each takes those
// that are for it, and nothing else that the server has signed or given.
func guards(t *testing.T, s *servertest.Site, c *servertest.Client, asks, asksAt, reads, readsAt string) {
	eva := addMember(s.NewBrowser(t), "eva", inGroups())
	tokens := func(api string) servertest.Tokens {
		s.Clock.Advance(servertest.Step)
		c.Resource = api
		v := c.Begin("prompt", "consent")
		return v.Finish(eva.signIn(s.NewBrowser(t).Open(v.Address)))
	}
	own, toAsk, toRead := tokens(""), tokens(asks).Token.AccessToken, tokens(reads)
	read := toRead.Token.AccessToken
	const no, yes = http.StatusUnauthorized, http.StatusOK
	for name, tt := range map[string]struct {
		token       string
		asks, reads int
	}{
		"none":             {"", no, no},
		"garbled":          {"x" + toAsk, no, no},
		"app's own":        {own.Token.AccessToken, no, no},
		"of the asking":    {toAsk, yes, no},
		"of the reading":   {read, no, yes},
		"altered":          {read[:len(read)-8] + "AAAAAAAA", no, no},
		"ID token":         {toRead.IDToken(), no, no},
		"another ID token": {own.IDToken(), no, no},
	} {
		for address, want := range map[string]int{asksAt: tt.asks, readsAt: tt.reads} {
			if got, body := get(t, address, tt.token); got.StatusCode != want {
				t.Errorf("%s answers %d to the token %q, want %d: %s", address, got.StatusCode, name, want, body)
			}
		}
	}
}

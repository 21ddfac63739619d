package hostile

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
)

// below returns a random number.
func below(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(err)
	}
	return int(i.Int64())
}

// noise returns n bytes of text in one of the ways that compress badly, or well.
func noise(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	switch below(5) {
	case 0:
		return strings.Repeat("s", n)
	case 1: // control characters become six bytes each
		for i := range b {
			b[i] = 1 + b[i]%31
		}
		return string(b)
	case 2:
		for i := range b {
			b[i] = "<>&\"\\'"[b[i]%6]
		}
		return string(b)
	}
	return base64.RawURLEncoding.EncodeToString(b)[:n]
}

// Whatever the request, the address of the pages fits into the buffers that proxies have for the headers of an answer.
// Else the client hears that its request is too long, and of one above 16 KiB, which nobody reads, the user does.
func TestLongRequests(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	uris := []string{servertest.ReturnURI, servertest.ReturnURI + "?a=" + noiseURI(400), servertest.ReturnURI + "?a=" + noiseURI(1400)}
	s.NewClient(t, "shop", func(c *client.Client) { c.RedirectURIs, c.Name = uris, noiseURI(190) })
	lengths := []int{0, 20, 300, 900, 2000}
	outcomes := map[string]int{}
	for range 300 {
		q := url.Values{"client_id": {"shop"}, "redirect_uri": {uris[below(3)]}, "response_type": {"code"}, "scope": {"openid profile email offline_access"},
			"state": {noise(lengths[below(5)])}, "nonce": {noise(lengths[below(5)])}, "login_hint": {noise(below(254))},
			"acr_values": {strings.Repeat("aal2 1 ", below(300))}, "claims": {subClaim(noise(below(250)))}}
		b := s.NewBrowser(t)
		answer := answerTo(b, http.MethodGet, "/authorize?"+q.Encode(), nil)
		if len(q.Encode()) > 16<<10 {
			if answer.StatusCode != http.StatusBadRequest {
				t.Errorf("a request of %d bytes: %s", len(q.Encode()), answer.Status)
			}
			outcomes["unread"]++
			continue
		}
		location, err := answer.Location()
		switch {
		case answer.StatusCode == http.StatusOK: // the page stands right there
			page := b.Open("/authorize?" + q.Encode())
			location = page.Address
			if location.Host == "shop.example" {
				break // the same is a few bytes longer the second time, and too long now
			}
			if page.At("login", "initial"); len(location.Query().Get("flow")) > interaction.MaxFlow {
				t.Errorf("the own address of the page has %d bytes", len(location.String()))
			}
		case err != nil:
			t.Fatalf("%s: %v", answer.Status, err)
		}
		if location.Host == "shop.example" {
			if got := location.Query(); got.Get("error") != "invalid_request" || !strings.Contains(got.Get("error_description"), "too long") || got.Get("state") != q.Get("state") {
				t.Errorf("the client hears %v", got)
			}
			outcomes["refused"]++
			continue
		}
		outcomes["page"]++
		short(t, answer)
		for _, password := range []string{"", "wrong"} {
			form := url.Values{"flow": {location.Query().Get("flow")}, "username": {noise(254)}, "password": {password}}
			if answer = answerTo(b, http.MethodPost, "/login", form); answer.StatusCode != http.StatusSeeOther {
				t.Fatalf("POST /login: %s", answer.Status)
			}
			short(t, answer)
			if location, err = answer.Location(); err != nil {
				t.Fatal(err)
			}
			if p := b.Open(location.String()); p.Name != "login" || p.State == "initial" {
				t.Errorf("page %s in state %s, want login and what is wrong", p.Name, p.State)
			}
		}
	}
	t.Log(outcomes)
	if outcomes["refused"] < 20 || outcomes["page"] < 20 {
		t.Errorf("the requests are too much alike: %v", outcomes)
	}
}

// What fits: a client may count on it.
func TestLongRequestsThatFit(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.NewClient(t, "shop")
	for _, n := range [][2]string{
		{noiseURI(800), noiseURI(800)}, {noiseURI(1600), ""}, {strings.Repeat("s", 2000), strings.Repeat("n", 2000)},
	} {
		q := url.Values{"client_id": {"shop"}, "redirect_uri": {servertest.ReturnURI}, "response_type": {"code"}, "scope": {"openid"}, "state": {n[0]}, "nonce": {n[1]}}
		s.NewBrowser(t).Open("/authorize?"+q.Encode()).At("login", "initial")
	}
}

// noiseURI is noise of characters that an address may have.
func noiseURI(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)[:n]
}

func subClaim(subject string) string {
	if subject == "" {
		return "{}"
	}
	data, err := json.Marshal(map[string]any{"id_token": map[string]any{"sub": map[string]any{"value": subject}}})
	if err != nil {
		panic(err)
	}
	return string(data)
}

// short fails the test unless the headers of the answer fit into 4 KiB.
func short(t *testing.T, answer *http.Response) {
	t.Helper()
	var head strings.Builder
	if err := answer.Header.Write(&head); err != nil {
		t.Fatal(err)
	}
	if n, all := len(answer.Header.Get("Location")), head.Len(); n > interaction.MaxFlow+len("/login?flow=") || all > 4000 {
		t.Errorf("the address has %d bytes, all headers have %d", n, all)
	}
}

// answer makes one request and returns what came of it.
func answerTo(b *servertest.Browser, method, path string, form url.Values) *http.Response {
	b.T.Helper()
	r, err := http.NewRequestWithContext(b.T.Context(), method, b.Site.Config.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.T.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.Site.Config.Issuer)
	}
	answer, err := b.HTTP.Do(r)
	if err != nil {
		b.T.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

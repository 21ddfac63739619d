package provider_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts returns values that must come back as they were sent, or not at all.
func texts() []string {
	var ascii strings.Builder
	for c := byte(' '); c <= '~'; c++ {
		ascii.WriteByte(c)
	}
	all := []string{
		"s", "\x00", "\xff", "\xc3", "a\xc3", "\r\n", " ", "%00", "%zz", "+", "&state=x", "\ufffd", "\u2028", "jos\u00e9", "jose\u0301",
		ascii.String(), strings.Repeat("s", 2000), strings.Repeat("\xfe", 2000), strings.Repeat("<", 2048),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		text := make([]byte, 1+random.IntN(2048))
		for i := range text {
			text[i] = byte(random.IntN(256))
		}
		all = append(all, string(text[:1+random.IntN(len(text))]))
	}
	return all
}

// State is the client's and comes back byte for byte (RFC 6749 section 4.1.2): with a code, with an error, through a
// POST, through the sealed flow and through the row.
func TestStateComesBackByteForByte(t *testing.T) {
	o := newOP(t)
	for _, state := range texts() {
		check := func(how string, v url.Values) {
			t.Helper()
			if got := v.Get("state"); got != state || len(v["state"]) != 1 {
				t.Errorf("%s: state %q came back as %q", how, state, got)
			}
		}
		check("code", answer(t, o.authorize(request("state", state))))
		check("error", answer(t, o.authorize(request("state", state, "prompt", "shout"))))
		sent := o.do(post("/authorize", request("state", state)))
		check("POST", answer(t, o.do(httptest.NewRequest("GET", issuer+sent.Header.Get("Location"), nil))))
		check("sealed flow", o.throughFlow(t, state))
	}
}

// throughFlow puts the sign-in into an address, begins it anew, and finishes it.
func (o *op) throughFlow(t *testing.T, state string) url.Values {
	t.Helper()
	o.ui.hold, o.ui.last = true, nil
	refused := o.authorize(request("state", state))
	o.ui.hold = false
	if v := url.Values(nil); o.ui.last == nil && len(state) > 1200 { // no address can hold so much that does not compress
		if v = answer(t, refused); v.Get("error") != "invalid_request" {
			t.Errorf("a state of %d bytes: %v, want invalid_request", len(state), v)
		}
		return v
	}
	ix := o.begunAnew(o.ui.last)
	o.ui.sign(ix)
	data, err := json.Marshal(ix) // as a row
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, ix); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := o.p.Finish(w, httptest.NewRequest("GET", issuer, nil), ix, o.clock()); err != nil {
		t.Fatal(err)
	}
	return answer(t, w.Result())
}

// A nonce goes into JSON, which holds UTF-8 only: any other is refused.
func TestNonceComesBackOrIsRefused(t *testing.T) {
	o := newOP(t)
	for _, nonce := range texts() {
		v := answer(t, o.authorize(request("nonce", nonce)))
		if !utf8.ValidString(nonce) {
			if v.Get("error") != "invalid_request" {
				t.Errorf("nonce %q: %v, want invalid_request", nonce, v)
			}
			continue
		}
		_, body := o.token("shop", exchange(v.Get("code")))
		if _, c := claims(t, body["id_token"]); c["nonce"] != nonce {
			t.Errorf("nonce %q came back as %q", nonce, c["nonce"])
		}
	}
	if v := answer(t, o.authorize(request("claims", "{\"id_token\":{\"sub\":{\"value\":\"u1\xff\"}}}"))); v.Get("error") != "invalid_request" {
		t.Errorf("claims that are not UTF-8: %v, want invalid_request", v)
	}
}

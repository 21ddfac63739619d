package provider_test

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// endpoints are those of the metadata, by path.
func (o *op) endpoints() []string {
	_, metadata := decode(o.t, o.do(httptest.NewRequest("GET", issuer+"/.well-known/openid-configuration", nil)))
	var paths []string
	for name, address := range metadata {
		if text, ok := address.(string); ok && (strings.HasSuffix(name, "_endpoint") || name == "jwks_uri") {
			paths = append(paths, strings.TrimPrefix(text, issuer))
		}
	}
	slices.Sort(paths)
	return paths
}

// FuzzRequest sends what nobody would write to every endpoint. None is a fault of ours, and no browser is sent anywhere but to
// an address that is registered.
func FuzzRequest(f *testing.F) {
	for _, seed := range []struct{ query, body, authorization string }{
		{request().Encode(), "", ""},
		{request("client_id", "app", "redirect_uri", "http://127.0.0.1:1/cb", "response_mode", "form_post").Encode(), "", ""},
		{request("claims", `{"id_token":{"acr":{"essential":true,"values":["aal2"]}}}`, "prompt", "none", "max_age", "0").Encode(), "", ""},
		{request("client_id", "net", "response_type", "id_token", "response_mode", "form_post", "acr_values", "aal2 aal1").Encode(), "", ""},
		{"client_id=shop&client_id=shop&redirect_uri=%zz", exchange("vst_ac_x.y").Encode(), "Basic c2hvcDp4"},
		{"", "grant_type=refresh_token&refresh_token=vst_rt_x.y&client_id=app", ""},
		{"", "token=vst_at_x.y&token_type_hint=access_token", "Basic b3RoZXI6eA=="},
		{"id_token_hint=e30.e30.e30&post_logout_redirect_uri=https://shop.example/cb&state=x", "access_token=vst_at_x.y", "Bearer vst_at_x.y"},
		{"request_uri=urn:ietf:params:oauth:request_uri:x&client_id=shop", "client_assertion=e30.e30.e30&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "DPoP x"},
	} {
		for at := range 4 {
			f.Add(uint8(at*3), at%2 == 0, seed.query, seed.body, seed.authorization)
		}
	}
	o := newOP(f)
	o.ui.honest = true
	paths := o.endpoints()
	f.Fuzz(func(t *testing.T, at uint8, post bool, query, body, authorization string) {
		o.t = t
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		r := httptest.NewRequest(method, issuer+"/", strings.NewReader(body))
		r.URL.Path, r.URL.RawQuery = paths[int(at)%len(paths)], query
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		answer := o.do(r)
		if answer.StatusCode >= 500 {
			t.Errorf("%s %s answers %d", method, r.URL.Path, answer.StatusCode)
		}
		if to := answer.Header.Get("Location"); to != "" && !o.mayLeadTo(to) {
			t.Errorf("the browser is sent to %q", to)
		}
	})
}

// mayLeadTo reports whether an answer may send a browser there: to ourselves, or where a client has its users sent.
func (o *op) mayLeadTo(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	if u.Host == "" && strings.HasPrefix(u.Path, "/") || strings.HasPrefix(address, issuer+"/") {
		return true
	}
	for _, id := range []string{"shop", "net", "other", "app"} {
		c, err := o.store.Client(o.t.Context(), id)
		if err != nil {
			o.t.Fatal(err)
		}
		u.RawQuery = ""
		if c.Allows(u.String()) {
			return true
		}
	}
	return false
}

// FuzzSequence makes one request after another with what the ones before have brought, as bytes say. None is a fault of ours,
// and nothing that has ended comes back.
func FuzzSequence(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	f.Add([]byte{0, 1, 2, 2, 3, 3, 9, 2, 3, 4})
	f.Add([]byte{0, 16, 1, 17, 2, 18, 5, 3, 6, 4, 8, 2, 7, 3})
	f.Add([]byte("the quick brown fox jumps over the lazy dog"))
	o := newOP(f)
	f.Fuzz(func(t *testing.T, steps []byte) {
		o.t = t
		s := &sequence{op: o, dead: map[string]bool{}}
		for _, step := range steps[:min(len(steps), 64)] {
			s.step(int(step))
		}
		for _, token := range slices.Sorted(maps.Keys(s.dead)) {
			if status, _ := s.userinfo(token); status == http.StatusOK {
				t.Errorf("%v brought an access token back that had ended", steps)
			}
		}
	})
}

// sequence is what a clumsy client has.
type sequence struct {
	*op
	codes, access, refreshes []string
	dead                     map[string]bool // access tokens that were revoked
}

// step makes the request that n stands for: what is asked by its low bits, with which of what there is by the others.
func (s *sequence) step(n int) {
	which := n / 12
	clients := []string{"shop", "shop", "shop", "other", "net", ""}
	who := clients[which%len(clients)]
	switch n % 12 {
	case 0:
		if got := answer(s.t, s.authorize(request())); got.Get("code") != "" {
			s.codes = append(s.codes, got.Get("code"))
		}
	case 1:
		uri := s.push()
		s.codes = append(s.codes, answer(s.t, s.opened(uri)).Get("code"))
		if again := s.opened(uri); again.StatusCode != http.StatusBadRequest {
			s.t.Errorf("a request_uri that was used answers %d", again.StatusCode)
		}
	case 2, 3:
		s.keep(s.token(who, exchange(pick(s.codes, which))))
	case 4:
		s.keep(s.token(who, exchange(pick(s.codes, which), "code_verifier", "wrong"+verifier)))
	case 5, 6:
		s.keep(s.token(who, refresh(pick(s.refreshes, which))))
	case 7:
		s.revoke(who, pick(s.access, which))
	case 8:
		s.revoke(who, pick(s.refreshes, which))
	case 9:
		s.advance([]int{1, 5, 30, 600, 86400}[which%5])
	case 10:
		s.mustAnswer(http.MethodPost, "/introspect", who, url.Values{"token": {pick(s.access, which)}})
	case 11:
		if status, _ := s.userinfo(pick(s.access, which)); status >= 500 {
			s.t.Errorf("userinfo answers %d", status)
		}
	}
}

func pick(all []string, n int) string {
	if len(all) == 0 {
		return "nothing"
	}
	return all[n%len(all)]
}

// advance moves the clock by seconds.
func (s *sequence) advance(seconds int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Duration(seconds) * time.Second)
}

// keep notes what the token endpoint has given.
func (s *sequence) keep(status int, body map[string]any) {
	if status >= 500 {
		s.t.Errorf("the token endpoint answers %d %v", status, body)
	}
	if status != http.StatusOK {
		return
	}
	if token, _ := body["access_token"].(string); !slices.Contains(s.access, token) {
		s.access = append(s.access, token)
	}
	if token, _ := body["refresh_token"].(string); token != "" && !slices.Contains(s.refreshes, token) {
		s.refreshes = append(s.refreshes, token)
	}
}

// revoke notes that an access token is dead, if whoever asks may end it.
func (s *sequence) revoke(who, token string) {
	status := s.mustAnswer(http.MethodPost, "/revoke", who, url.Values{"token": {token}})
	if status == http.StatusOK && who == "shop" && strings.HasPrefix(token, "vst_at_") {
		s.dead[token] = true
	}
}

// mustAnswer sends a form as the client, and returns how it is answered.
func (s *sequence) mustAnswer(method, path, who string, form url.Values) int {
	r := httptest.NewRequest(method, issuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if who != "" {
		r.SetBasicAuth(who, s.secret)
	}
	answer := s.do(r)
	if answer.StatusCode >= 500 {
		text, _ := io.ReadAll(answer.Body)
		s.t.Errorf("%s answers %d %s", path, answer.StatusCode, text)
	}
	return answer.StatusCode
}

// TestRandomSequences runs some of what FuzzSequence makes up.
func TestRandomSequences(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := &sequence{op: newOP(t), dead: map[string]bool{}}
			for range 60 {
				s.step(random.IntN(256))
			}
			for token := range s.dead {
				if status, _ := s.userinfo(token); status == http.StatusOK {
					t.Error("an access token that had ended is back")
				}
			}
		})
	}
}

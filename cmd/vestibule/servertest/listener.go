package servertest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/client"
)

// LogoutListener is where a client hears that sessions have ended (OpenID Connect Back-Channel Logout 1.0). It answers 200 until
// Answer says otherwise.
type LogoutListener struct {
	Address string

	mu     sync.Mutex
	answer http.HandlerFunc
	heard  []LogoutToken
	tries  int
}

// LogoutToken is one that was received, as it says. Nothing of it was checked but the signature.
type LogoutToken struct {
	Header jose.Header
	Claims map[string]any
}

// Claim is a claim that is a text; empty: it is none.
func (l LogoutToken) Claim(name string) string {
	text, _ := l.Claims[name].(string)
	return text
}

// NewLogoutListener starts one, which reads tokens that the site has signed.
func (s *Site) NewLogoutListener(t *testing.T) *LogoutListener {
	t.Helper()
	l := &LogoutListener{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		answer := l.answer
		l.tries++
		l.mu.Unlock()
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || len(r.PostFormValue("logout_token")) == 0 || len(r.PostForm) != 1 {
			t.Errorf("a client is sent %s %s with %v", r.Method, r.Header.Get("Content-Type"), r.PostForm)
		}
		if answer != nil {
			answer(w, r)
			return
		}
		token := s.readLogoutToken(t, r.PostForm.Get("logout_token"))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard = append(l.heard, token)
	}))
	t.Cleanup(server.Close)
	l.Address = server.URL + "/logout"
	return l
}

// readLogoutToken checks the signature as a client does, with the keys that the site publishes.
func (s *Site) readLogoutToken(t *testing.T, raw string) (token LogoutToken) {
	s.KeepSecret(raw)
	var algorithms []jose.SignatureAlgorithm
	for _, name := range client.Algorithms {
		algorithms = append(algorithms, jose.SignatureAlgorithm(name))
	}
	parsed, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		t.Errorf("logout token: %v", err)
		return token
	}
	keys, err := s.publishedKeys()
	for range 50 { // a server that was killed a moment ago may be the one that is asked
		if err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
		keys, err = s.publishedKeys()
	}
	if err == nil {
		err = parsed.Claims(&keys, &token.Claims)
	}
	if err != nil {
		t.Errorf("logout token: %v", err)
	}
	token.Header = parsed.Headers[0]
	return token
}

func (s *Site) publishedKeys() (keys jose.JSONWebKeySet, err error) {
	response, err := http.Get(s.Config.Issuer + "/jwks")
	if err != nil {
		return keys, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(data, &keys)
	}
	return keys, err
}

// Answer has requests answered otherwise, and no token of theirs heard; nil: as at the beginning.
func (l *LogoutListener) Answer(f http.HandlerFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = f
}

// AnswerStatus has requests answered with that status alone.
func (l *LogoutListener) AnswerStatus(code int) {
	l.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// Heard returns the tokens that were heard, and forgets them.
func (l *LogoutListener) Heard() []LogoutToken {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard = nil
	return heard
}

// Tries is how many requests came, heard or not.
func (l *LogoutListener) Tries() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tries
}

// TellLogouts has a server of the site tell clients what is due, and returns when it has.
func (s *Site) TellLogouts(t *testing.T) {
	t.Helper()
	if err := s.First().Do(t.Context(), "logout tokens"); err != nil {
		t.Fatal(err)
	}
}

// AwaitLogout waits until a token was heard, from a server that does its work by itself: for longer than a minute, after
// which another one tries should the first be killed in the middle of it.
func (l *LogoutListener) AwaitLogout(t *testing.T) LogoutToken {
	t.Helper()
	for range 1800 {
		if heard := l.Heard(); len(heard) > 0 {
			return heard[0]
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no logout token came")
	return LogoutToken{}
}

package browser

import (
	"net/http/httptest"
	"testing"
)

func TestSecureCookies(t *testing.T) {
	for _, tt := range []struct {
		secure  bool
		browser string
	}{{true, "__Host-b"}, {false, "vestibule-b"}} {
		if got := namesOf(tt.secure).binding; got != tt.browser {
			t.Errorf("namesOf(%v) = %q, want %q", tt.secure, got, tt.browser)
		}
	}
}

func TestSessionCookie(t *testing.T) {
	w := httptest.NewRecorder()
	NewCookies(true, nil).SetSession(w, "x")
	if got := w.Header().Get("Set-Cookie"); got != "__Host-s=x; Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("the cookie is %q", got)
	}
}

// What binds a sign-in is made with a key that makes nothing else.
func TestProvenBinding(t *testing.T) {
	one, same, another := NewCookies(false, []byte("one")), NewCookies(true, []byte("one")), NewCookies(false, []byte("another"))
	was := one.ProvenBinding("id", "s-ana")
	if same.ProvenBinding("id", "s-ana") != was {
		t.Error("the same key makes two values")
	}
	for name, got := range map[string]string{
		"another key": another.ProvenBinding("id", "s-ana"), "another sign-in": one.ProvenBinding("di", "s-ana"), "another user": one.ProvenBinding("id", "s-ben"),
	} {
		if got == was {
			t.Errorf("%s makes the same value", name)
		}
	}
}

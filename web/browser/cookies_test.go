package browser

import (
	"net/http/httptest"
	"testing"
)

func TestSecureCookies(t *testing.T) {
	for _, tt := range []struct {
		secure  bool
		prefix  string
		browser string
	}{
		{true, "", "__Host-vestibule-b"}, {false, "", "vestibule-b"},
		{true, "/id", "__Host-vestibule.id-b"}, {true, "/our/id", "__Host-vestibule.our.id-b"}, {false, "/our-id", "vestibule.our-id-b"},
	} {
		if got := namesOf(tt.secure, tt.prefix).binding; got != tt.browser {
			t.Errorf("namesOf(%v, %q) = %q, want %q", tt.secure, tt.prefix, got, tt.browser)
		}
	}
}

func TestSessionCookie(t *testing.T) {
	w := httptest.NewRecorder()
	NewCookies(true, "", nil).SetSession(w, "x")
	if got := w.Header().Get("Set-Cookie"); got != "__Host-vestibule-s=x; Path=/; HttpOnly; Secure; SameSite=Lax" {
		t.Errorf("the cookie is %q", got)
	}
}

// What binds a sign-in is made with a key that makes nothing else.
func TestProvenBinding(t *testing.T) {
	one, same, another := NewCookies(false, "", []byte("one")), NewCookies(true, "", []byte("one")), NewCookies(false, "", []byte("another"))
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

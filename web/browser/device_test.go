package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestDevices(t *testing.T) {
	now := time.Date(2026, 3, 3, 14, 5, 10, 0, time.UTC)
	old, fresh := []byte("the key of last year"), []byte("the key of this year")
	d := &Devices{Cookies: NewCookies(true, "", nil), Keys: [][]byte{old}, Now: func() time.Time { return now }}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	epoch := int64(0)
	know := func(subject string) bool {
		w := httptest.NewRecorder()
		d.Issue(w, r, subject, epoch)
		for _, c := range w.Result().Cookies() {
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 365*24*3600 || c.Path != "/" || c.Name != "__Host-vestibule-k" {
				t.Errorf("know sets %s", c)
			}
			r.Header.Set("Cookie", c.Name+"="+c.Value)
		}
		return len(w.Result().Cookies()) > 0
	}
	budget := func(subject string) string {
		name, _ := d.Budget(r, subject, epoch)
		return name
	}
	if !know("ana") || know("ana") {
		t.Error("an unknown browser must get a cookie, and a known one none")
	}
	first := budget("ana")
	now = now.Add(deviceCookieRenewal)
	if !know("ana") || budget("ana") != first {
		t.Error("after a while the cookie must be renewed, and its budget be the same")
	}
	epoch++
	if budget("ana") != "" {
		t.Error("a new password must make the browser unknown")
	}
	epoch--
	d.Keys = [][]byte{fresh, old}
	if !know("ana") || budget("ana") != first {
		t.Error("a cookie of an older key must be renewed, and its budget be the same")
	}
	d.Keys = [][]byte{fresh}
	for i := range deviceCookieAccounts - 1 {
		know(fmt.Sprint("user ", i))
	}
	if budget("ana") != first || budget("user 0") == "" || budget("user 0") == first {
		t.Error("several accounts in one browser must each have a budget of their own")
	}
	know("one more")
	if budget("ana") != "" || budget("one more") == "" {
		t.Error("the account that signed in first must make room for the last one")
	}
	d.Keys = nil
	if know("ben") || budget("one more") != "" {
		t.Error("without keys no browser is known")
	}
}

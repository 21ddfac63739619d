package signin

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"vestibule/web/ui"
)

// BenchmarkPage is what it costs to show the pages of a sign-in with a password and a code.
func BenchmarkPage(b *testing.B) {
	pages, err := ui.New(ui.Config{Issuer: "https://id.example.com"})
	if err != nil {
		b.Fatal(err)
	}
	for _, page := range []struct {
		template string
		page     func() ui.Page
	}{
		{"login", func() ui.Page { return &loginPage{Frame: benchFrame("login", "login.title"), Client: "Notes"} }},
		{"factor-totp", func() ui.Page {
			return &factorPage{
				Frame: benchFrame("totp", "part.confirm"), Kind: ui.Kind{Name: "totp"}, Username: "ana", Remember: 30 * 24 * time.Hour, Now: time.Unix(1_800_000_000, 0),
				View: struct {
					Several        bool
					Length, Period int
				}{false, 6, 30},
			}
		}},
		{"consent", func() ui.Page {
			return &consentPage{
				Frame: benchFrame("consent", "consent.title"), Client: "Notes", Name: "Ana", Host: "notes.example.com", Keep: true,
				New: []ui.Scope{{Name: "openid"}, {Name: "profile"}, {Name: "email", Email: "ana@example.com"}},
			}
		}},
	} {
		b.Run(page.template, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept-Language", "en-US,en;q=0.9")
			w := &discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				if err := pages.Render(w, r, http.StatusOK, page.template, page.page()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchFrame(page, title string) ui.Frame {
	return ui.Frame{Page: page, Title: ui.Say(title), Flow: "0123456789abcdef", Who: "ana@example.com"}
}

// discard is a client that reads nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

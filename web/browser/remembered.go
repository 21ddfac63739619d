package browser

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// RememberedStore keeps the browsers that users have said need not give a code.
type RememberedStore interface {
	// RememberBrowser inserts b, bound to the factors that its subject has at that instant, in the place of the one
	// with the ID old, which is gone then; nil: there is none.
	RememberBrowser(ctx context.Context, old []byte, b interaction.Browser) error
	// Browser returns the browser with that ID, or store.ErrNotFound. One whose time is over, or whose user's factors
	// have changed since, is none.
	Browser(ctx context.Context, id []byte, now time.Time) (interaction.Browser, error)
	// Browsers returns those of the subject, the one that was used last first.
	Browsers(ctx context.Context, subject string, now time.Time) ([]interaction.Browser, error)
	// TouchBrowser sets when the browser was last used. One that is gone is no error.
	TouchBrowser(ctx context.Context, id []byte, seen time.Time) error
	// ForgetBrowser removes the browser if it is the subject's; store.ErrNotFound if it is not.
	ForgetBrowser(ctx context.Context, subject string, id []byte) error
	// ForgetBrowsers removes all of the subject.
	ForgetBrowsers(ctx context.Context, subject string) error
}

// Remembered are the browsers that need not give codes.
type Remembered struct {
	Store   RememberedStore // nil only where For is 0
	Cookies *Cookies
	For     time.Duration // how long a browser may be remembered; 0: none is
	Now     func() time.Time
}

// Token returns the hash of the cookie that the browser would be remembered by; nil if it has none.
func (m *Remembered) Token(r *http.Request) []byte {
	value := token(r, m.Cookies.names.remembered)
	if value == "" || m.For == 0 {
		return nil
	}
	return ui.Digest(value)
}

// Find returns the browser that is remembered by that hash for the subject in that epoch, nil if there is none.
func (m *Remembered) Find(ctx context.Context, token []byte, subject string, epoch int64) (*interaction.Browser, error) {
	if token == nil {
		return nil, nil
	}
	now := m.Now()
	b, err := m.Store.Browser(ctx, token, now)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case b.Subject != subject, b.Epoch != epoch, !now.Before(b.Created.Add(m.For)): // the setting may have been lowered
		return nil, nil
	}
	return &b, nil
}

// Remember has the browser with that name remembered for the subject in that epoch, in the place of what it was remembered
// by before. cookie is for Set, once that is committed.
func (m *Remembered) Remember(ctx context.Context, old []byte, subject string, epoch int64, name string) (cookie string, err error) {
	now := m.Now()
	cookie = ui.NewToken()
	b := interaction.Browser{ID: ui.Digest(cookie), Subject: subject, Epoch: epoch, Agent: name, Created: now, Seen: now, Expires: now.Add(m.For)}
	return cookie, m.Store.RememberBrowser(ctx, old, b)
}

// ForgetAll has all browsers of the subject give codes again. It does so too while no browser is remembered, as that may
// be another day.
func (m *Remembered) ForgetAll(ctx context.Context, subject string) error {
	if m.Store == nil {
		return nil
	}
	return m.Store.ForgetBrowsers(ctx, subject)
}

// set gives the browser the cookie that it is remembered by; empty: it is not.
func (m *Remembered) set(w http.ResponseWriter, value string) {
	if value != "" {
		m.Cookies.set(w, m.Cookies.names.remembered, value, m.For)
	}
}

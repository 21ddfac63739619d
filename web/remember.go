package web

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"time"

	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// Browsers keeps the browsers that users have said need not give a code.
type Browsers interface {
	// RememberBrowser inserts b, bound to the factors that its subject has at that instant, in the place of the one
	// with the ID old, which is gone then; nil: there is none.
	RememberBrowser(ctx context.Context, old []byte, b provider.Browser) error
	// Browser returns the browser with that ID, or store.ErrNotFound. One whose time is over, or whose user's factors
	// have changed since, is none.
	Browser(ctx context.Context, id []byte, now time.Time) (provider.Browser, error)
	// Browsers returns those of the subject, the one that was used last first.
	Browsers(ctx context.Context, subject string, now time.Time) ([]provider.Browser, error)
	// TouchBrowser sets when the browser was last used. One that is gone is no error.
	TouchBrowser(ctx context.Context, id []byte, seen time.Time) error
	// ForgetBrowser removes the browser if it is the subject's; store.ErrNotFound if it is not.
	ForgetBrowser(ctx context.Context, subject string, id []byte) error
	// ForgetBrowsers removes all of the subject.
	ForgetBrowsers(ctx context.Context, subject string) error
}

// rememberToken returns the hash of the cookie that the browser would be remembered by; nil if it has none.
func (s *Server) rememberToken(r *http.Request) []byte {
	value := token(r, s.cookies.remember)
	if value == "" || s.RememberBrowser == 0 {
		return nil
	}
	return digest(value)
}

// remembered reports whether the browser is one that need not give a code in this sign-in. What it is remembered for
// is as old as the code that was given then, and no demand takes an older one; a step-up, a confirmation and a change of
// the factors want a code whatever is remembered.
func (s *Server) remembered(ctx context.Context, fl *flow) (bool, error) {
	fl.remembered = false
	if fl.rememberToken == nil || fl.state.Reauth || fl.state.SetupRequested != "" || fl.ix.Demand.TwoSteps() || s.appObliges(fl) || fl.ix.Login.SecondFactor() {
		return false, nil
	}
	now := s.Now()
	b, err := s.Browsers.Browser(ctx, fl.rememberToken, now)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	young := now.Before(b.Created.Add(s.RememberBrowser)) // the setting may have been lowered
	fl.remembered = b.Subject == fl.subject() && young && fl.ix.Demand.Fresh(b.Created, now)
	return fl.remembered, nil
}

// mayRemember reports whether the code page offers to remember the browser.
func (s *Server) mayRemember(fl *flow) bool { return s.RememberBrowser > 0 && !fl.state.Reauth }

// span says how long something lasts, in days if it is a few of them.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return strconv.Itoa(int(d/day)) + " days"
	}
	if hours := int(d / time.Hour); hours > 1 {
		return strconv.Itoa(hours) + " hours"
	}
	return "an hour"
}

// rememberBrowser keeps the browser of a right code, if its user says so, in the commit that spends the code.
func (s *Server) rememberBrowser(ctx context.Context, r *http.Request, fl *flow) error {
	if field(r, "remember") == "" || !s.mayRemember(fl) {
		return nil
	}
	now := s.Now()
	fl.newRememberToken = randomToken()
	b := provider.Browser{
		ID: digest(fl.newRememberToken), Subject: fl.subject(), Agent: agent(r.UserAgent()), Created: now, Seen: now, Expires: now.Add(s.RememberBrowser),
	}
	if err := s.Browsers.RememberBrowser(ctx, fl.rememberToken, b); err != nil {
		return err
	}
	e := fl.event(r, audit.EventBrowserRemembered, "")
	e.Detail["browser"] = b.Agent
	return s.Audit.Record(ctx, e)
}

// forgetRemembered has all browsers of the subject give codes again: who has lost the authenticator may have lost a
// browser with it. It does so too while no browser is remembered, as that may be another day.
func (s *Server) forgetRemembered(ctx context.Context, subject string) error {
	if s.Browsers == nil {
		return nil
	}
	return s.Browsers.ForgetBrowsers(ctx, subject)
}

// setRememberCookie gives the browser the cookie that it is remembered by; empty: it is not.
func (s *Server) setRememberCookie(w http.ResponseWriter, value string) {
	if value == "" {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookies.remember, Value: value, Path: "/", MaxAge: int(s.RememberBrowser / time.Second),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// rememberedView is a remembered browser on the security page.
type rememberedView struct {
	ID      string
	Name    string
	Created time.Time
	Seen    time.Time
	Expires time.Time
	This    bool // the one that asks
}

// rememberedBrowsers lists the user's remembered browsers.
func (s *Server) rememberedBrowsers(r *http.Request, m *signedIn) ([]rememberedView, error) {
	if s.RememberBrowser == 0 {
		return nil, nil
	}
	browsers, err := s.Browsers.Browsers(r.Context(), m.account.Subject, s.Now())
	if err != nil {
		return nil, err
	}
	var views []rememberedView
	this := string(s.rememberToken(r))
	for _, b := range browsers {
		views = append(views, rememberedView{encode(b.ID), b.Agent, b.Created, b.Seen, b.Expires, string(b.ID) == this})
	}
	return views, nil
}

func encode(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// postForgetBrowser has one of the user's remembered browsers, or all, give a code again. It needs no fresh proof:
// nobody gains anything by it.
func (s *Server) postForgetBrowser(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	if s.RememberBrowser == 0 {
		return errNotFound
	}
	id := field(r, "browser")
	e := m.event(r, audit.EventBrowserForgotten, "")
	note := "browser.forgotten"
	drop := func(ctx context.Context) error { return s.Browsers.ForgetBrowsers(ctx, m.account.Subject) }
	if id == "" {
		e.Detail["browser"], note = "all", "browser.all.forgotten"
	} else {
		key, err := spelling.DecodeOpaque(id)
		if err != nil {
			return s.note(w, r, securityPath, "browser.gone", nil)
		}
		drop = func(ctx context.Context) error { return s.Browsers.ForgetBrowser(ctx, m.account.Subject, key) }
	}
	err := s.commitAnswer(w, r, response{To: securityPath, Note: &message{ID: note}}, e, drop)
	if errors.Is(err, store.ErrNotFound) {
		return s.note(w, r, securityPath, "browser.gone", nil)
	}
	return err
}

// remembers reports whether this browser is remembered for the session's user.
func (s *Server) remembers(r *http.Request, subject string) (bool, error) {
	id := s.rememberToken(r)
	if id == nil {
		return false, nil
	}
	b, err := s.Browsers.Browser(r.Context(), id, s.Now())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && b.Subject == subject, err
}

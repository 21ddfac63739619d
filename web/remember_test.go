package web

import (
	"cmp"
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// browsers is Browsers as a map.
type browsers struct {
	mu      sync.Mutex
	rows    map[string]keptBrowser
	factors mfa.Store
}

type keptBrowser struct {
	interaction.Browser
	generation int64
}

func (k *browsers) generation(ctx context.Context, subject string) int64 {
	f, _ := k.factors.Factors(ctx, subject)
	return f.Generation
}

func (k *browsers) RememberBrowser(ctx context.Context, old []byte, b interaction.Browser) error {
	generation := k.generation(ctx, b.Subject)
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.rows, string(old))
	k.rows[string(b.ID)] = keptBrowser{b, generation}
	return nil
}

func (k *browsers) Browser(ctx context.Context, id []byte, now time.Time) (interaction.Browser, error) {
	k.mu.Lock()
	b, ok := k.rows[string(id)]
	k.mu.Unlock()
	if !ok || !now.Before(b.Expires) || b.generation != k.generation(ctx, b.Subject) {
		return interaction.Browser{}, store.ErrNotFound
	}
	return b.Browser, nil
}

func (k *browsers) Browsers(ctx context.Context, subject string, now time.Time) (found []interaction.Browser, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, b := range k.rows {
		if b.Subject == subject && now.Before(b.Expires) && b.generation == k.generation(ctx, subject) {
			found = append(found, b.Browser)
		}
	}
	slices.SortFunc(found, func(a, b interaction.Browser) int { return cmp.Compare(string(a.ID), string(b.ID)) })
	return found, nil
}

func (k *browsers) TouchBrowser(_ context.Context, id []byte, seen time.Time) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b, ok := k.rows[string(id)]; ok {
		b.Seen = seen
		k.rows[string(id)] = b
	}
	return nil
}

func (k *browsers) ForgetBrowser(_ context.Context, subject string, id []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if b, ok := k.rows[string(id)]; !ok || b.Subject != subject {
		return store.ErrNotFound
	}
	delete(k.rows, string(id))
	return nil
}

func (k *browsers) ForgetBrowsers(_ context.Context, subject string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, b := range k.rows {
		if b.Subject == subject {
			delete(k.rows, id)
		}
	}
	return nil
}

// newRememberSite is a site where browsers may be remembered, and ana has a phone.
func newRememberSite(t *testing.T) (*site, phone) {
	t.Helper()
	s := newPolicySite(t, mfa.Policy{})
	s.configure(func(c *Config) {
		c.Times.RememberBrowser = 30 * 24 * time.Hour
		c.Stores.Browsers = &browsers{rows: map[string]keptBrowser{}, factors: s.factors}
	})
	return s, s.enrolled("s-ana")
}

// remembered returns a browser in which ana has given a code and said not to be asked again, an hour ago, and has
// signed out.
func (s *site) remembered(a phone) *visitor {
	s.t.Helper()
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("totp", "initial").says("Do not ask for a code on this device for 30 days")
	if p = p.press("Continue", "code", a.code(0), "remember", "yes"); p.name != "client" {
		p.at("consent", "initial").press("Allow", "remember", "yes").client()
	}
	b.open("/logout").says("This browser stays one that is not asked for a second step").press("Sign out")
	s.clock.forward(time.Hour)
	return b
}

func TestRememberedBrowser(t *testing.T) {
	s, a := newRememberSite(t)
	events := &recorder{}
	s.configure(func(c *Config) { c.Journal.Recorder = events })
	b := s.remembered(a)
	b.open(s.authorize()).password("ana").client()
	row := onlySession(t, s)
	if got := row.Login.AMR(); !slices.Equal(got, []string{"pwd"}) || row.Login.ACR() != assurance.LevelOne {
		t.Errorf("the session says amr %v, acr %s, want pwd and aal1", got, row.Login.ACR())
	}
	b.open(s.authorize()).client()
	b.open("/account/security").at("security", "on").says("Browsers that are not asked for a second step", "This browser")
	if kept := events.of(audit.EventBrowserRemembered); len(kept) != 1 || kept[0].Subject != "s-ana" || kept[0].Detail["browser"] != "A browser" {
		t.Errorf("recorded %+v, want one browser of ana", kept)
	}
	s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial")
}

// TestRememberedBrowserIsNoFactor: each of these asks for the code in a browser that is remembered.
func TestRememberedBrowserIsNoFactor(t *testing.T) {
	for name, tt := range map[string]struct {
		address func(s *site) string
		before  func(s *site)
		live    bool // with a session of the password alone
	}{
		"aal2":                     {address: func(s *site) string { return s.authorize("acr_values", "aal2") }},
		"step-up":                  {address: func(s *site) string { return s.authorize("acr_values", "aal2") }, live: true},
		"prompt=login":             {address: func(s *site) string { return s.authorize("prompt", "login") }},
		"max_age of half an hour":  {address: func(s *site) string { return s.authorize("max_age", "1800") }},
		"the app":                  {address: func(s *site) string { return s.bank() }},
		"the app, live":            {address: func(s *site) string { return s.bank() }, live: true},
		"a change of the factors":  {address: func(*site) string { return "/account/authenticators/new" }, live: true},
		"recovery codes":           {address: func(*site) string { return "/account/recovery-codes" }, live: true},
		"after 30 days":            {before: func(s *site) { s.clock.forward(30 * 24 * time.Hour) }},
		"a lowered setting":        {before: func(s *site) { s.configure(func(c *Config) { c.Times.RememberBrowser = time.Hour }) }},
		"switched off":             {before: func(s *site) { s.configure(func(c *Config) { c.Times.RememberBrowser = 0 }) }},
		"an authenticator more":    {before: func(s *site) { s.enrolled("s-ana") }},
		"all its browsers dropped": {before: func(s *site) { s.config.Stores.Browsers.ForgetBrowsers(s.t.Context(), "s-ana") }},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := newRememberSite(t)
			b := s.remembered(a)
			if tt.before != nil {
				tt.before(s)
			}
			if tt.live {
				b.open(s.authorize()).password("ana").client()
			}
			address := s.authorize()
			if tt.address != nil {
				address = tt.address(s)
			}
			p := b.open(address)
			if !tt.live {
				p = p.password("ana")
			}
			p.at("totp", "initial")
		})
	}
}

// TestRememberedBrowserGoesOn: none of these is a reason to ask for the code.
func TestRememberedBrowserGoesOn(t *testing.T) {
	for name, tt := range map[string]struct {
		policy mfa.Policy
		more   []string
	}{
		"aal1":                   {more: []string{"acr_values", "aal1"}},
		"max_age of two hours":   {more: []string{"max_age", "7200"}},
		"policy for everybody":   {policy: mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}}}, // ana has two-step verification, and has told us this
		"policy of her group":    {policy: mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, Group: "finance"}}}},
		"policy on her codes":    {policy: mfa.Policy{NewCodes: true}},
		"policy to come for all": {policy: mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, From: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := newRememberSite(t)
			s.configure(func(c *Config) { c.Policy = tt.policy })
			s.remembered(a).open(s.authorize(tt.more...)).password("ana").client()
		})
	}
}

// TestRememberedBrowserOfAnother: the cookie is worth nothing to another user, nor to a guess.
func TestRememberedBrowserOfAnother(t *testing.T) {
	s, a := newRememberSite(t)
	s.enrolled("s-ben")
	b := s.remembered(a)
	b.open(s.authorize()).password("ben").at("totp", "initial")
	cookie := b.cookie("vestibule-r")
	forged := s.newBrowser()
	forged.jar.SetCookies(b.open("/login").address, []*http.Cookie{{Name: "vestibule-r", Value: strings.Repeat("A", len(cookie))}})
	forged.open(s.authorize()).password("ana").at("totp", "initial")
}

// TestRememberedBrowserForgivesNothing: a right password in such a browser says nothing about codes.
func TestRememberedBrowserForgivesNothing(t *testing.T) {
	s, a := newRememberSite(t)
	b := s.remembered(a)
	p := s.totpAt(s.newBrowser())
	for _, code := range a.wrongs(4) {
		p = p.press("Continue", "code", code)
	}
	b.open(s.authorize()).password("ana").client()
	s.totpAt(s.newBrowser()).press("Continue", "code", a.wrong()).at("totp", "locked")
}

func TestForgetBrowser(t *testing.T) {
	s, a := newRememberSite(t)
	events := &recorder{}
	s.configure(func(c *Config) { c.Journal.Recorder = events })
	first := s.remembered(a)
	second := s.remembered(a)
	first.open(s.authorize()).password("ana").client()
	p := first.open("/account/security").at("security", "on")
	if got := strings.Count(p.text(), "This browser"); got != 1 {
		t.Errorf("the page says %d times that it is this browser:\n%s", got, p.text())
	}
	p.press("Forget all of them").at("totp", "initial") // whose own session is worth a password only
	second.open(s.authorize()).password("ana").at("totp", "initial")
	if dropped := events.of(audit.EventBrowserForgotten); len(dropped) != 1 || dropped[0].Detail["browser"] != "all" {
		t.Errorf("recorded %+v, want all browsers dropped", dropped)
	}

	s.clock.forward(time.Minute)
	third := s.remembered(a)
	s.clock.forward(time.Minute)
	mine := s.signedIn(&a)
	p = mine.open("/account/security").at("security", "on")
	action, form := p.form("Forget A browser")
	mine.post(action, form).at("security", "on").says("That browser is asked for a second step again")
	mine.post(action, form).at("security", "on").says("That browser is asked for a second step again") // a second click
	s.clock.forward(11 * time.Second)
	mine.post(action, form).at("security", "on").says("forgotten already")
	form.Set("browser", "?")
	mine.post(action, form).says("forgotten already")
	third.open(s.authorize()).password("ana").at("totp", "initial")
}

func TestForgetAnothersBrowser(t *testing.T) {
	s, a := newRememberSite(t)
	b := s.remembered(a)
	ben := s.newBrowser()
	ben.open("/account/security").password("ben").at("security", "off")
	list, err := s.config.Stores.Browsers.Browsers(t.Context(), "s-ana", s.clock.now())
	if err != nil || len(list) != 1 {
		t.Fatalf("ana has %d browsers, %v", len(list), err)
	}
	ben.post("/account/browsers/forget", map[string][]string{"browser": {base64.RawURLEncoding.EncodeToString(list[0].ID)}}).says("forgotten already")
	b.open(s.authorize()).password("ana").client()
}

func TestForgetAtSignOut(t *testing.T) {
	s, a := newRememberSite(t)
	b := s.remembered(a)
	b.open(s.authorize()).password("ana").client()
	b.open("/logout").press("Sign out", "forget", "yes").at("logged-out", "initial")
	b.open(s.authorize()).password("ana").at("totp", "initial")
}

// TestRememberIsOff: nothing is offered, and nothing is kept of a form that was sent nevertheless.
func TestRememberIsOff(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := s.totpAt(b)
	if strings.Contains(p.text(), "Do not ask") {
		t.Errorf("the page offers to remember the browser:\n%s", p.text())
	}
	p.press("Continue", "code", a.code(0), "remember", "yes").at("consent", "initial")
	if b.cookie("vestibule-r") != "" {
		t.Error("the browser has a cookie to be remembered by")
	}
	b.post("/account/browsers/forget", nil).answers(http.StatusNotFound)
}

// TestRecoveryCodeForgetsBrowsersOfAnotherDay: a recovery code that was used while no browser is remembered counts when they
// are again.
func TestRecoveryCodeForgetsBrowsersOfAnotherDay(t *testing.T) {
	s, a := newRememberSite(t)
	b := s.remembered(a)
	was := s.config.Times.RememberBrowser
	s.configure(func(c *Config) { c.Times.RememberBrowser = 0 })
	s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	s.configure(func(c *Config) { c.Times.RememberBrowser = was })
	b.open(s.authorize()).password("ana").at("totp", "initial")
}

func TestTickSurvivesAWrongCode(t *testing.T) {
	s, a := newRememberSite(t)
	p := s.totpAt(s.newBrowser())
	if has(p.input("remember"), "checked") {
		t.Error("the box is ticked before anybody has")
	}
	p = p.press("Continue", "code", a.wrong(), "remember", "yes").at("totp", "wrong")
	if !has(p.input("remember"), "checked") {
		t.Error("a wrong code loses the tick")
	}
}

package signin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
)

// forgiving is a way in which a user proves something, or changes what proves who that is, and what it forgives.
type forgiving struct {
	name     string
	enrolled bool // the user has an authenticator and recovery codes
	before   string
	do       func(t *testing.T, u *truthUser, c *servertest.Client)
	forgives string // "", "totp", "recovery", or "gone": all that could be guessed at is gone
}

// What before may be: how the browser has signed in, a minute before the wrong codes are counted.
const (
	inPassword = "password" // before there was an authenticator
	inCode     = "code"
	inKept     = "kept" // with the browser remembered, and the session over
	inRecovery = "recovery"
	inTwo      = "two" // with a code, and has added another authenticator
)

var forgivings = []forgiving{
	{"nothing", true, inCode, func(*testing.T, *truthUser, *servertest.Client) {}, ""},
	{"password of a user without an authenticator", false, "", signsIn(), ""},
	{"password alone, and no code", true, "", pages("login"), ""},
	{"password and code", true, "", signsIn(), "totp"},
	{"password and recovery code", true, "", recovers(), "recovery"},
	{"session that answers alone", true, inCode, signsIn(), ""},
	{"session whose code is lent, two steps asked", true, inCode, signsIn("claims", servertest.Essential("aal2")), ""},
	{"session whose code is lent, password asked again", true, inCode, signsIn("max_age", "75"), ""},
	{"session of a recovery code that is lent, password asked again", true, inRecovery, signsIn("max_age", "75"), ""},
	{"session, code asked again", true, inCode, signsIn("max_age", "30"), "totp"},
	{"session, recovery code instead", true, inCode, recovers("max_age", "30"), "recovery"},
	{"prompt=login, password alone, and no code", true, inCode, pages("login", "prompt", "login"), ""},
	{"prompt=login", true, inCode, signsIn("prompt", "login"), "totp"},
	{"remembered browser", true, inKept, signsIn(), ""},
	{"remembered browser, two steps asked", true, inKept, signsIn("acr_values", "aal2"), "totp"},
	{"step-up of a session of a password", true, inPassword, signsIn("acr_values", "aal2"), "totp"},
	{"step-up with a recovery code", true, inPassword, recovers("acr_values", "aal2"), "recovery"},
	{"set-up inside a sign-in", false, "", signsIn("acr_values", "aal2"), "totp"},
	{"set-up inside a session", false, inPassword, signsIn("acr_values", "aal2"), "totp"},
	{"set-up on the account pages", false, inPassword, addsFirst, "totp"},
	{"set-up on the account pages, not switched on", false, inPassword, confirmsFirst, ""},
	{"another authenticator", true, inCode, addsAnother, "totp"},
	{"confirmation by password on the account pages", false, inPassword, confirmsByPassword, ""},
	{"confirmation by code on the account pages", true, inCode, confirmsByCode, "totp"},
	{"new recovery codes", true, inCode, makesCodes, ""},
	{"removal of one of two with a code", true, inTwo, removes("code", "on"), "totp"},
	{"removal of one of two with a recovery code", true, inTwo, removes("recovery", "on"), "recovery"},
	{"removal of the last with a code", true, inCode, removes("code", "off"), "gone"},
	{"removal of the last with a recovery code", true, inCode, removes("recovery", "off"), "gone"},
	{"refresh", true, inCode, refreshes, ""},
	{"sign-out", true, inCode, func(t *testing.T, u *truthUser, _ *servertest.Client) { u.browser.Open("/logout").Press("Sign out") }, ""},
}

// TestOnlyAProofForgives has three wrong codes of each kind counted, and then does each thing that a user can do: exactly
// the budget of the factor that was proved there, in this request, is forgiven, and all else is as before.
func TestOnlyAProofForgives(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.RememberBrowsers, func(t *testing.T, s *servertest.Site) {
		probe, c := s.NewClient(t, "probe"), s.NewClient(t, "shop")
		for i, tt := range forgivings {
			t.Run(tt.name, func(t *testing.T) {
				u := tt.begin(t, s, probe, c, fmt.Sprintf("user%d", i))
				user, _, err := s.Store.AccountByName(t.Context(), u.name)
				if err != nil {
					t.Fatal(err)
				}
				limit := mfa.Limit{Guesses: s.Config.TOTPGuesses, Window: s.Config.TOTPWindow, Lock: s.Config.TOTPLock, InARow: s.Config.TOTPInARow}
				for range 3 {
					for _, key := range s.MFA().AttemptKeys(user.Subject) {
						if _, err := s.Store.Attempt(t.Context(), key, limit, s.Clock.Now()); err != nil {
							t.Fatal(err)
						}
					}
				}
				tt.do(t, u, c)
				if got, want := guesses(t, s, user.Subject), tt.want(); !maps.Equal(got, want) {
					t.Errorf("tries in the window and in a row are %v, want %v", got, want)
				}
			})
		}
	})
}

func (tt forgiving) want() map[string]string {
	want := map[string]string{"totp": "3 3", "recovery": "3 3"}
	switch {
	case tt.forgives == "gone":
		clear(want)
	case tt.forgives != "":
		delete(want, tt.forgives)
	}
	return want
}

// guesses is what is counted of the subject's codes, by kind: the tries in the window and in a row.
func guesses(t *testing.T, s *servertest.Site, subject string) map[string]string {
	t.Helper()
	db, _, _ := servertest.OpenDump(t, s.Config.Database)
	defer db.Close()
	found := map[string]string{}
	for _, row := range servertest.Column(context.WithoutCancel(t.Context()), t, db, `SELECT budget || '|' || tries || ' ' || in_a_row FROM guess
		WHERE owner = '`+subject+`' AND budget NOT LIKE 'pwd:%' AND (tries > 0 OR in_a_row > 0)`) {
		key, counts, _ := strings.Cut(row, "|")
		kind, _, _ := strings.Cut(key, ":")
		found[kind] = counts
	}
	return found
}

// begin brings the user to where the way begins.
func (tt forgiving) begin(t *testing.T, s *servertest.Site, probe, c *servertest.Client, name string) *truthUser {
	t.Helper()
	u := newTruthUser(t, s, probe, name, truth{recovery: tt.enrolled && tt.before != inPassword, keep: tt.before == inKept, before: tt.before, age: "1m"})
	switch tt.before {
	case "":
		return u
	case inPassword:
		u.signIn(c)
		if tt.enrolled {
			u.phone, u.codes = s.NewBrowser(t).Enrol(name)
			s.Clock.Advance(servertest.Step)
		}
		return u
	case inRecovery:
		u.recovery = true
	}
	v := c.Begin()
	p := u.browser.Open(v.Address).GiveName(name, servertest.Password).At("totp", "initial")
	s.Clock.Advance(20 * time.Second) // the code is younger than the password
	u.keep = tt.before == inKept
	if p = u.answer(p); p.Left == nil && p.Name == "recovery" {
		p = u.answer(p)
	}
	for p.Left == nil {
		p = u.answer(p)
	}
	v.Finish(p)
	s.Clock.Advance(time.Minute)
	u.recovery, u.keep = false, false
	switch tt.before {
	case inKept:
		u.browser.Open("/logout").Press("Sign out")
	case inTwo:
		addsAnother(t, u, c)
	}
	return u
}

// signIn walks a request like somebody who has the authenticator.
func (u *truthUser) signIn(c *servertest.Client, parameters ...string) servertest.Tokens {
	u.t.Helper()
	v := c.Begin(append([]string{"scope", "openid offline_access"}, parameters...)...)
	return v.Finish(u.walk(v))
}

func signsIn(parameters ...string) func(*testing.T, *truthUser, *servertest.Client) {
	return func(_ *testing.T, u *truthUser, c *servertest.Client) { u.signIn(c, parameters...) }
}

func recovers(parameters ...string) func(*testing.T, *truthUser, *servertest.Client) {
	return func(_ *testing.T, u *truthUser, c *servertest.Client) {
		u.recovery = true
		u.signIn(c, parameters...)
		if !slices.Contains(u.visited, "recovery") {
			u.t.Errorf("no recovery code was given on the pages %q", u.visited)
		}
	}
}

// pages answers as many pages as are named, and then goes away.
func pages(name string, parameters ...string) func(*testing.T, *truthUser, *servertest.Client) {
	return func(t *testing.T, u *truthUser, c *servertest.Client) {
		t.Helper()
		u.answer(u.browser.Open(c.Begin(parameters...).Address).At(name, "initial")).At("totp", "initial")
	}
}

func confirmsFirst(t *testing.T, u *truthUser, _ *servertest.Client) {
	t.Helper()
	p := u.browser.Open("/account/authenticators/new").At("setup", "initial")
	u.phone = p.Phone()
	p.Press("Continue", "code", u.phone.Code(0)).At("codes", "initial").RecoveryCodes()
}

func addsFirst(t *testing.T, u *truthUser, c *servertest.Client) {
	t.Helper()
	confirmsFirst(t, u, c)
	u.browser.Open("/account/setup/totp?step=codes").Press("Turn on two-step verification", "saved", "on").At("security", "on")
}

func addsAnother(t *testing.T, u *truthUser, _ *servertest.Client) {
	t.Helper()
	p := u.browser.Open("/account/authenticators/new").At("setup", "initial")
	p.Press("Continue", "name", "Tablet", "code", p.Phone().Code(0)).At("security", "on")
}

func confirmsByPassword(t *testing.T, u *truthUser, _ *servertest.Client) {
	t.Helper()
	u.site.Clock.Advance(11 * time.Minute)
	p := u.browser.Open("/account/authenticators/new").At("login", "initial").Says("Confirm it’s you")
	p.Press("Continue", "password", servertest.Password).At("setup", "initial")
}

func confirmsByCode(t *testing.T, u *truthUser, _ *servertest.Client) {
	t.Helper()
	u.site.Clock.Advance(11 * time.Minute)
	p := u.browser.Open("/account/recovery-codes").At("totp", "initial").Says("Confirm it’s you")
	p.GiveCode(u.phone.Code(0)).At("codes", "none")
}

func makesCodes(t *testing.T, u *truthUser, _ *servertest.Client) {
	t.Helper()
	p := u.browser.Open("/account/recovery-codes").At("codes", "none").Press("Make new recovery codes").At("codes", "initial")
	p.RecoveryCodes()
	p.Press("Use these new codes", "saved", "on").At("security", "on")
}

// removes takes an authenticator away, with a code or a recovery code. state is how that leaves two-step verification.
func removes(with, state string) func(*testing.T, *truthUser, *servertest.Client) {
	return func(t *testing.T, u *truthUser, _ *servertest.Client) {
		t.Helper()
		p := u.browser.Open("/account").Click("Remove").At("remove", "initial")
		if with == "recovery" {
			p.Click("Use a recovery code").Press("Remove", "password", servertest.Password, "recovery", u.codes[0]).At("security", state)
			return
		}
		p.Press("Remove", "password", servertest.Password, "code", u.phone.Code(0)).At("security", state)
	}
}

func refreshes(t *testing.T, u *truthUser, c *servertest.Client) {
	t.Helper()
	r := u.signIn(c)
	if _, err := c.Refresh(r.Token.RefreshToken); err != nil {
		t.Fatal(err)
	}
}

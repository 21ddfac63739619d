package main

import (
	"fmt"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"vestibule/provider/audit"
)

// sheet is a form that is filled in and waits to be sent.
type sheet struct {
	*browser
	address string
	values  url.Values
}

func (p *page) sheet(label string, fields ...string) sheet {
	p.t.Helper()
	address, values := p.fill(label, fields...)
	return sheet{p.browser, address, values}
}

// twin is a browser with the same cookies.
func (b *browser) twin() *browser {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatalf("cookie jar: %v", err)
	}
	u, err := url.Parse(b.site.config.Issuer)
	if err != nil {
		b.t.Fatal(err)
	}
	jar.SetCookies(u, b.http.Jar.Cookies(u))
	client := *b.http
	client.Jar = jar
	return &browser{t: b.t, site: b.site, http: &client}
}

// end is where a browser has come to: the page, or the client and what it got.
func (p *page) end() string {
	if p.left != nil {
		q := p.left.Query()
		if q.Has("code") {
			return "client with a code"
		}
		return "client with " + q.Get("error")
	}
	return fmt.Sprint(p.name, " ", p.state, " ", p.status)
}

// everyForm is all forms that prove, allow or change something, each for a new user of the site: what the user does
// before, and where it ends.
var everyForm = []struct {
	name string
	fill func(u *visitor) sheet
	end  string
}{
	{"password", func(u *visitor) sheet { return u.login("/login") }, "security off 200"},
	{"password at a client", func(u *visitor) sheet { return u.login(u.client.begin().address) }, "consent initial 200"},
	{"password at a client that is allowed", func(u *visitor) sheet {
		u.client.begin().signIn(u.new(), u.name).allow()
		return u.login(u.client.begin().address)
	}, "client with a code"},
	{"password before the code", func(u *visitor) sheet { u.enrol(); return u.login("/login") }, "totp initial 200"},
	{"code", func(u *visitor) sheet { return u.toCode().sheet("Continue", "code", u.phone.code(0)) }, "consent initial 200"},
	{"code at a client that is allowed", func(u *visitor) sheet {
		u.toCode().giveCode(u.phone.code(0)).allow()
		u.site.clock.advance(oneStep)
		return u.client.begin().signIn(u.new(), u.name).sheet("Continue", "code", u.phone.code(0))
	}, "client with a code"},
	{"recovery code", func(u *visitor) sheet {
		return u.toCode().click("Use a recovery code").sheet("Continue", "recovery", u.codes[0])
	}, "recovery-used initial 200"},
	{"after a recovery code", func(u *visitor) sheet {
		return u.toCode().click("Use a recovery code").press("Continue", "recovery", u.codes[0]).sheet("Continue")
	}, "consent initial 200"},
	{"consent", func(u *visitor) sheet { return u.client.begin().signIn(u.new(), u.name).sheet("Allow") }, "client with a code"},
	{"no consent", func(u *visitor) sheet { return u.client.begin().signIn(u.new(), u.name).sheet("Don’t allow") }, "client with access_denied"},
	{"new recovery codes in a sign-in", func(u *visitor) sheet {
		p := u.toCode().click("Use a recovery code").press("Continue", "recovery", u.codes[0])
		p = p.press("Continue", "action", "codes").at("codes", "initial")
		p.recoveryCodes()
		return p.sheet("Use these new codes", "saved", "on")
	}, "consent initial 200"},
	{"first code of a set-up", func(u *visitor) sheet {
		p := u.login("/account/authenticators/new").send().at("setup", "initial")
		return p.sheet("Continue", "code", p.phone().code(0))
	}, "codes initial 200"},
	{"end of a set-up", func(u *visitor) sheet {
		p := u.login("/account/authenticators/new").send().at("setup", "initial")
		p = p.press("Continue", "code", p.phone().code(0)).at("codes", "initial")
		p.recoveryCodes()
		return p.sheet("Turn on", "saved", "on")
	}, "security on 200"},
	{"second authenticator", func(u *visitor) sheet {
		p := u.member().open("/account/authenticators/new").at("setup", "initial")
		return p.sheet("Continue", "code", p.phone().code(0), "name", "Second")
	}, "security on 200"},
	{"first code of a set-up in a sign-in", func(u *visitor) sheet {
		p := u.client.begin("acr_values", "aal2").signIn(u.new(), u.name).at("setup", "initial")
		return p.sheet("Continue", "code", p.phone().code(0))
	}, "codes initial 200"},
	{"end of a set-up in a sign-in", func(u *visitor) sheet {
		p := u.client.begin("acr_values", "aal2").signIn(u.new(), u.name).at("setup", "initial")
		p = p.press("Continue", "code", p.phone().code(0)).at("codes", "initial")
		p.recoveryCodes()
		return p.sheet("Turn on", "saved", "on")
	}, "consent initial 200"},
	{"new recovery codes", func(u *visitor) sheet {
		p := u.member().open("/account/recovery-codes?new=1").at("codes", "initial")
		p.recoveryCodes()
		return p.sheet("Use these new codes", "saved", "on")
	}, "security on 200"},
	{"rename", func(u *visitor) sheet {
		return u.member().open(u.first("/rename")).at("rename", "initial").sheet("Rename", "name", "Tablet")
	}, "security on 200"},
	{"removal", func(u *visitor) sheet {
		b := u.member()
		u.site.clock.advance(oneStep)
		return b.open(u.first("/remove")).at("remove", "initial").sheet("Remove", "password", password, "code", u.phone.code(0))
	}, "security off 200"},
	{"password again", func(u *visitor) sheet {
		b := u.new()
		u.client.begin().signIn(b, u.name).allow()
		return b.open(u.client.begin("prompt", "login").address).at("login", "initial").sheet("Sign in", "password", password)
	}, "client with a code"},
	{"another user", func(u *visitor) sheet { return u.toCode().sheet("Sign in as someone else") }, "login initial 200"},
	{"the same user", func(u *visitor) sheet {
		b := u.new()
		u.client.begin().signIn(b, u.name).allow()
		return b.open(u.client.begin("prompt", "select_account").address).at("continue", "initial").sheet("Continue")
	}, "client with a code"},
	{"sign-out everywhere else", func(u *visitor) sheet {
		return u.member().open("/account/security").sheet("Sign out everywhere else")
	}, "security on 200"},
	{"remembered browser forgotten", func(u *visitor) sheet {
		return u.member("remember", "yes").open("/account/security").sheet("Forget")
	}, "security on 200"},
	{"reset cancelled", func(u *visitor) sheet {
		b := u.member()
		u.planReset()
		return b.open("/account/security").sheet("Cancel the reset")
	}, "security on 200"},
	{"reset cancelled by its link", func(u *visitor) sheet {
		u.enrol()
		return u.new().open(u.planReset()).sheet("Cancel the reset")
	}, "reset-cancel cancelled 200"},
	{"sign-out", func(u *visitor) sheet { return u.member().open("/logout").sheet("Sign out") }, "logged-out initial 200"},
}

// visitor is a new user of the site.
type visitor struct {
	t       *testing.T
	site    *site
	client  *client
	name    string
	subject string
	phone   phone
	codes   []string
}

func (s *site) visitor(t *testing.T, c *client) *visitor {
	t.Helper()
	name := fmt.Sprint("user", s.guess.Add(1))
	return &visitor{t: t, site: s, client: c, name: name, subject: s.addUser(name).Subject}
}

func (u *visitor) new() *browser { return u.site.newBrowser(u.t) }

func (u *visitor) login(address string) sheet {
	u.t.Helper()
	return u.new().open(address).at("login", "initial").sheet("Sign in", "username", u.name, "password", password)
}

func (u *visitor) enrol() {
	u.t.Helper()
	u.phone, u.codes = u.new().enrol(u.name)
	u.site.clock.advance(oneStep)
}

func (u *visitor) toCode() *page {
	u.t.Helper()
	u.enrol()
	return u.client.begin().signIn(u.new(), u.name).at("totp", "initial")
}

// member is a browser in which the user has just signed in with a code.
func (u *visitor) member(fields ...string) *browser {
	u.t.Helper()
	u.enrol()
	b := u.new()
	b.open("/login").giveName(u.name, password).press("Continue", append([]string{"code", u.phone.code(0)}, fields...)...).at("security", "on")
	u.site.clock.advance(oneStep)
	return b
}

// planReset returns the link that cancels it.
func (u *visitor) planReset() string {
	u.t.Helper()
	u.site.must(u.t, "user", "totp", "reset", u.name, "--reason", "lost", "--delay", "24h")
	plan := u.site.events(u.t, u.subject, audit.EventAdminResetPlanned)[0]
	return (*u.site.servers.Load())[0].cancelLink(plan.Detail["reset"])
}

func (u *visitor) first(action string) string {
	u.t.Helper()
	return "/account/authenticators/" + u.site.authenticators(u.t, u.subject)[0] + action
}

// send sends the form and follows its answer.
func (f sheet) send() *page {
	f.t.Helper()
	return f.post(f.address, f.values)
}

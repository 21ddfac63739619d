package servertest

import (
	"net/url"
)

// Form is a form that is filled in and waits to be sent.
type Form struct {
	*Browser
	Address string
	Values  url.Values
}

// Form fills in fields, given as name and value in turn, of the form with that button.
func (p *Page) Form(label string, fields ...string) Form {
	p.T.Helper()
	address, values := p.Fill(label, fields...)
	return Form{p.Browser, address, values}
}

// EveryForm is all forms that prove, allow or change something, each for a new user of the site: what the user does
// before, and where it ends.
var EveryForm = []struct {
	Name string
	Fill func(u *User) Form
	End  string
}{
	{"password", func(u *User) Form { return u.Login("/login") }, "security off 200"},
	{"password at a client", func(u *User) Form { return u.Login(u.Client.Begin().Address) }, "consent initial 200"},
	{"password at a client that is allowed", func(u *User) Form {
		u.Client.Begin().SignIn(u.Browser(), u.Name).Allow()
		return u.Login(u.Client.Begin().Address)
	}, "client with a code"},
	{"password before the code", func(u *User) Form { u.Enrol(); return u.Login("/login") }, "totp initial 200"},
	{"code", func(u *User) Form { return u.ToCode().Form("Continue", "code", u.Phone.Code(0)) }, "consent initial 200"},
	{"code at a client that is allowed", func(u *User) Form {
		u.ToCode().GiveCode(u.Phone.Code(0)).Allow()
		u.Site.Clock.Advance(Step)
		return u.Client.Begin().SignIn(u.Browser(), u.Name).Form("Continue", "code", u.Phone.Code(0))
	}, "client with a code"},
	{"recovery code", func(u *User) Form {
		return u.ToCode().Click("Use a recovery code").Form("Continue", "recovery", u.Codes[0])
	}, "recovery-used initial 200"},
	{"after a recovery code", func(u *User) Form {
		return u.ToCode().Click("Use a recovery code").Press("Continue", "recovery", u.Codes[0]).Form("Continue")
	}, "consent initial 200"},
	{"consent", func(u *User) Form { return u.Client.Begin().SignIn(u.Browser(), u.Name).Form("Allow") }, "client with a code"},
	{"consent at a client that is answered in a form", func(u *User) Form {
		return u.Client.Begin("response_mode", "form_post").SignIn(u.Browser(), u.Name).Form("Allow")
	}, "client with a code"},
	{"no consent", func(u *User) Form { return u.Client.Begin().SignIn(u.Browser(), u.Name).Form("Don’t allow") }, "client with access_denied"},
	{"new recovery codes in a sign-in", func(u *User) Form {
		p := u.ToCode().Click("Use a recovery code").Press("Continue", "recovery", u.Codes[0])
		p = p.Press("Continue", "action", "codes").At("codes", "initial")
		p.RecoveryCodes()
		return p.Form("Use these new codes", "saved", "on")
	}, "consent initial 200"},
	{"first code of a set-up", func(u *User) Form {
		p := u.Login("/account/authenticators/new").Send().At("setup", "initial")
		return p.Form("Continue", "code", p.Phone().Code(0))
	}, "codes initial 200"},
	{"end of a set-up", func(u *User) Form {
		return u.Login("/account/authenticators/new").Send().lastOfSetUp()
	}, "security on 200"},
	{"second authenticator", func(u *User) Form {
		p := u.SignedIn().Open("/account/authenticators/new").At("setup", "initial")
		return p.Form("Continue", "code", p.Phone().Code(0), "name", "Second")
	}, "security on 200"},
	{"first code of a set-up in a sign-in", func(u *User) Form {
		p := u.Client.Begin("acr_values", "aal2").SignIn(u.Browser(), u.Name).At("setup", "initial")
		return p.Form("Continue", "code", p.Phone().Code(0))
	}, "codes initial 200"},
	{"end of a set-up in a sign-in", func(u *User) Form {
		return u.Client.Begin("acr_values", "aal2").SignIn(u.Browser(), u.Name).lastOfSetUp()
	}, "consent initial 200"},
	{"new recovery codes", func(u *User) Form {
		p := u.SignedIn().Open("/account/recovery-codes?new=1").At("codes", "initial")
		p.RecoveryCodes()
		return p.Form("Use these new codes", "saved", "on")
	}, "security on 200"},
	{"rename", func(u *User) Form {
		return u.SignedIn().Open(u.AuthenticatorPath("/rename")).At("rename", "initial").Form("Rename", "name", "Tablet")
	}, "security on 200"},
	{"removal", func(u *User) Form {
		b := u.SignedIn()
		u.Site.Clock.Advance(Step)
		return b.Open(u.AuthenticatorPath("/remove")).At("remove", "initial").Form("Remove", "password", Password, "code", u.Phone.Code(0))
	}, "security off 200"},
	{"password again", func(u *User) Form {
		b := u.Browser()
		u.Client.Begin().SignIn(b, u.Name).Allow()
		return b.Open(u.Client.Begin("prompt", "login").Address).At("login", "initial").Form("Sign in", "password", Password)
	}, "client with a code"},
	{"another user", func(u *User) Form { return u.ToCode().Form("Sign in as someone else") }, "login initial 200"},
	{"the same user", func(u *User) Form {
		b := u.Browser()
		u.Client.Begin().SignIn(b, u.Name).Allow()
		return b.Open(u.Client.Begin("prompt", "select_account").Address).At("continue", "initial").Form("Continue")
	}, "client with a code"},
	{"sign-out everywhere else", func(u *User) Form {
		return u.SignedIn().Open("/account/security").Form("Sign out everywhere else")
	}, "security on 200"},
	{"sign-out of another browser", func(u *User) Form {
		return u.SignedIn().Open("/account/security").Form("Sign out A browser")
	}, "security on 200"},
	{"access of an app removed", func(u *User) Form {
		b := u.SignedIn()
		b.Open(u.Client.Begin().Address).Allow()
		return b.Open("/account/apps/remove?client=" + u.Client.OAuth.ClientID).Form("Remove access")
	}, "apps removed 200"},
	{"password changed", func(u *User) Form {
		return u.SignedIn().Open("/account/password").At("password", "initial").Form("Change password", "password", Password, "new-password", "a field of tall barley")
	}, "security on 200"},
	{"remembered browser forgotten", func(u *User) Form {
		return u.SignedIn("remember", "yes").Open("/account/security").Form("Forget")
	}, "security on 200"},
	{"reset cancelled", func(u *User) Form {
		b := u.SignedIn()
		u.PlanReset()
		return b.Open("/account/security").Form("Cancel the reset")
	}, "security on 200"},
	{"reset cancelled by its link", func(u *User) Form {
		u.Enrol()
		return u.Browser().Open(u.PlanReset()).Form("Cancel the reset")
	}, "reset-cancel cancelled 200"},
	{"sign-out", func(u *User) Form { return u.SignedIn().Open("/logout").Form("Sign out") }, "logged-out initial 200"},
}

// Send sends the form and follows its answer.
func (f Form) Send() *Page {
	f.T.Helper()
	return f.Post(f.Address, f.Values)
}

// lastOfSetUp is the form that ends a set-up, which is at its first page.
func (p *Page) lastOfSetUp() Form {
	p.T.Helper()
	p = p.At("setup", "initial")
	p = p.Press("Continue", "code", p.Phone().Code(0)).At("codes", "initial")
	p.RecoveryCodes()
	return p.Form("Turn on", "saved", "on")
}

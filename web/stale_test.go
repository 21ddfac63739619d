package web

import (
	"net/http"
	"testing"
	"time"

	"vestibule/mfa"
	mfatotp "vestibule/mfa/totp"
	"vestibule/web/verify"
)

// codeForm is the form of authenticator apps.
var codeForm = verify.FormOf(mfatotp.Kind{}.Names())

// newShortSite is a site where a lock of codes takes a minute.
func newShortSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	short := mfa.Limit{Guesses: 5, Window: 15 * time.Minute, Lock: time.Minute, InARow: 100}
	s.mfa.Limits.Attempts, s.mfa.Limits.Recovery = short, short
	return s
}

// half is a sign-in at the page of that form.
func (s *site) half(form verify.Form) *screen {
	s.t.Helper()
	p := s.totpAt(s.newBrowser())
	if form == codeForm {
		return p
	}
	return p.click("Use a recovery code").at("recovery", "initial")
}

// wrongsOf are five different codes of a form that are not right.
func (a phone) wrongsOf(form verify.Form) []string {
	if form == codeForm {
		return a.wrongs(5)
	}
	return []string{"22222-22222-22222", "22222-22222-22223", "22222-22222-22224", "22222-22222-22225", "22222-22222-22226"}
}

func (a phone) right(form verify.Form) string {
	if form == codeForm {
		return a.code(0)
	}
	return a.codes[0]
}

// TestLockBeginsAtThePassword: the sign-in that began a lock, one that met it, and one that knows nothing of it all begin
// at the password again, and then go on.
func TestLockBeginsAtThePassword(t *testing.T) {
	for _, form := range []verify.Form{codeForm, verify.Recovery} {
		t.Run(form.Name, func(t *testing.T) {
			s := newShortSite(t)
			a := s.enrolled("s-ana")
			unaware, met, began := s.half(form), s.half(form), s.half(form)
			for _, code := range a.wrongsOf(form) {
				began = began.press("Continue", form.Field, code)
			}
			action, again := met.form("Continue", form.Field, a.right(form))
			met = met.post(action, again)
			began.at(form.Name, "locked").answers(http.StatusTooManyRequests).says("in 1 minute")
			met.at(form.Name, "locked")
			s.clock.forward(30 * time.Second)
			during := s.half(form) // even this password is older than the end of the lock
			s.clock.forward(30 * time.Second)
			for name, p := range map[string]*screen{
				"began": began.click("Try again"), "met": met.reload(), "met, by its form": met.post(action, again),
				"unaware": unaware.press("Continue", form.Field, a.right(form)), "during": during.press("Continue", form.Field, a.right(form)),
			} {
				if p.name != "login" || p.state != "again" {
					t.Errorf("%s: page %s in state %s, want the password", name, p.name, p.state)
				}
				p.says("There were too many wrong tries. Enter your password again to go on.")
			}
			p := began.click("Try again").at("login", "again").password("ana").at("totp", "initial")
			if form == verify.Recovery {
				p = p.click("Use a recovery code").at("recovery", "initial")
			}
			want := map[verify.Form]string{codeForm: "consent", verify.Recovery: "recovery-used"}[form]
			p.press("Continue", form.Field, a.right(form)).at(want, "initial")
		})
	}
}

// TestStaleSessionStepsUp has a session from before the lock asked for a code: it gives its password first.
func TestStaleSessionStepsUp(t *testing.T) {
	s := newShortSite(t)
	b := s.signedIn(nil)
	s.clock.forward(time.Minute)
	a := s.enrolled("s-ana")
	p := s.half(codeForm)
	for _, code := range a.wrongsOf(codeForm) {
		p = p.press("Continue", "code", code)
	}
	p.at("totp", "locked")
	s.clock.forward(time.Minute)
	p = b.open(s.authorize("acr_values", "aal2")).at("totp", "initial").press("Continue", "code", a.code(0)).at("login", "again")
	p = p.press("Sign in", "password", secret).at("totp", "initial")
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
}

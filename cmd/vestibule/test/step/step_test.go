package step

import (
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
)

// From nobody signed in to the result, with a set-up on the way, a code the next time, and a recovery code in its place.
func TestSignIn(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		p.demand("two", twoSteps)
		v := p.visitor()
		page := v.begin("r0", "")
		p.is(page, "/login")
		p.is(v.LogInAt(page, "ana"), "/done/r0")
		p.hears("r0", "ana [pwd] aal1 0s")

		page = v.begin("r1", "two")
		page = page.Open("/step/login/setup/totp"+"?"+page.Address.RawQuery).At("setup", "initial")
		phone := page.Phone()
		page = page.Press("Continue", "code", phone.Code(-1)).At("codes", "initial")
		codes := page.RecoveryCodes()
		p.is(page.Press("Turn on two-step verification", "saved", "on"), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 0s")

		p.site.Clock.Advance(time.Minute)
		p.is(v.begin("r2", "two"), "/done/r2")
		p.hears("r2", "ana [pwd otp mfa] aal2 1m0s")

		v = p.visitor().logIn("ana")
		page = v.begin("r3", "").At("totp", "initial").Press("Continue", "code", phone.Wrong()).At("totp", "wrong")
		p.hears("r3", "nothing")
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r3")
		p.hears("r3", "ana [pwd otp mfa] aal2 0s")

		v = p.visitor().logIn("ana")
		page = v.begin("r4", "").At("totp", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[0])
		p.is(page.At("recovery-used", "initial").Press("Continue"), "/done/r4")
		p.hears("r4", "ana [pwd mfa] aal2 0s")
		if strings.Contains(p.result("r4"), "recovery") {
			t.Error("amr names a recovery code")
		}
	})
}

// What a demand asks of the password is the program's to ask, once.
func TestPasswordIsOwed(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		p.demand("fresh", assurance.Demand{HasMaxAge: true, MaxAge: 5 * time.Minute})
		p.demand("login", assurance.Demand{PromptLogin: true})
		v := p.visitor().logIn("ana")
		p.is(v.begin("r1", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r1")

		p.site.Clock.Advance(6 * time.Minute)
		p.is(v.begin("r2", ""), "/done/r2")
		page := v.begin("r3", "fresh")
		p.is(page, "/login")
		p.hears("r3", "nothing")
		p.is(v.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r3")
		p.hears("r3", "ana [pwd otp mfa] aal2 0s")

		p.site.Clock.Advance(time.Minute)
		page = v.begin("r4", "login")
		p.is(page, "/login")
		p.is(v.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r4")
		p.hears("r4", "ana [pwd otp mfa] aal2 0s")

		p.site.Clock.Advance(time.Second)
		page = v.begin("r5", "login") // a log-in that does not ask: the browser is not sent round and round
		p.is(page, "/login")
		v.Open(strings.TrimPrefix(page.Body, "log in and go to ")).At("error", "expired")
		p.hears("r5", "nothing")
	})
}

// The time for the code does not count from a password of this morning, but from when the step was begun.
func TestOldPassword(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		p.site.Clock.Advance(3 * time.Hour)
		page := v.begin("r1", "").At("totp", "initial")
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 3h0m0s")

		p.site.Clock.Advance(2 * time.Hour)
		page = v.begin("r2", "").At("totp", "initial")
		p.site.Clock.Advance(11 * time.Minute)
		page = page.Press("Continue", "code", phone.Code(0))
		p.is(page, "/login")
		p.hears("r2", "nothing")
		p.is(v.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r2")

		p.site.Clock.Advance(13 * time.Hour) // older than any session of the pages
		p.is(v.begin("r3", ""), "/login")
	})
}

func TestSilentRequests(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		none := twoSteps
		none.PromptNone = true
		p.demand("none", none)
		p.demand("one", assurance.Demand{PromptNone: true})
		v := p.visitor()
		p.is(v.begin("r1", "one"), "/refused/login_required")
		v.logIn("ana")
		p.is(v.begin("r2", "none"), "/refused/login_required")
		p.is(v.begin("r3", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r3")
		p.is(v.begin("r4", "none"), "/done/r4")
		p.hears("r4", "ana [pwd otp mfa] aal2 0s")
		w := p.visitor().logIn("ben")
		p.is(w.begin("r5", "one"), "/done/r5")
		p.is(w.begin("r6", "none"), "/refused/interaction_required")
		if p.refused["r6"] != "interaction_required" || p.refused["r5"] != "" {
			t.Errorf("refused are %v", p.refused)
		}
	})
}

// Whoever cancels a set-up that is only preferred goes on without; one that is essential ends the request.
func TestNotNow(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		p.demand("two", twoSteps)
		p.demand("rather", assurance.Demand{PreferredACR: assurance.LevelTwo})
		v := p.visitor().logIn("ana")
		p.is(v.begin("r1", "rather").Press("Not now"), "/done/r1")
		p.hears("r1", "ana [pwd] aal1 0s")
		p.is(v.begin("r2", "two").Press("Cancel and go back to Payroll"), "/refused/unmet_authentication_requirements")
		p.hears("r2", "nothing")
	})
}

// Too many wrong codes lock, and a lock that is over begins at a password that was given after it.
func TestLock(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		for range 5 {
			page = page.Press("Continue", "code", phone.Wrong())
		}
		page.At("totp", "locked").HasStatus(429)
		p.site.Clock.Advance(16 * time.Minute)
		page = page.Reload()
		p.is(page, "/login")
		p.is(v.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r1")

		w := p.visitor().logIn("ana") // before the lock that comes
		x := p.visitor().logIn("ana")
		page = x.begin("r3", "").At("totp", "initial")
		for range 5 {
			page = page.Press("Continue", "code", phone.Wrong())
		}
		p.site.Clock.Advance(16 * time.Minute)
		page = w.begin("r4", "").At("totp", "initial").Press("Continue", "code", phone.Code(0))
		p.is(page, "/login")
		p.hears("r4", "nothing")
		v.LogInAt(page, "ana").At("error", "unknown") // another browser's address
		p.is(w.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(1)), "/done/r4")
	})
}

// The pages know a user as long as the program does.
func TestSignedOutAtTheProgram(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.Open("/step/account/security").At("totp", "initial").Press("Continue", "code", phone.Code(0)).At("security", "on").Says("ana@example.com")
		p.site.Clock.Advance(servertest.Step)
		waiting := v.begin("r0", p.demand("login", assurance.Demand{PromptLogin: true}))
		p.is(waiting, "/login")
		p.is(page.Click("Sign out"), "/logout")
		page = v.Open("/step/account/security")
		p.is(page, "/login")
		v.LogInAt(page, "ben").At("security", "off").Says("ben@example.com")
		v.logIn("ana").Open("/step/account/security").At("totp", "initial") // signed in again, so that all is asked again
		p.change("ana", func(a *account.Account) { a.Disabled = true })
		p.is(v.Open("/step/account/security"), "/login")
	})
}

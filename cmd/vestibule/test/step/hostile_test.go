package step

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/step"
)

// What the program does not keep has not happened: the code is not spent, and nothing is recorded of it.
func TestProgramFails(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, codes := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		before := p.events(audit.Proved("totp"), audit.EventSignedIn, keptEvent)
		p.fail(errDown)
		page.Press("Continue", "code", phone.Code(0)).At("error", "server")
		p.hears("r1", "nothing")
		if after := p.events(audit.Proved("totp"), audit.EventSignedIn, keptEvent); after != before {
			t.Errorf("%d events of what was not committed", after-before)
		}
		p.is(v.Open("/home"), "/home")
		v.Open("/step/account/security").At("totp", "initial") // no session was opened
		p.fail(nil)
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 0s")

		w := p.visitor().logIn("ana")
		page = w.begin("r2", "").At("totp", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[0]).At("recovery-used", "initial")
		p.fail(errDown)
		page.Press("Continue").At("error", "server")
		p.fail(nil)
		p.is(page.Press("Continue"), "/done/r2") // the proof is kept with the sign-in
		p.fail(errDown)
		x := p.visitor().logIn("ben")
		p.demand("two", twoSteps)
		page = x.begin("r3", "two")
		page.Press("Cancel and go back to Payroll").At("error", "server")
		p.fail(nil)
		p.is(page.Press("Cancel and go back to Payroll"), "/refused/unmet_authentication_requirements")
	})
}

// events counts those of the kinds that were recorded.
func (p *program) events(kinds ...string) (n int) {
	p.t.Helper()
	for _, kind := range kinds {
		all, err := p.store.AuditEvents(p.t.Context(), storage.AuditFilter{Kind: kind}, 1000)
		if err != nil {
			p.t.Fatal(err)
		}
		n += len(all)
	}
	return n
}

// A sign-in is one browser's, once, for an hour, and by the user who is signed in there. Whatever else is sent changes nothing.
func TestForeignSignIns(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		action, form := page.Fill("Continue", "code", phone.Code(0))

		other := p.visitor().logIn("ana")
		other.begin("r2", "").At("totp", "initial") // it has cookies of its own
		other.Open(page.Address.String()).At("error", "unknown")
		other.Post(action, form).At("error", "unknown")
		bare := p.visitor()
		bare.Open(page.Address.String()).At("error", "unknown")
		bare.Post(action, form).At("error", "cookies")

		flow := form.Get("flow")
		for _, forged := range []string{"", "x", strings.Repeat("A", 22) + ".1", "s." + flow, "x" + flow} {
			altered := url.Values{"flow": {forged}, "code": {form.Get("code")}, "form_id": form["form_id"]}
			if got := v.Post(action, altered); got.Name != "error" {
				t.Errorf("the flow %q shows %s (%s)", forged, got.Name, got.State)
			}
		}
		p.hears("r1", "nothing")
		p.hears("r2", "nothing")
		if !strings.Contains(p.site.Log.String(), "msg=refused method=POST path=/step/login/totp status=400") {
			t.Errorf("the log does not tell of what was refused:\n%s", p.site.Log)
		}

		p.is(v.Post(action, form), "/done/r1")
		p.is(v.Post(action, form), "/done/r1") // the second click
		p.site.Clock.Advance(time.Minute)
		if late := v.Post(action, form); late.Name != "error" {
			t.Errorf("the form of a sign-in that is over shows %s (%s)", late.Name, late.State)
		}
		if p.finished != 1 {
			t.Errorf("the program was told %d times", p.finished)
		}

		page = other.begin("r3", "").At("totp", "initial")
		p.site.Clock.Advance(61 * time.Minute)
		page.Press("Continue", "code", phone.Code(0)).At("error", "expired")
		p.hears("r3", "nothing")
	})
}

// Another user who signs in with the program in the same browser does not go on with what the first one has proved.
func TestAnotherUserMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		v.logIn("ben")
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.hears("r1", "ben [pwd] aal1 0s")
		p.is(v.logIn("ana").begin("r2", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r2")
		p.hears("r2", "ana [pwd otp mfa] aal2 0s")

		for name, change := range map[string]func(*account.Account){
			"disabled":      func(a *account.Account) { a.Disabled = true },
			"another epoch": func(a *account.Account) { a.Disabled = false; a.Epoch++ },
		} {
			p.site.Clock.Advance(time.Minute)
			w := p.visitor().logIn("ana")
			page := w.begin("r "+name, "").At("totp", "initial")
			p.change("ana", change)
			page.Press("Continue", "code", phone.Code(0))
			p.hears("r "+name, "nothing")
			p.change("ana", func(a *account.Account) { a.Disabled, a.Epoch = false, 0 })
		}
	})
}

// "Sign in as someone else" leads to a password that is given after it.
func TestSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		p.enrol("ana")
		v := p.visitor().logIn("ana")
		p.site.Clock.Advance(time.Second)
		page := v.begin("r1", "").At("totp", "initial").Press("Sign in as someone else")
		p.is(page, "/login")
		p.is(v.LogInAt(page, "ben"), "/done/r1")
		p.hears("r1", "ben [pwd] aal1 0s")
	})
}

// Of clicks at once one is the answer, and the program is told once, by two processes.
func TestManyClicks(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		action, form := v.begin("r1", "").At("totp", "initial").Fill("Continue", "code", phone.Code(0))
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if err := v.TrySend(action, form); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		p.hears("r1", "nothing")
		if proved, kept := p.events(audit.Proved("totp")), p.events(keptEvent); proved != 1 || kept != 1 {
			t.Errorf("%d codes were taken, and the program has kept %d logins; want one of each", proved, kept)
		}
		p.is(v.Open("/step/login/continue?flow="+url.QueryEscape(form.Get("flow"))), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 0s")
	})
}

// What one process has begun another ends.
func TestTwoProcesses(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		p.steps.Store(p.newHandler())
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")
		v.Open("/step/account/security").At("security", "on")
	})
}

// The account's pages: what a code allows, and what wants the program's password as well.
func TestAccountPages(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.Open("/step/").At("totp", "initial").Press("Continue", "code", phone.Code(0)).At("security", "on")
		page.Click("Rename").At("rename", "initial").Press("Rename", "name", "Telefon").At("security", "on").Says("Telefon")

		p.site.Clock.Advance(servertest.Step)
		second := v.Open("/step/account/setup/totp").At("setup", "initial")
		second.Press("Continue", "code", second.Phone().Code(0), "name", "Tablet").At("security", "on").Says("Tablet")
		page = v.Open("/step/account/security")
		page = page.Click("Make new codes").At("codes", "initial")
		page.RecoveryCodes()
		page = page.Press("Use these new codes", "saved", "yes").At("security", "on")

		p.site.Clock.Advance(11 * time.Minute)
		page = page.Click("Remove")
		p.is(page, "/login")
		page = v.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)).At("remove", "initial")
		if page.Find(servertest.Named("password")) != nil {
			t.Error("the page asks for a password that is the program's")
		}
		page = page.Press("Remove Telefon", "code", phone.Wrong()).At("remove", "wrong")
		late, form := page.Fill("Remove Telefon", "code", phone.Code(1))
		p.site.Clock.Advance(11 * time.Minute)
		p.is(v.Post(late, form), "/login")
		p.site.Clock.Advance(time.Second)
		page = v.LogInAt(v.Open(page.Address.String()), "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)).At("remove", "initial")
		page.Press("Remove Telefon", "code", phone.Code(1)).At("security", "on").Says("Telefon was removed.")
		p.is(v.begin("r1", ""), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 0s") // which was proved a moment ago
	})
}

// The cookies of the step are its own: their names hold its path.
func TestCookies(t *testing.T) {
	t.Parallel()
	p := newProgram(t, storageOf(t))
	v := p.visitor().logIn("ana")
	p.is(v.begin("r1", ""), "/done/r1")
	u, err := url.Parse(p.site.Config.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.HTTP.Jar.Cookies(u) {
		if c.Name != servertest.LogInCookie && !strings.HasPrefix(c.Name, "vestibule.step-") {
			t.Errorf("there is a cookie %s", c.Name)
		}
	}
}

// The pages obey the policy, as with a server of their own.
func TestPolicy(t *testing.T) {
	t.Parallel()
	p := newProgram(t, storageOf(t), func(c *step.Config) { c.Policy.Rules = []mfa.Rule{{Must: mfa.Required, Group: "finance"}} })
	p.change("ana", func(a *account.Account) { a.Groups = []string{"finance"} })
	p.visitor().logIn("ana").begin("r1", "").Says("Payroll")
	p.hears("r1", "nothing")
	v := p.visitor().logIn("ben")
	p.is(v.begin("r2", ""), "/done/r2")
}

// TestSealedSignInOfAnotherBrowser: a sign-in that nobody has proved anything for travels in the address of the log-in. In a
// browser that has not begun it, signed in with the program or not, it leads nowhere.
func TestSealedSignInOfAnotherBrowser(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		back := p.visitor().begin("r1", "").Address.Query().Get(step.ReturnTo)
		if !strings.HasPrefix(back, "/step/login?") {
			t.Fatalf("the log-in leads back to %q", back)
		}
		flow, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []visitor{p.visitor().logIn("ana"), p.visitor()} {
			page := other.Open(back).At("error", "cookies")
			if page.Find(servertest.IsSubmit) != nil {
				t.Errorf("the page has a button:\n%s", page.Text())
			}
			other.Post("/step/login/restart", url.Values{"flow": {flow.Query().Get("flow")}}).At("error", "cookies")
			other.Open(back).At("error", "cookies")
		}
		p.hears("r1", "nothing")
	})
}

// TestEndedSignInIsNotBegunAnew: who goes back to before the log-in, once the sign-in is over, is not signed in for the same
// request once more without a word.
func TestEndedSignInIsNotBegunAnew(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		v := p.visitor()
		back := v.begin("r1", "").Address.Query().Get(step.ReturnTo)
		p.site.Clock.Advance(time.Second)
		v.logIn("ana")
		p.is(v.Open(back), "/done/r1")
		p.site.Clock.Advance(time.Minute)
		v.Open(back).At("error", "elsewhere")
		v.logIn("ben")
		v.Open(back).At("error", "elsewhere")
		if p.finished != 1 {
			t.Errorf("the program was told %d times", p.finished)
		}
	})
}

// TestEpochEndsTheSession: what the program ends by a higher epoch is over here, though its own session goes on.
func TestEpochEndsTheSession(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.is(v.begin("r2", ""), "/done/r2")
		p.mu.Lock()
		ana := p.users["ana"]
		ana.Epoch++
		p.users["ana"] = ana
		p.mu.Unlock()
		v.begin("r3", "").At("totp", "initial")
		p.hears("r3", "nothing")
	})
}

// TestEndAccess: what the program ends with one call is over, in every browser and under way, and who comes back gives a code.
func TestEndAccess(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v, other := p.visitor().logIn("ana"), p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.is(v.begin("r2", ""), "/done/r2")
		v.Open("/step/account/security").At("security", "on")
		half := other.begin("r3", "").At("totp", "initial")
		p.site.Clock.Advance(servertest.Step)

		h := p.steps.Load()
		var wrong *operator.Invalid
		if err := h.EndAccess(t.Context(), "ana", "payroll:admin", ""); !errors.As(err, &wrong) {
			t.Errorf("without a reason: %v", err)
		}
		if err := h.EndAccess(t.Context(), "ana", "payroll:admin", "a stolen laptop"); err != nil {
			t.Fatal(err)
		}
		events, err := p.store.Activity(t.Context(), "ana", []string{audit.EventAdminAccessEnded}, "", 10)
		if err != nil || len(events) != 1 || events[0].Actor != "payroll:admin" || events[0].Detail["reason"] != "a stolen laptop" {
			t.Errorf("the log has %+v (%v)", events, err)
		}
		half.Press("Continue", "code", phone.Code(0))
		p.hears("r3", "nothing")
		v.Open("/step/account/security").At("totp", "initial")
		p.site.Clock.Advance(servertest.Step)
		page = v.begin("r4", "").At("totp", "initial")
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r4")
		v.Open("/step/account/security").At("security", "on")
	})
}

// TestWork: what has expired goes.
func TestWork(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		p.enrol("ana")
		p.visitor().logIn("ana").begin("r1", "").At("totp", "initial")
		rows := func() int {
			all, err := p.store.Sessions(t.Context(), "ana")
			if err != nil {
				t.Fatal(err)
			}
			return len(all)
		}
		if rows() == 0 {
			t.Fatal("there is no session to go")
		}
		p.site.Clock.Advance(90 * 24 * time.Hour)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.steps.Load().Work(ctx)
		}()
		for range 100 {
			if rows() == 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		stop()
		<-done
		if n := rows(); n != 0 {
			t.Errorf("%d sessions that are over are left", n)
		}
	})
}

package step

import (
	"strings"
	"testing"
	"time"

	"vestibule/provider/assurance"
)

// TestClockAhead: a password that was right in a minute from now at the latest, by the clock of another machine, counts as
// now. More is refused, and the log says why.
func TestClockAhead(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		for _, tt := range []struct {
			ahead   time.Duration
			refused bool
		}{
			{-time.Microsecond, false}, {0, false}, {time.Microsecond, false}, {time.Minute, false},
			{time.Minute + time.Microsecond, true}, {time.Hour, true},
		} {
			p.ahead.Store(int64(tt.ahead))
			id := "of " + tt.ahead.String()
			v := p.visitor().logIn("ana")
			page := v.begin(id, "")
			if tt.refused {
				page.At("error", "server").HasStatus(500)
				p.hears(id, "nothing")
				if want := tt.ahead.String() + " from now: its clock may be ahead of this one by at most 1m0s"; !strings.Contains(p.site.Log.String(), want) {
					t.Errorf("the log does not say %q:\n%s", want, p.site.Log)
				}
				v.Open("/step/account/security").At("error", "server")
				continue
			}
			p.is(page, "/done/"+id)
			p.hears(id, "ana [pwd] aal1 "+max(-tt.ahead, 0).String())
		}
	})
}

// TestSessionOfAClockAhead: what was proved after such a password is known again, while it is yet to come and afterwards, and
// its times do not move. Another password is another one.
func TestSessionOfAClockAhead(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		p.ahead.Store(int64(40 * time.Second))
		v := p.visitor().logIn("ana")
		p.is(v.begin("r0", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r0")
		p.hears("r0", "ana [pwd otp mfa] aal2 0s")
		for _, id := range []string{"r1", "r2", "r3"} { // in 20, in 40 and in 60 seconds
			p.site.Clock.Advance(20 * time.Second)
			p.is(v.begin(id, ""), "/done/"+id)
			v.Open("/step/account/security").At("security", "on")
		}
		p.hears("r3", "ana [pwd otp mfa] aal2 1m0s")
		v.logIn("ana").begin("r4", "").At("totp", "initial")
	})
}

// TestNewPasswordByAClockAhead: a password that was there before is no new one, whatever its clock says and however long the
// browser waits, and one that is given then is.
func TestNewPasswordByAClockAhead(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		p.ahead.Store(int64(40 * time.Second))
		p.demand("login", assurance.Demand{PromptLogin: true})
		for name, known := range map[string]bool{"a session": true, "no session": false} {
			v := p.visitor().logIn("ana")
			if known {
				p.is(v.begin("before "+name, ""), "/done/before "+name)
			}
			p.site.Clock.Advance(time.Second)
			id := "new for " + name
			page := v.begin(id, "login")
			p.is(page, "/login")
			back := strings.TrimPrefix(page.Body, "log in and go to ")
			v.Open(back).At("error", "expired")
			p.site.Clock.Advance(time.Minute)
			v.Open(back).At("error", "expired")
			v.Open(strings.TrimSuffix(back, "&back=1"))
			p.hears(id, "nothing")
			p.is(v.LogInAt(page, "ana"), "/done/"+id)
			p.hears(id, "ana [pwd] aal1 0s")
		}

		p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("other", "").At("totp", "initial").Press("Sign in as someone else")
		p.is(page, "/login")
		p.site.Clock.Advance(time.Second)
		p.is(v.LogInAt(page, "ben"), "/done/other")
		p.hears("other", "ben [pwd] aal1 0s")
	})
}

// TestRequestOfAClockAhead: a request is of now at the latest, so that what is proved for it is not too old.
func TestRequestOfAClockAhead(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor()
		p.demand("login", assurance.Demand{PromptLogin: true, RequestedAt: p.site.Clock.Now().Add(time.Minute)})
		page := v.begin("r1", "login")
		p.is(page, "/login")
		p.is(v.LogInAt(page, "ana").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 0s")

		p.demand("late", assurance.Demand{RequestedAt: p.site.Clock.Now().Add(time.Minute + time.Microsecond)})
		v.begin("r2", "late").At("error", "server").HasStatus(500)
		p.hears("r2", "nothing")
		if want := "clock may be ahead by at most 1m0s"; !strings.Contains(p.site.Log.String(), want) {
			t.Errorf("the log does not say %q", want)
		}
	})
}

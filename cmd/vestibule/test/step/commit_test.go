package step

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/storage"
	"vestibule/storage/storagetest"
	"vestibule/web/step"
)

// shaky is a store one of whose writes fails, or the end of one of its commits.
type shaky struct {
	*storage.Store

	mu    sync.Mutex
	fails int // the how manieth from now; 0: none
}

func (s *shaky) failAt(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = n
}

// failed reports whether the write that was to fail has come.
func (s *shaky) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fails <= 0
}

func (s *shaky) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails--; s.fails == 0 {
		return errDown
	}
	return nil
}

// or is what a write comes to.
func (s *shaky) or(write func() error) error {
	if err := s.fault(); err != nil {
		return err
	}
	return write()
}

type atomicKey struct{}

// Atomic fails at the end of a commit, when all is written.
func (s *shaky) Atomic(ctx context.Context, fn func(context.Context) error) error {
	if ctx.Value(atomicKey{}) != nil {
		return s.Store.Atomic(ctx, fn)
	}
	return s.Store.Atomic(context.WithValue(ctx, atomicKey{}, true), func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		return s.fault()
	})
}

func (s *shaky) SaveInteraction(ctx context.Context, ix *interaction.Interaction) error {
	return s.or(func() error { return s.Store.SaveInteraction(ctx, ix) })
}

func (s *shaky) SaveSession(ctx context.Context, old []byte, session *interaction.Session) error {
	return s.or(func() error { return s.Store.SaveSession(ctx, old, session) })
}

func (s *shaky) Record(ctx context.Context, e audit.Event) error {
	return s.or(func() error { return s.Store.Record(ctx, e) })
}

func (s *shaky) Spend(ctx context.Context, id string, counter int64, params string, now time.Time) error {
	return s.or(func() error { return s.Store.Spend(ctx, id, counter, params, now) })
}

func (s *shaky) Redeem(ctx context.Context, set string, digest []byte, now time.Time) error {
	return s.or(func() error { return s.Store.Redeem(ctx, set, digest, now) })
}

func (s *shaky) ResetAttempts(ctx context.Context, key string, now time.Time, others ...mfa.Budget) error {
	return s.or(func() error { return s.Store.ResetAttempts(ctx, key, now, others...) })
}

func (s *shaky) Activate(ctx context.Context, subject, owner string, basis int64, a *mfa.Authenticator, r *mfa.RecoverySet) error {
	return s.or(func() error { return s.Store.Activate(ctx, subject, owner, basis, a, r) })
}

func (s *shaky) RequireSession(ctx context.Context, sid string) error {
	return s.or(func() error { return s.Store.RequireSession(ctx, sid) })
}

func (s *shaky) UseSession(ctx context.Context, id []byte, sid string, now, since time.Time) error {
	return s.or(func() error { return s.Store.UseSession(ctx, id, sid, now, since) })
}

// proving is a form that ends a sign-in.
type proving struct {
	page   *servertest.Page
	button string
	fields []string
	proof  string // the event of it
}

// send sends the form, and goes on to the end, or to where that fails.
func (f *proving) send() *servertest.Page {
	page := f.page.Press(f.button, f.fields...)
	if page.Name == "recovery-used" {
		f.page, f.button, f.fields = page, "Continue", nil
		return f.send()
	}
	return page
}

// again does what a user does who sees an error: it sends the form once more, or reloads the page after it.
func (f *proving) again(page *servertest.Page) *servertest.Page {
	if page.Address.Query().Has("flow") {
		return page.Reload()
	}
	return f.send()
}

// TestStoreFails has each write of the end of a sign-in fail, and each commit after all that it writes. An answer is spent
// together with all that follows from it or not at all; then the same answer is right again, and otherwise none is owed.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		store := &shaky{Store: db}
		p := newProgram(t, db, func(c *step.Config) { c.Store = store })
		phone, codes := p.enrol("ana")
		p.demand("two", twoSteps)
		for what, prepare := range map[string]func(id string) proving{
			"code": func(id string) proving {
				p.site.Clock.Advance(servertest.Step)
				page := p.visitor().logIn("ana").begin(id, "").At("totp", "initial")
				return proving{page, "Continue", []string{"code", phone.Code(0)}, audit.Proved("totp")}
			},
			"recovery code": func(id string) proving {
				page := p.visitor().logIn("ana").begin(id, "").At("totp", "initial").Click("Use a recovery code")
				code := codes[0]
				codes = append(codes[1:], code) // there are more faults than codes
				return proving{page, "Continue", []string{"recovery", code}, audit.EventRecoveryUsed}
			},
			"set-up": func(id string) proving {
				p.change(id, func(a *account.Account) { *a = account.Account{Subject: id, Username: id} })
				page := p.visitor().logIn(id).begin(id, "two")
				page = page.Open("/step/login/setup/totp"+"?"+page.Address.RawQuery).At("setup", "initial")
				page = page.Press("Continue", "code", page.Phone().Code(-1)).At("codes", "initial")
				return proving{page, "Turn on two-step verification", []string{"saved", "on"}, audit.EventFactorAdded}
			},
		} {
			p.sweep(store, what, prepare)
		}
	})
}

// sweep has one write after the other fail until none is left.
func (p *program) sweep(store *shaky, what string, prepare func(id string) proving) {
	p.t.Helper()
	for n := 1; ; n++ {
		id := fmt.Sprintf("%s %d", what, n)
		form := prepare(id)
		before := p.events(form.proof)
		counts := p.events(keptEvent) - before
		sessions := p.events(audit.EventSignedIn) - before
		finished := p.events(finishedEvent)
		store.failAt(n)
		page := form.send()
		if !store.failed() {
			if n < 8 {
				p.t.Errorf("%s: there are no more than %d writes", what, n-1)
			}
			store.failAt(0)
			return
		}
		if page.Name != "error" {
			p.t.Fatalf("%s: %s (%s) is shown", id, page.Name, page.State)
		}
		spent := p.events(form.proof) - before
		if p.events(keptEvent)-before != counts+spent || p.events(audit.EventSignedIn)-before != sessions+spent || p.events(finishedEvent) != finished {
			p.t.Errorf("%s: half of it was committed", id)
		}
		p.is(form.again(page), "/done/"+id)
		if p.events(form.proof) != before+1 || p.events(keptEvent)-before != counts+1 || p.events(finishedEvent) != finished+1 {
			p.t.Errorf("%s: in the end %d were spent", id, p.events(form.proof)-before)
		}
	}
}

// TestFinishFails: after an error of Finish nothing of the end is committed, and all that was proved before is: the browser
// goes on when it asks again, and owes nothing.
func TestFinishFails(t *testing.T) {
	each(t, func(t *testing.T, p *program) {
		phone, codes := p.enrol("ana")
		page := p.visitor().logIn("ana").begin("code", "").At("totp", "initial")
		p.stick(errDown)
		page = page.Press("Continue", "code", phone.Code(0)).At("error", "server")
		if n := p.events(audit.Proved("totp")); n != 1 {
			t.Errorf("%d codes were spent, want one", n)
		}
		page.Open("/step/account/security").At("security", "on")
		p.visitor().logIn("ana").begin("again", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)).At("totp", "used")
		page = page.Reload().At("error", "server")
		p.hears("code", "nothing")
		p.stick(nil)
		p.is(page.Reload(), "/done/code")
		p.hears("code", "ana [pwd otp mfa] aal2 0s")

		page = p.visitor().logIn("ana").begin("recovery", "").At("totp", "initial").Click("Use a recovery code")
		page = page.Press("Continue", "recovery", codes[0]).At("recovery-used", "initial")
		p.stick(errDown)
		page.Press("Continue").At("error", "server")
		p.stick(nil)
		p.is(page.Press("Continue"), "/done/recovery")
		p.hears("recovery", "ana [pwd mfa] aal2 0s")

		v := p.visitor().logIn("ben")
		sessions := p.events(audit.EventSignedIn)
		p.stick(errDown)
		page = v.begin("password", "").At("error", "server")
		if n := p.events(audit.EventSignedIn) - sessions; n != 0 {
			t.Errorf("%d sessions were opened for an answer that was not given", n)
		}
		p.stick(nil)
		p.is(page.Reload(), "/done/password")
		p.hears("password", "ben [pwd] aal1 0s")
		if n := p.events(finishedEvent); n != 3 {
			t.Errorf("the program has written %d ends, want 3", n)
		}
	})
}

package mfa_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
)

// attack is what somebody may try who has ana's password and no factor of hers, in one session of a host that lets him
// call what he likes. He has an account of his own, with an authenticator, and began to set up one of ana's before she had
// any: so far that it was confirmed, in another session.
type attack struct {
	*env
	owner   string
	own     mfa.Proof   // of the account of his own
	gained  []mfa.Proof // of ana
	noCode  string      // that no key of ana's shows
	earlier []mfa.Setup
	began   time.Time
	live    mfa.Factors
}

func newAttack(t *testing.T) *attack {
	t.Helper()
	a := &attack{env: newEnv(t)}
	v, err := a.Begin(ctx, "mallory", "his", totp.Name)
	must(t, "Begin", err)
	must(t, "Confirm", a.Confirm(ctx, "mallory", "his", totp.Form(a.code(secretOf(v), 0)), ""))
	must(t, "Activate", a.Activate(ctx, "mallory", "his", keep(&a.own)))
	for _, owner := range []string{"begun", "confirmed"} {
		v := a.begin(t, owner)
		if owner == "confirmed" {
			must(t, "Confirm", a.Confirm(ctx, "ana", owner, totp.Form(a.code(secretOf(v), 0)), "His"))
		}
		setup, err := a.memory.Setup(ctx, owner)
		must(t, "Setup", err)
		a.earlier = append(a.earlier, setup)
	}
	began := a.now
	a.secret, a.codes = a.enrol(t, "Phone")
	a.now = began.Add(time.Minute) // his proof, and what he began, are young
	a.began, a.live, a.noCode = a.now, a.factors(t), a.wrong(a.secret)
	return a
}

// again takes all back but what would be a success.
func (a *attack) again(t *testing.T, owner string) {
	t.Helper()
	must(t, "Cancel", a.Cancel(ctx, owner))
	for _, setup := range a.earlier {
		must(t, "SaveSetup", a.memory.SaveSetup(ctx, setup))
	}
	for _, key := range a.AttemptKeys("ana") {
		must(t, "ResetAttempts", a.memory.ResetAttempts(ctx, key, a.began.Add(-time.Hour)))
	}
	a.now, a.owner, a.gained = a.began, owner, nil
}

// gain runs a call that hands out a proof, which is void when the call fails.
func (a *attack) gain(call func(then func(context.Context, mfa.Proof) error) error) error {
	var p mfa.Proof
	err := call(keep(&p))
	if err == nil && p.Kind() != "" {
		a.gained = append(a.gained, p)
	}
	return err
}

// verify gives a code, and recover a recovery code.
func (a *attack) verify(code string) error {
	return a.gain(func(then func(context.Context, mfa.Proof) error) error {
		return a.Verify(ctx, "ana", totp.Answer(code), a.now, then)
	})
}

func (a *attack) recover(code string) error {
	return a.gain(func(then func(context.Context, mfa.Proof) error) error {
		return a.Recover(ctx, "ana", code, a.now, func(ctx context.Context, p mfa.Proof, _ int) error { return then(ctx, p) })
	})
}

// shown is what the host shows of the set-up in the session.
func (a *attack) shown() mfa.PendingView {
	v, _ := a.Pending(ctx, a.owner, "ana")
	return v
}

// codeShown is a code of the key that is shown, or one that is wrong.
func (a *attack) codeShown() string {
	if secret := secretOf(a.shown()); secret != "" {
		return a.code(secret, 0)
	}
	return a.noCode
}

// authenticator is ana's, by an id that a page may show.
func (a *attack) authenticator() string { return a.live.Authenticators[0].ID }

// moves are all calls of the API that take what he has, or can make up.
func (a *attack) moves() map[string]func() error {
	forged := func() mfa.Proof {
		p, _ := a.OpenProof("ana", a.own.Sealed())
		return p
	}
	begin := func(p func() mfa.Proof) func() error {
		return func() error { _, err := a.BeginAnother(ctx, "ana", a.owner, totp.Name, p()); return err }
	}
	none, his := func() mfa.Proof { return mfa.Proof{} }, func() mfa.Proof { return a.own }
	return map[string]func() error{
		"Begin":                  func() error { _, err := a.Begin(ctx, "ana", a.owner, totp.Name); return err },
		"Choose":                 func() error { _, err := a.Choose(ctx, "ana", a.owner, totp.Name, nil); return err },
		"BeginAnother over none": begin(none),
		"BeginAnother over his":  begin(his),
		"BeginAnother, forged":   begin(forged),
		"BeginCodes over none":   func() error { _, err := a.BeginCodes(ctx, "ana", a.owner, none()); return err },
		"BeginCodes over his":    func() error { _, err := a.BeginCodes(ctx, "ana", a.owner, his()); return err },
		"Confirm":                func() error { return a.Confirm(ctx, "ana", a.owner, totp.Form(a.codeShown()), "") },
		"Activate": func() error {
			return a.gain(func(then func(context.Context, mfa.Proof) error) error { return a.Activate(ctx, "ana", a.owner, then) })
		},
		"Cancel":               func() error { return a.Cancel(ctx, a.owner) },
		"Verify":               func() error { return a.verify(a.codeShown()) },
		"Recover":              func() error { return a.recover(a.recoveryShown()) },
		"Remove over none":     func() error { return a.Remove(ctx, "ana", a.authenticator(), none(), nil) },
		"RemoveSpare over his": func() error { return a.RemoveSpare(ctx, "ana", a.authenticator(), his(), nil) },
		"a minute later":       func() error { a.now = a.now.Add(time.Minute); return nil },
	}
}

// recoveryShown is a recovery code that is shown, or one that is wrong.
func (a *attack) recoveryShown() string {
	if codes := a.shown().Codes; len(codes) > 0 {
		return codes[0]
	}
	return wrongRecovery
}

// passed reports whether he is past the factor, or can be from now on.
func (a *attack) passed(t *testing.T) bool {
	t.Helper()
	return len(a.gained) > 0 || !reflect.DeepEqual(a.factors(t), a.live)
}

// length is how many calls the sweep makes in a row.
const length = 7

// TestPasswordAlonePassesNothing: no order of calls ends in a proof, or changes a factor, without an answer of what the
// owner has.
func TestPasswordAlonePassesNothing(t *testing.T) {
	a := newAttack(t)
	for _, owner := range []string{"begun", "confirmed", "his session"} {
		tried := a.sweep(t, owner, nil)
		if t.Logf("%d orders of calls in the session with what was %s", tried, owner); tried < len(a.moves()) {
			t.Errorf("only %d orders of calls were tried", tried)
		}
	}
}

// sweep makes all calls after those that were made, and all others after them. One that has changed nothing is the end:
// what comes after it was tried without it.
func (a *attack) sweep(t *testing.T, owner string, made []string) (tried int) {
	t.Helper()
	moves := a.moves()
	for name, move := range moves {
		a.again(t, owner)
		for _, earlier := range made {
			moves[earlier]()
		}
		before := a.state()
		move() // whatever the host does with the error
		order := append(made[:len(made):len(made)], name)
		if a.passed(t) {
			t.Fatalf("in the session with what was %s, with the password alone: %s", owner, strings.Join(order, ", "))
		}
		if tried++; len(order) < length && !reflect.DeepEqual(a.state(), before) {
			tried += a.sweep(t, owner, order)
		}
	}
	return tried
}

// state is all that the next call may depend on, but for counts, which only ever refuse.
func (a *attack) state() any {
	setup, err := a.memory.Setup(ctx, a.owner)
	return []any{setup, err, a.now}
}

// TestSweepSeesAHole: the same calls, and one right answer of the owner's between them, do pass. So the sweep would see a
// hole.
func TestSweepSeesAHole(t *testing.T) {
	for name, answer := range map[string]func(a *attack) error{
		"her code":          func(a *attack) error { return a.verify(a.code(a.secret, 0)) },
		"her recovery code": func(a *attack) error { return a.recover(a.codes[0]) },
	} {
		a := newAttack(t)
		a.again(t, "his session")
		if a.now = a.now.Add(2 * time.Minute); a.passed(t) {
			t.Fatalf("%s: he is past before he has it", name)
		}
		must(t, name, answer(a))
		if !a.passed(t) {
			t.Fatalf("%s: the sweep does not see a proof", name)
		}
		a.live = a.factors(t)
		_, err := a.BeginAnother(ctx, "ana", a.owner, totp.Name, a.gained[0])
		must(t, "BeginAnother", err)
		a.gained = nil
		moves := a.moves()
		must(t, "Confirm", moves["Confirm"]())
		if a.passed(t) {
			t.Fatalf("%s: what is confirmed counts", name)
		}
		must(t, "Activate", moves["Activate"]())
		if !a.passed(t) || len(a.factors(t).Authenticators) != 2 {
			t.Fatalf("%s: the sweep does not see another authenticator", name)
		}
	}
}

// TestOldProofIsNone: whoever proved an authenticator of ana's that she has removed since has the password alone.
func TestOldProofIsNone(t *testing.T) {
	w := enrolled(t)
	tablet, _ := w.enrol(t, "Tablet")
	stolen, err := w.verify(w.code(tablet, 0))
	must(t, "Verify", err)
	w.now = w.now.Add(time.Minute)
	hers, err := w.verify(w.code(w.secret, 0))
	must(t, "Verify", err)
	for _, a := range w.factors(t).Authenticators {
		if a.Name == "Tablet" {
			must(t, "RemoveSpare", w.RemoveSpare(ctx, "ana", a.ID, hers, nil))
		}
	}
	if _, err := w.BeginAnother(ctx, "ana", "his session", totp.Name, stolen); !errors.Is(err, mfa.ErrProof) {
		t.Errorf("BeginAnother over a proof of the tablet that was removed: %v, want %v", err, mfa.ErrProof)
	}
}

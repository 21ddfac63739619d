package mfatest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule/mfa"
)

// change is one of the changes of the factors that ask for a proof.
type change struct {
	name string
	do   func(o *serviceTest, p mfa.Proof) error
}

// changes are all of them. Each is of ana, who has a key and a card.
var changes = []change{
	{"BeginAnother", func(o *serviceTest, p mfa.Proof) error {
		_, err := o.BeginAnother(ctx, "ana", "tab", kindKey, p)
		return errors.Join(err, o.Cancel(ctx, "tab"))
	}},
	{"BeginCodes", func(o *serviceTest, p mfa.Proof) error {
		_, err := o.BeginCodes(ctx, "ana", "codes", p)
		return errors.Join(err, o.Cancel(ctx, "codes"))
	}},
	{"Remove", func(o *serviceTest, p mfa.Proof) error { return o.removeCard(o.Remove, p) }},
	{"RemoveSpare", func(o *serviceTest, p mfa.Proof) error { return o.removeCard(o.RemoveSpare, p) }},
}

// removeCard removes ana's card, but for the commit.
func (o *serviceTest) removeCard(remove func(context.Context, string, string, mfa.Proof, func(context.Context) error) error, p mfa.Proof) error {
	f, err := o.stores.Factors(ctx, "ana")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(f.Authenticators, func(a mfa.Authenticator) bool { return a.Kind == kindCard })
	err = remove(ctx, "ana", f.Authenticators[i].ID, p, func(context.Context) error { return errAbort })
	if errors.Is(err, errAbort) {
		return nil
	}
	return err
}

// serviceProofs: the factors of a subject who has some change over a proof of theirs alone, given in the last ten minutes,
// in this process or another, and after the last removal.
func serviceProofs(t *testing.T, o *serviceTest) {
	if o.Atomic == nil {
		t.Skip("this store has no Atomic: a removal could not be tried twice")
	}
	_, codes := o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	ben := o.proofOfBen(t)
	other := o.service()
	ring, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	must(t, "ParseKeyring", err)
	other.Keys = ring
	for _, tt := range []struct {
		name  string
		proof func() mfa.Proof
		want  error
	}{
		{"none", func() mfa.Proof { return mfa.Proof{} }, mfa.ErrProof},
		{"another subject's", func() mfa.Proof { return ben }, mfa.ErrProof},
		{"another subject's, sealed", func() mfa.Proof { return o.opened("ana", ben.Sealed()) }, mfa.ErrProof},
		{"another subject's, opened", func() mfa.Proof { return o.opened("ben", ben.Sealed()) }, mfa.ErrProof},
		{"what is no seal", func() mfa.Proof { return o.opened("ana", []byte("ana")) }, mfa.ErrProof},
		{"nothing sealed", func() mfa.Proof { return o.opened("ana", mfa.Proof{}.Sealed()) }, mfa.ErrProof},
		{"altered", func() mfa.Proof {
			sealed := o.proof(t).Sealed()
			sealed[len(sealed)-1] ^= 1
			return o.opened("ana", sealed)
		}, mfa.ErrProof},
		{"sealed with another key", func() mfa.Proof {
			p, _ := other.OpenProof("ana", o.proof(t).Sealed())
			return p
		}, mfa.ErrProof},
		{"given just now", func() mfa.Proof { return o.proof(t) }, nil},
		{"given almost ten minutes ago", func() mfa.Proof { return o.later(o.proof(t), 10*time.Minute-1) }, nil},
		{"given ten minutes ago", func() mfa.Proof { return o.later(o.proof(t), 10*time.Minute) }, mfa.ErrProof},
		{"sealed almost ten minutes ago", func() mfa.Proof { return o.later(o.opened("ana", o.proof(t).Sealed()), 10*time.Minute-1) }, nil},
		{"sealed ten minutes ago", func() mfa.Proof { return o.later(o.opened("ana", o.proof(t).Sealed()), 10*time.Minute) }, mfa.ErrProof},
		{"given by a process whose clock is ahead", func() mfa.Proof { return o.later(o.proof(t), -time.Second) }, nil},
		{"given by a clock that was set back since", func() mfa.Proof { return o.later(o.proof(t), -time.Hour) }, mfa.ErrProof},
		{"recovery code", func() (p mfa.Proof) {
			must(t, "Recover", o.Recover(ctx, "ana", codes[0], o.now, func(_ context.Context, got mfa.Proof, _ int) error { p = got; return nil }))
			codes = codes[1:]
			return p
		}, nil},
	} {
		for _, c := range changes {
			p, now := tt.proof(), o.now
			check(t, c.name+" over a proof, "+tt.name, c.do(o, p), tt.want)
			o.now = now
		}
		o.now = o.now.Add(24 * time.Hour)
	}
}

// serviceProofsOutlived: a proof is worth something until an authenticator goes, whichever and however. What comes changes
// nothing.
func serviceProofsOutlived(t *testing.T, o *serviceTest) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T)
		want error
	}{
		{"another was set up", func(t *testing.T) { must(t, "set-up", o.addSpare(t)) }, nil},
		{"another was added by an operator", func(t *testing.T) {
			must(t, "Add", o.stores.Add(ctx, factors(t, o.stores, "ana").Generation, *authenticator("ana", "by an operator")))
		}, nil},
		{"new recovery codes were made", func(t *testing.T) { o.newCodes(t) }, nil},
		{"one was renamed", func(t *testing.T) {
			must(t, "Rename", o.Rename(ctx, "ana", factors(t, o.stores, "ana").Authenticators[0].ID, "Another name", nil))
		}, nil},
		{"the one that was proved is removed", func(t *testing.T) { o.removeKind(t, kindKey) }, mfa.ErrProof},
		{"another one is removed", func(t *testing.T) { o.removeKind(t, kindCard) }, mfa.ErrProof},
		{"another one is removed by an operator", func(t *testing.T) {
			must(t, "RemoveSpare", o.stores.RemoveSpare(ctx, "ana", o.idOf(t, kindCard)))
		}, mfa.ErrProof},
		{"all were reset, and set up anew", func(t *testing.T) {
			_, err := o.stores.Reset(ctx, "ana")
			must(t, "Reset", err)
			o.enrolNew(t)
		}, mfa.ErrProof},
	} {
		o.enrolNew(t)
		p := o.proof(t)
		tt.do(t)
		for how, p := range map[string]mfa.Proof{"a proof": p, "a sealed proof": o.opened("ana", p.Sealed())} {
			_, err := o.BeginAnother(ctx, "ana", "tab", kindKey, p)
			check(t, "BeginAnother over "+how+" from before "+tt.name, err, tt.want)
			must(t, "Cancel", o.Cancel(ctx, "tab"))
			_, err = o.BeginCodes(ctx, "ana", "codes", p)
			check(t, "BeginCodes over "+how+" from before "+tt.name, err, tt.want)
			must(t, "Cancel", o.Cancel(ctx, "codes"))
		}
		_, err := o.stores.Reset(ctx, "ana")
		must(t, "Reset", err)
	}
}

// serviceOpened: a proof that was sealed allows changes, and signs nobody in.
func serviceOpened(t *testing.T, o *serviceTest) {
	setUp, codes := o.enrol(t, kindKey)
	proofs := map[string]mfa.Proof{"set-up": setUp, "answer": o.proof(t)}
	must(t, "Recover", o.Recover(ctx, "ana", codes[0], o.now, func(_ context.Context, p mfa.Proof, _ int) error {
		proofs["recovery code"] = p
		return nil
	}))
	for name, p := range proofs {
		if slices.Contains(p.AMR(), mfa.MethodRecovery) {
			t.Errorf("%s: amr says %q", name, p.AMR())
		}
		got, err := o.OpenProof("ana", p.Sealed())
		if err != nil || got.Subject() != "ana" || !got.Time().Equal(p.Time()) {
			t.Errorf("%s: OpenProof = %+v, %v", name, got, err)
		}
		if got.Method() != "" || got.Kind() != "" || len(got.AMR()) > 0 || got.PhishingResistant() || len(got.Sealed()) > 0 {
			t.Errorf("%s: what was sealed proves %+v again", name, got)
		}
		if _, err := o.OpenProof("ben", p.Sealed()); !errors.Is(err, mfa.ErrProof) {
			t.Errorf("%s: OpenProof of another subject: %v, want %v", name, err, mfa.ErrProof)
		}
		for i := range p.Sealed() {
			if _, err := o.OpenProof("ana", p.Sealed()[:i]); !errors.Is(err, mfa.ErrProof) {
				t.Errorf("%s, cut off after %d: %v, want %v", name, i, err, mfa.ErrProof)
			}
		}
	}
}

// serviceFirst: what is begun as the first authenticator is that or nothing, however far it got, and by whichever call.
func serviceFirst(t *testing.T, o *serviceTest) {
	theirs := NewKeyDevice()
	for _, owner := range []string{"begun", "confirmed"} {
		view, err := o.Begin(ctx, "ana", owner, kindKey)
		must(t, "Begin", err)
		if owner == "confirmed" {
			must(t, "Confirm", o.Confirm(ctx, "ana", owner, theirs.Enrol(t, view.Offer, o.now), "Theirs"))
		}
	}
	o.enrol(t, kindKey)
	live := factors(t, o.stores, "ana")
	for _, owner := range []string{"begun", "confirmed", "fresh"} {
		check(t, "Activate of what was "+owner, o.Activate(ctx, "ana", owner, nil), map[string]error{
			"begun": mfa.ErrNotConfirmed, "confirmed": mfa.ErrChanged, "fresh": mfa.ErrNoSetup}[owner])
		_, err := o.Begin(ctx, "ana", owner, kindKey)
		check(t, "Begin where one was "+owner, err, mfa.ErrEnrolled)
		_, err = o.Begin(ctx, "ana", owner, kindCard)
		check(t, "Begin of another kind where one was "+owner, err, mfa.ErrEnrolled)
		_, err = o.Choose(ctx, "ana", owner, kindCard, nil)
		check(t, "Choose where one was "+owner, err, mfa.ErrEnrolled)
		_, err = o.BeginAnother(ctx, "ana", owner, kindKey, mfa.Proof{})
		check(t, "BeginAnother where one was "+owner, err, mfa.ErrProof)
		_, err = o.BeginCodes(ctx, "ana", owner, mfa.Proof{})
		check(t, "BeginCodes where one was "+owner, err, mfa.ErrProof)
	}
	if view, err := o.Pending(ctx, "begun", "ana"); err == nil {
		check(t, "Confirm of what was begun", o.Confirm(ctx, "ana", "begun", theirs.Enrol(t, view.Offer, o.now), ""), mfa.ErrChanged)
	}
	if now := factors(t, o.stores, "ana"); !reflect.DeepEqual(now, live) {
		t.Errorf("ana has %+v, want %+v", now, live)
	}
	for _, owner := range []string{"", "ana"} {
		_, err := o.Begin(ctx, "ana", owner, kindKey)
		check(t, fmt.Sprintf("Begin for the owner %q", owner), err, mfa.ErrOwner)
		_, err = o.BeginAnother(ctx, "ana", owner, kindKey, o.proof(t))
		check(t, fmt.Sprintf("BeginAnother for the owner %q", owner), err, mfa.ErrOwner)
	}
}

// serviceUnderWay: what was begun with a proof goes on without another, for as long as it would have and no longer.
func serviceUnderWay(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	view, err := o.BeginAnother(ctx, "ana", "tab", kindKey, o.proof(t))
	must(t, "BeginAnother", err)
	o.now = o.now.Add(14 * time.Minute)
	for what, begin := range map[string]func() (mfa.PendingView, error){
		"BeginAnother": func() (mfa.PendingView, error) { return o.BeginAnother(ctx, "ana", "tab", kindKey, mfa.Proof{}) },
		"Begin":        func() (mfa.PendingView, error) { return o.Begin(ctx, "ana", "tab", kindKey) },
	} {
		if again, err := begin(); err != nil || !reflect.DeepEqual(again, view) {
			t.Errorf("%s of what is under way = %+v, %v, want %+v", what, again, err, view)
		}
	}
	other, err := o.BeginAnother(ctx, "ana", "tab", kindCard, mfa.Proof{})
	if err != nil || other.Kind != kindCard || !other.Expires.Equal(view.Expires) {
		t.Errorf("BeginAnother of another kind = %+v, %v, want it until %v", other, err, view.Expires)
	}
	_, err = o.BeginAnother(ctx, "ana", "another tab", kindKey, mfa.Proof{})
	check(t, "BeginAnother of another owner", err, mfa.ErrProof)
	o.now = view.Expires
	_, err = o.BeginAnother(ctx, "ana", "tab", kindCard, mfa.Proof{})
	check(t, "BeginAnother after the end", err, mfa.ErrProof)
}

// serviceProofRaces: what is proved may be removed, and be changed, while another is set up, in two processes.
func serviceProofRaces(t *testing.T, o *serviceTest) {
	if o.Atomic == nil {
		t.Skip("this store has no Atomic: a removal could be seen by halves")
	}
	processes := [2]*mfa.Service{o.Service, o.service()}
	for i := range contenders {
		_, err := o.stores.Reset(ctx, "ana")
		must(t, "Reset", err)
		o.keys[kindKey] = NewKeyDevice()
		o.enrol(t, kindKey)
		id, p := o.idOf(t, kindKey), o.proof(t)
		view, err := processes[i%2].BeginAnother(ctx, "ana", "tab", kindCard, o.opened("ana", p.Sealed()))
		must(t, "BeginAnother", err)
		must(t, "Confirm", processes[1-i%2].Confirm(ctx, "ana", "tab", NewKeyDevice().Enrol(t, view.Offer, o.now), ""))
		var activated, removed error
		var group sync.WaitGroup
		group.Go(func() { activated = processes[0].Activate(ctx, "ana", "tab", nil) })
		group.Go(func() { removed = processes[1].Remove(ctx, "ana", id, p, nil) })
		group.Wait()
		left := factors(t, o.stores, "ana").Authenticators
		if activated == nil && errors.Is(removed, mfa.ErrChanged) { // it had read the factors before the set-up changed them
			if len(left) != 2 {
				t.Errorf("a removal that failed has left %+v", left)
			}
			continue
		}
		must(t, "Remove", removed)
		switch {
		case activated == nil && (len(left) != 1 || left[0].Kind != kindCard):
			t.Errorf("both went through, and left %+v, want the card", left)
		case activated != nil && !errors.Is(activated, mfa.ErrChanged) && !errors.Is(activated, mfa.ErrNoSetup):
			t.Errorf("Activate: %v, want %v", activated, mfa.ErrChanged)
		case activated != nil && len(left) != 0:
			t.Errorf("a set-up whose proof is gone has left %+v", left)
		}
	}
}

// serviceFirstRace: of many first authenticators that are confirmed, one becomes live, in whichever process.
func serviceFirstRace(t *testing.T, o *serviceTest) {
	processes := [2]*mfa.Service{o.Service, o.service()}
	for i := range contenders {
		owner := fmt.Sprint("tab", i)
		view, err := processes[i%2].Begin(ctx, "ana", owner, kindKey)
		must(t, "Begin", err)
		must(t, "Confirm", processes[1-i%2].Confirm(ctx, "ana", owner, NewKeyDevice().Enrol(t, view.Offer, o.now), ""))
	}
	won := race(t, mfa.ErrChanged, func(i int) error { return processes[i%2].Activate(ctx, "ana", fmt.Sprint("tab", i), nil) })
	if f := factors(t, o.stores, "ana"); won != 1 || len(f.Authenticators) != 1 {
		t.Errorf("%d first authenticators became live, and left %+v", won, f)
	}
}

// proof is one of ana's key.
func (o *serviceTest) proof(t *testing.T) mfa.Proof {
	t.Helper()
	p, err := o.verify(o.answer(t, kindKey))
	must(t, "Verify", err)
	return p
}

// proofOfBen sets a key of ben's up.
func (o *serviceTest) proofOfBen(t *testing.T) (p mfa.Proof) {
	t.Helper()
	view, err := o.Begin(ctx, "ben", "tab of ben", kindKey)
	must(t, "Begin", err)
	must(t, "Confirm", o.Confirm(ctx, "ben", "tab of ben", NewKeyDevice().Enrol(t, view.Offer, o.now), ""))
	must(t, "Activate", o.Activate(ctx, "ben", "tab of ben", keep(&p)))
	return p
}

// opened is a proof that another process has sealed; one that proves nothing if it does not open.
func (o *serviceTest) opened(subject string, sealed []byte) mfa.Proof {
	p, _ := o.service().OpenProof(subject, sealed)
	return p
}

// later moves the clock.
func (o *serviceTest) later(p mfa.Proof, d time.Duration) mfa.Proof {
	o.now = o.now.Add(d)
	return p
}

// service is another process on the same stores.
func (o *serviceTest) service() *mfa.Service {
	return &mfa.Service{
		Store: o.stores, Attempts: o.stores, Setups: o.stores, Keys: o.Keys, Kinds: o.Kinds, Atomic: o.Atomic, Now: o.Now,
		Limits: o.Limits, Memory: o.Memory, Passes: o.Passes,
	}
}

// enrolNew gives ana a new key and a new card.
func (o *serviceTest) enrolNew(t *testing.T) {
	t.Helper()
	for _, kind := range []string{kindKey, kindCard} {
		o.keys[kind] = NewKeyDevice()
		o.enrol(t, kind)
	}
}

func (o *serviceTest) idOf(t *testing.T, kind string) string {
	t.Helper()
	all := factors(t, o.stores, "ana").Authenticators
	return all[slices.IndexFunc(all, func(a mfa.Authenticator) bool { return a.Kind == kind })].ID
}

func (o *serviceTest) removeKind(t *testing.T, kind string) {
	t.Helper()
	must(t, "RemoveSpare", o.RemoveSpare(ctx, "ana", o.idOf(t, kind), Prove(t, o.Service, "ana"), nil))
}

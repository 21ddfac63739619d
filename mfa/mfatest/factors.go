package mfatest

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"vestibule/mfa"
)

func nothing(t *testing.T, s Stores) {
	enrolled(t, s, "ana", false)
	if f := factors(t, s, "ana"); f.Generation != 0 || len(f.Authenticators) != 0 || f.Recovery != nil {
		t.Errorf("Factors of nobody = %+v", f)
	}
	check(t, "Remove of nothing", s.Remove(ctx, "ana", "a1"), mfa.ErrNotEnrolled)
	if n, err := s.Reset(ctx, "ana"); n != 0 || err != nil {
		t.Errorf("Reset of nothing = %d, %v", n, err)
	}
	check(t, "Spend for nothing", s.Spend(ctx, "a1", 7, params, now), mfa.ErrUsed)
	check(t, "Redeem of nothing", s.Redeem(ctx, "r1", []byte("x"), now), mfa.ErrCode)
	must(t, "ResetAttempts of nothing", s.ResetAttempts(ctx, "totp:ana", now))
	must(t, "Enable of nothing", takeAgain(ctx, s, "totp:ana", 1))
}

func setups(t *testing.T, s Stores) {
	_, err := s.Setup(ctx, "tab")
	check(t, "Setup of nobody", err, mfa.ErrNoSetup)
	must(t, "DeleteSetup of nothing", s.DeleteSetup(ctx, "tab"))

	first := setup("tab", "ana", 0)
	first.Confirmed, first.Name = false, ""
	for _, want := range []mfa.Setup{first, setup("tab", "ana", 3)} {
		must(t, "SaveSetup", s.SaveSetup(ctx, want))
		got, err := s.Setup(ctx, "tab")
		must(t, "Setup", err)
		if !got.Created.Equal(want.Created) || !got.Expires.Equal(want.Expires) {
			t.Errorf("times of setup = %v, %v, want %v, %v", got.Created, got.Expires, want.Created, want.Expires)
		}
		got.Created, got.Expires = want.Created, want.Expires
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Setup = %+v, want %+v", got, want)
		}
	}
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("other tab", "ana", 0)))
	enrolled(t, s, "ana", false)
	must(t, "DeleteSetup", s.DeleteSetup(ctx, "tab"))
	_, err = s.Setup(ctx, "tab")
	check(t, "Setup after DeleteSetup", err, mfa.ErrNoSetup)
	_, err = s.Setup(ctx, "other tab")
	must(t, "Setup of another owner", err)
}

// confirmSetup: a set-up that is gone does not come back with its code.
func confirmSetup(t *testing.T, s Stores) {
	confirmed := setup("tab", "ana", 0)
	begun := confirmed
	begun.Confirmed, begun.Name, begun.Sealed = false, "", []byte{7}
	check(t, "ConfirmSetup of nothing", s.ConfirmSetup(ctx, confirmed), mfa.ErrNoSetup)
	for _, change := range []func(*mfa.Setup){
		func(p *mfa.Setup) { p.ID = "another" },
		func(p *mfa.Setup) { p.Subject = "ben" },
	} {
		other := begun
		change(&other)
		must(t, "SaveSetup", s.SaveSetup(ctx, other))
		check(t, "ConfirmSetup of another", s.ConfirmSetup(ctx, confirmed), mfa.ErrNoSetup)
		if got, err := s.Setup(ctx, "tab"); err != nil || got.Confirmed || got.ID != other.ID || got.Subject != other.Subject {
			t.Errorf("Setup = %+v, %v, want %+v", got, err, other)
		}
	}
	must(t, "SaveSetup", s.SaveSetup(ctx, begun))
	must(t, "ConfirmSetup", s.ConfirmSetup(ctx, confirmed))
	got, err := s.Setup(ctx, "tab")
	must(t, "Setup", err)
	got.Created, got.Expires = confirmed.Created, confirmed.Expires
	if !reflect.DeepEqual(got, confirmed) {
		t.Errorf("Setup = %+v, want %+v", got, confirmed)
	}
	must(t, "DeleteSetup", s.DeleteSetup(ctx, "tab"))
	check(t, "ConfirmSetup after DeleteSetup", s.ConfirmSetup(ctx, confirmed), mfa.ErrNoSetup)
	_, err = s.Setup(ctx, "tab")
	check(t, "Setup after ConfirmSetup of nothing", err, mfa.ErrNoSetup)
}

func activate(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	enrolled(t, s, "ana", true)
	enrolled(t, s, "ben", false)
	f := factors(t, s, "ana")
	if len(f.Authenticators) != 1 || f.Recovery == nil || f.Generation == 0 {
		t.Fatalf("Factors after Activate = %+v", f)
	}
	a, want := f.Authenticators[0], authenticator("ana", "a1")
	if !a.Created.Equal(want.Created) || !a.LastUsed.IsZero() {
		t.Errorf("times of authenticator = %v, %v, want %v and zero", a.Created, a.LastUsed, want.Created)
	}
	a.Created, a.LastUsed = want.Created, want.LastUsed
	if !reflect.DeepEqual(a, *want) {
		t.Errorf("authenticator = %+v, want %+v", a, *want)
	}
	sameSet(t, *f.Recovery, *recovery("ana", "r1"))

	enrol(t, s, "ana", "a2", "")
	if g := factors(t, s, "ana"); len(g.Authenticators) != 2 || g.Recovery == nil || g.Recovery.ID != "r1" || g.Generation <= f.Generation {
		t.Errorf("Factors after a second authenticator = %+v", g)
	}
}

func sameSet(t *testing.T, got, want mfa.RecoverySet) {
	t.Helper()
	if !got.Created.Equal(want.Created) {
		t.Errorf("set was created at %v, want %v", got.Created, want.Created)
	}
	got.Created = want.Created
	slices.SortFunc(got.Digests, bytes.Compare)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("set = %+v, want %+v", got, want)
	}
}

// Two set-ups that began on the same factors: the second finds them changed, and nothing of it stays.
func activateOnce(t *testing.T, s Stores) {
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("one", "ana", 0)))
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("two", "ana", 0)))
	must(t, "first Activate", s.Activate(ctx, "ana", "one", 0, authenticator("ana", "a1"), recovery("ana", "r1")))
	check(t, "second Activate", s.Activate(ctx, "ana", "two", 0, authenticator("ana", "a2"), recovery("ana", "r2")), mfa.ErrChanged)
	check(t, "the first again", s.Activate(ctx, "ana", "one", 0, authenticator("ana", "a1"), nil), mfa.ErrChanged)
	if f := factors(t, s, "ana"); len(f.Authenticators) != 1 || f.Recovery == nil || f.Recovery.ID != "r1" {
		t.Errorf("Factors = %+v, want a1 and r1 alone", f)
	}
	_, err := s.Setup(ctx, "one")
	check(t, "Setup after Activate", err, mfa.ErrNoSetup)
	_, err = s.Setup(ctx, "two")
	must(t, "Setup whose Activate failed", err)
}

func activateAlone(t *testing.T, s Stores) {
	check(t, "Activate without a setup", s.Activate(ctx, "ana", "tab", 0, authenticator("ana", "a1"), nil), mfa.ErrChanged)
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("tab", "ben", 0)))
	check(t, "Activate with another subject's setup", s.Activate(ctx, "ana", "tab", 0, authenticator("ana", "a1"), nil), mfa.ErrChanged)
	enrolled(t, s, "ana", false)
	if f := factors(t, s, "ana"); f.Generation != 0 {
		t.Errorf("Generation after failed Activates = %d, want 0", f.Generation)
	}
	_, err := s.Setup(ctx, "tab")
	must(t, "Setup of the other subject", err)
}

func newSet(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	basis := factors(t, s, "ana").Generation
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("tab", "ana", basis)))
	must(t, "Activate", s.Activate(ctx, "ana", "tab", basis, nil, recovery("ana", "r2")))
	f := factors(t, s, "ana")
	if len(f.Authenticators) != 1 {
		t.Errorf("%d authenticators after new codes, want 1", len(f.Authenticators))
	}
	sameSet(t, *f.Recovery, *recovery("ana", "r2"))
	check(t, "Redeem from the old set", s.Redeem(ctx, "r1", digest("r1", 0), now), mfa.ErrCode)
	check(t, "old code in the new set", s.Redeem(ctx, "r2", digest("r1", 0), now), mfa.ErrCode)
	must(t, "Redeem from the new set", s.Redeem(ctx, "r2", digest("r2", 0), now))
}

func parallelActivate(t *testing.T, s Stores) {
	for i := range contenders {
		must(t, "SaveSetup", s.SaveSetup(ctx, setup(fmt.Sprint("tab", i), "ana", 0)))
	}
	won := race(t, mfa.ErrChanged, func(i int) error {
		return s.Activate(ctx, "ana", fmt.Sprint("tab", i), 0, authenticator("ana", fmt.Sprint("a", i)), recovery("ana", fmt.Sprint("r", i)))
	})
	f := factors(t, s, "ana")
	if won != 1 || len(f.Authenticators) != 1 || f.Recovery == nil || len(f.Recovery.Digests) != 10 {
		t.Errorf("%d activations won and left %+v, want one", won, f)
	}
}

func kinds(t *testing.T, s Stores) {
	all := []mfa.KindParams{{Kind: "app", Params: "1"}, {Kind: "app", Params: "2"}, {Kind: "key", Params: "1"}, {Kind: "key"}}
	for i, k := range append(all, all[0]) {
		a := authenticator("ana", fmt.Sprint("a", i))
		a.Kind, a.Params = k.Kind, k.Params
		must(t, "Add", s.Add(ctx, int64(i), *a))
	}
	got, err := s.KindsOf(ctx, "ana")
	if err != nil || len(got) != len(all) {
		t.Errorf("KindsOf = %v, %v, want each of %v once", got, err, all)
	}
	for _, k := range all {
		if !slices.Contains(got, k) {
			t.Errorf("KindsOf = %v, without %v", got, k)
		}
	}
	must(t, "Spend", s.Spend(ctx, "a4", 2000, "1", now))
	must(t, "Spend", s.Spend(ctx, "a0", 2000, "1", now.Add(time.Minute)))
	all[0].Used = now.Add(time.Minute)
	got, err = s.KindsOf(ctx, "ana")
	if err != nil || !slices.ContainsFunc(got, func(k mfa.KindParams) bool { return k.Params == "1" && k.Kind == "app" && k.Used.Equal(all[0].Used) }) {
		t.Errorf("KindsOf = %v, %v, want the time of the last use in %v", got, err, all[0])
	}
	for _, k := range got {
		if (k.Kind != "app" || k.Params != "1") && !k.Used.IsZero() {
			t.Errorf("%v was never used", k)
		}
	}
}

// An authenticator that comes without a set-up is like one that comes with it.
func add(t *testing.T, s Stores) {
	a := authenticator("ana", "a1")
	a.Kind, a.Params = "app", "other"
	must(t, "Add", s.Add(ctx, 0, *a))
	f := factors(t, s, "ana")
	if f.Generation == 0 || len(f.Authenticators) != 1 || f.Recovery != nil {
		t.Fatalf("Factors after Add = %+v", f)
	}
	if got := f.Authenticators[0]; got.Kind != a.Kind || got.Params != a.Params || got.Name != a.Name || !bytes.Equal(got.Secret, a.Secret) || got.Counter != a.Counter {
		t.Errorf("authenticator = %+v, want %+v", got, *a)
	}
	check(t, "Add on an old basis", s.Add(ctx, 0, *authenticator("ana", "a2")), mfa.ErrChanged)
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("tab", "ana", 0)))
	check(t, "Activate of what began before Add", s.Activate(ctx, "ana", "tab", 0, authenticator("ana", "a3"), nil), mfa.ErrChanged)
	must(t, "Add", s.Add(ctx, f.Generation, *authenticator("ana", "a2")))
	if f := factors(t, s, "ana"); len(f.Authenticators) != 2 {
		t.Errorf("Factors = %+v, want a1 and a2", f)
	}
}

func parallelAdd(t *testing.T, s Stores) {
	won := race(t, mfa.ErrChanged, func(i int) error { return s.Add(ctx, 0, *authenticator("ana", fmt.Sprint("a", i))) })
	if f := factors(t, s, "ana"); won != 1 || len(f.Authenticators) != 1 {
		t.Errorf("%d adds won and left %+v, want one", won, f)
	}
}

func rename(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	enrol(t, s, "ben", "b1", "")
	before := factors(t, s, "ana")
	must(t, "Rename", s.Rename(ctx, "ana", "a1", before.Generation, "Tablet"))
	f := factors(t, s, "ana")
	if f.Authenticators[0].Name != "Tablet" || f.Generation != before.Generation {
		t.Errorf("Factors after Rename = %+v, want Tablet at generation %d", f, before.Generation)
	}
	check(t, "Rename on another basis", s.Rename(ctx, "ana", "a1", f.Generation+1, "Phone"), mfa.ErrChanged)
	check(t, "Rename of another's", s.Rename(ctx, "ana", "b1", f.Generation, "Phone"), mfa.ErrNotEnrolled)
	if f := factors(t, s, "ben"); f.Authenticators[0].Name != "name of b1" {
		t.Errorf("ben's authenticator is called %q", f.Authenticators[0].Name)
	}
}

// Whoever takes a name that a confirmed set-up was promised ends the set-up: two could not have it.
func renameOntoSetup(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "")
	basis := factors(t, s, "ana").Generation
	taken, other, open, theirs := setup("tab", "ana", basis), setup("tab 2", "ana", basis), setup("tab 3", "ana", basis), setup("tab 4", "ben", 0)
	taken.Name, open.Name, theirs.Name, open.Confirmed = "\uff34ABLET", "Tablet", "Tablet", false // the first looks like it
	for _, p := range []mfa.Setup{taken, other, open, theirs} {
		must(t, "SaveSetup", s.SaveSetup(ctx, p))
	}
	must(t, "Rename", s.Rename(ctx, "ana", "a1", basis, "Tablet"))
	_, err := s.Setup(ctx, "tab")
	check(t, "Setup of the same name", err, mfa.ErrNoSetup)
	for _, owner := range []string{"tab 2", "tab 3", "tab 4"} {
		_, err := s.Setup(ctx, owner)
		must(t, "Setup of "+owner, err)
	}
}

func remove(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	enrol(t, s, "ana", "a2", "")
	check(t, "Remove by another", s.Remove(ctx, "ben", "a1"), mfa.ErrNotEnrolled)
	before := factors(t, s, "ana").Generation
	must(t, "Remove", s.Remove(ctx, "ana", "a1"))
	f := factors(t, s, "ana")
	if len(f.Authenticators) != 1 || f.Authenticators[0].ID != "a2" || f.Recovery == nil || f.Generation <= before {
		t.Errorf("Factors after Remove = %+v, want a2 and r1", f)
	}
	check(t, "Remove again", s.Remove(ctx, "ana", "a1"), mfa.ErrNotEnrolled)
	check(t, "Spend for a removed one", s.Spend(ctx, "a1", 2000, params, now), mfa.ErrUsed)
}

func removeLast(t *testing.T, s Stores) {
	enrol(t, s, "ben", "b1", "rb")
	enrol(t, s, "ana", "a1", "r1")
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("tab", "ana", 1)))
	use(t, s, "ana", "ben")
	must(t, "Remove", s.Remove(ctx, "ana", "a1"))
	gone(t, s)
}

func reset(t *testing.T, s Stores) {
	enrol(t, s, "ben", "b1", "rb")
	enrol(t, s, "ana", "a1", "r1")
	enrol(t, s, "ana", "a2", "")
	basis := factors(t, s, "ana").Generation
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("tab", "ana", basis)))
	use(t, s, "ana", "ben")
	if n, err := s.Reset(ctx, "ana"); n != 2 || err != nil {
		t.Errorf("Reset = %d, %v, want 2", n, err)
	}
	gone(t, s)
	must(t, "SaveSetup", s.SaveSetup(ctx, setup("tab", "ana", basis)))
	check(t, "Activate of what began before Reset", s.Activate(ctx, "ana", "tab", basis, authenticator("ana", "a3"), nil), mfa.ErrChanged)
}

// budgets are those of the subject's factors; the second is that of a kind which the store has never heard of.
func budgets(subject string) []string {
	return []string{"totp:" + subject, "brandnew:" + subject, "recovery:" + subject}
}

// passwordOf is a budget that no change of the factors concerns.
func passwordOf(subject string) string { return "pwd:" + subject + "|a name" }

// use takes one guess from each budget of the subjects.
func use(t *testing.T, s Stores, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		for _, key := range append(budgets(subject), passwordOf(subject)) {
			guess(t, s, key, five, now, mfa.AttemptCount{Left: 4})
		}
	}
}

// gone checks that ana has nothing, and that ben has lost nothing.
func gone(t *testing.T, s Stores) {
	t.Helper()
	enrolled(t, s, "ana", false)
	if f := factors(t, s, "ana"); len(f.Authenticators) != 0 || f.Recovery != nil {
		t.Errorf("Factors = %+v, want none", f)
	}
	_, err := s.Setup(ctx, "tab")
	check(t, "Setup", err, mfa.ErrNoSetup)
	check(t, "Redeem", s.Redeem(ctx, "r1", digest("r1", 0), now), mfa.ErrCode)
	guess(t, s, passwordOf("ana"), five, now, mfa.AttemptCount{Left: 3})
	for _, key := range budgets("ana") {
		guess(t, s, key, five, now, mfa.AttemptCount{Left: 4})
	}
	for _, key := range append(budgets("ben"), passwordOf("ben")) {
		guess(t, s, key, five, now.Add(time.Second), mfa.AttemptCount{Left: 3})
	}
	if f := factors(t, s, "ben"); len(f.Authenticators) != 1 || f.Recovery == nil || len(f.Recovery.Digests) != 10 {
		t.Errorf("Factors of ben = %+v", f)
	}
}

// However two removals interleave, the last of them takes the recovery codes along.
func parallelRemove(t *testing.T, s Stores) {
	for i := range contenders {
		id, set := fmt.Sprint("a", i), ""
		if i == 0 {
			set = "r1"
		}
		enrol(t, s, "ana", id, set)
	}
	won := race(t, mfa.ErrNotEnrolled, func(i int) error { return s.Remove(ctx, "ana", fmt.Sprint("a", i)) })
	if f := factors(t, s, "ana"); won != contenders || len(f.Authenticators) != 0 || f.Recovery != nil {
		t.Errorf("%d of %d removals won and left %+v", won, contenders, f)
	}
}

func removeSpare(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	enrol(t, s, "ana", "a2", "")
	enrol(t, s, "ben", "b1", "")
	check(t, "RemoveSpare by another", s.RemoveSpare(ctx, "ben", "a1"), mfa.ErrLast)
	before := factors(t, s, "ana").Generation
	must(t, "RemoveSpare", s.RemoveSpare(ctx, "ana", "a1"))
	f := factors(t, s, "ana")
	if len(f.Authenticators) != 1 || f.Authenticators[0].ID != "a2" || f.Recovery == nil || f.Generation <= before {
		t.Errorf("Factors after RemoveSpare = %+v, want a2 and r1", f)
	}
	check(t, "RemoveSpare of the last", s.RemoveSpare(ctx, "ana", "a2"), mfa.ErrLast)
	if after := factors(t, s, "ana"); len(after.Authenticators) != 1 || after.Generation != f.Generation {
		t.Errorf("a refused removal left %+v, want %+v", after, f)
	}
}

// However two removals interleave, one authenticator stays.
func parallelRemoveSpare(t *testing.T, s Stores) {
	for i := range contenders {
		enrol(t, s, "ana", fmt.Sprint("a", i), "")
	}
	won := race(t, mfa.ErrLast, func(i int) error { return s.RemoveSpare(ctx, "ana", fmt.Sprint("a", i)) })
	if f := factors(t, s, "ana"); won != contenders-1 || len(f.Authenticators) != 1 {
		t.Errorf("%d of %d removals won and left %+v, want one", won, contenders, f)
	}
}

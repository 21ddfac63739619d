package mfatest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"vestibule/mfa"
)

// TestService proves that an mfa.Service on what open returns, an empty store each time, holds what it promises for kinds
// of authenticators that its stores have never heard of: two of the kind Key, beside each other.
func TestService(t *testing.T, open func(t *testing.T) Stores) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, *serviceTest)
	}{
		{"set-up and proof", serviceSetup},
		{"set-up of another kind", serviceOtherSetup},
		{"wrong first answer", serviceWrongSetup},
		{"wrong answers", serviceWrong},
		{"counted before compared", serviceOrder},
		{"only its own kind is forgiven", serviceForgives},
		{"another kind enables", serviceEnables},
		{"replay", serviceReplay},
		{"parallel proofs", serviceParallel},
		{"a proof that is not committed", serviceAborted},
		{"without a counter", serviceSilent},
		{"challenge", serviceChallenge},
		{"kinds apart", serviceApart},
		{"unknown kind", serviceUnknown},
		{"kind that lies", serviceLiar},
		{"removal", serviceRemoval},
		{"import", serviceImport},
		{"right answers", serviceRight},
		{"outcomes", serviceOutcomes},
		{"host that fails", serviceFaults},
		{"right answer as the last try", serviceLastTry},
		{"proofs", serviceProofs},
		{"proofs that are outlived", serviceProofsOutlived},
		{"sealed proofs", serviceOpened},
		{"first or nothing", serviceFirst},
		{"another that is under way", serviceUnderWay},
		{"parallel removals and set-ups", serviceProofRaces},
		{"parallel first set-ups", serviceFirstRace},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, newServiceTest(t, open(t))) })
	}
}

// serviceTest is a Service with two kinds of keys, and ana's keys of each.
type serviceTest struct {
	*mfa.Service
	stores Stores
	now    time.Time
	keys   map[string]*KeyDevice // by kind
}

const (
	kindKey  = "key"
	kindCard = "card"
)

func newServiceTest(t *testing.T, s Stores) *serviceTest {
	t.Helper()
	ring, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	must(t, "ParseKeyring", err)
	o := &serviceTest{stores: s, now: now, keys: map[string]*KeyDevice{kindKey: NewKeyDevice(), kindCard: NewKeyDevice()}}
	o.Service = &mfa.Service{
		Store: s, Attempts: s, Setups: s, Keys: ring, Kinds: []mfa.Kind{Key{}, Key{Name: kindCard}},
		Now: func() time.Time { return o.now }, Memory: 8, Passes: 1,
	}
	if a, ok := s.(atomically); ok {
		o.Atomic = a.Atomic
	}
	return o
}

// enrol sets ana's key of the kind up and returns the proof of it, and the recovery codes if they are new.
func (o *serviceTest) enrol(t *testing.T, kind string) (p mfa.Proof, codes []string) {
	t.Helper()
	view, err := Begin(t, o.Service, "ana", "tab", kind)
	must(t, "Begin", err)
	must(t, "Confirm", o.Confirm(ctx, "ana", "tab", o.keys[kind].Enrol(t, view.Offer, o.now), ""))
	view, err = o.Pending(ctx, "tab", "ana")
	must(t, "Pending", err)
	must(t, "Activate", o.Activate(ctx, "ana", "tab", keep(&p)))
	return p, view.Codes
}

// keep returns a function that keeps the proof.
func keep(p *mfa.Proof) func(context.Context, mfa.Proof) error {
	return func(_ context.Context, got mfa.Proof) error {
		*p = got
		return nil
	}
}

// answer has ana's key of the kind answer a challenge in a sign-in.
func (o *serviceTest) answer(t *testing.T, kind string) mfa.Answer {
	t.Helper()
	state, view, err := o.Challenge(ctx, "ana", "sign-in", kind)
	must(t, "Challenge", err)
	return mfa.Answer{Kind: kind, Owner: "sign-in", State: state, Form: o.keys[kind].Answer(t, view, o.now)}
}

// wrong is an answer that is compared and wrong.
func (o *serviceTest) wrong(t *testing.T, kind string) mfa.Answer {
	t.Helper()
	a := o.answer(t, kind)
	a.Form = o.keys[kind].Wrong(t, a.Form, o.now)
	return a
}

func (o *serviceTest) verify(a mfa.Answer) (p mfa.Proof, err error) {
	err = o.Verify(ctx, "ana", a, o.now, keep(&p))
	return p, err
}

// left is how many wrong answers of the kind ana still has, found out by one.
func (o *serviceTest) left(t *testing.T, kind string) int {
	t.Helper()
	_, err := o.verify(o.wrong(t, kind))
	return leftOf(t, err)
}

func leftOf(t *testing.T, err error) int {
	t.Helper()
	var wrong *mfa.Wrong
	if !errors.As(err, &wrong) {
		t.Fatalf("wrong answer: %v, want Wrong", err)
	}
	return wrong.Left
}

func locked(t *testing.T, what string, err error) {
	t.Helper()
	var locked *mfa.Locked
	if !errors.As(err, &locked) {
		t.Errorf("%s: %v, want Locked", what, err)
	}
}

func serviceSetup(t *testing.T, o *serviceTest) {
	p, codes := o.enrol(t, kindKey)
	if p.Kind() != "key" || p.Method() != "key" || !slices.Equal(p.AMR(), []string{"hwk"}) || p.Subject() != "ana" || !p.Time().Equal(o.now) {
		t.Errorf("Activate proves %+v", p)
	}
	if len(codes) != 10 {
		t.Errorf("%d recovery codes come with the first key, want 10", len(codes))
	}
	status, err := o.Status(ctx, "ana")
	must(t, "Status", err)
	if all := status.Authenticators; len(all) != 1 || all[0].Kind != "key" || all[0].Name != "Security key" || all[0].Params != "ed25519" {
		t.Errorf("Status = %+v", status)
	}
	o.now = o.now.Add(time.Minute)
	p, err = o.verify(o.answer(t, kindKey))
	must(t, "Verify", err)
	if p.Kind() != "key" || p.Method() != "key" || !slices.Equal(p.AMR(), []string{"hwk"}) || !p.Time().Equal(o.now) || p.Detail()["counter"] != "2" {
		t.Errorf("Verify proves %+v", p)
	}
	if _, codes = o.enrol(t, kindCard); len(codes) != 0 {
		t.Errorf("%d recovery codes come with the second key, want none", len(codes))
	}
	kinds, err := o.KindsOf(ctx, "ana")
	if err != nil || len(kinds) != 2 || kinds[0].Kind == kinds[1].Kind {
		t.Errorf("KindsOf = %v, %v, want both", kinds, err)
	}
}

// serviceOtherSetup: whoever chooses another kind begins anew; a refresh does not.
func serviceOtherSetup(t *testing.T, o *serviceTest) {
	first, err := Begin(t, o.Service, "ana", "tab", kindKey)
	must(t, "Begin", err)
	again, err := Begin(t, o.Service, "ana", "tab", kindKey)
	if err != nil || !reflect.DeepEqual(again.Offer, first.Offer) {
		t.Errorf("a refresh shows %+v, %v, want %+v", again, err, first)
	}
	other, err := Begin(t, o.Service, "ana", "tab", kindCard)
	if err != nil || other.Kind != kindCard || reflect.DeepEqual(other.Offer, first.Offer) {
		t.Errorf("Begin of another kind = %+v, %v", other, err)
	}
	answer := o.keys[kindKey].Enrol(t, first.Offer, o.now)
	check(t, "answer to what was begun before", o.Confirm(ctx, "ana", "tab", answer, ""), mfa.ErrCode)
	_, err = Begin(t, o.Service, "ana", "tab", "phone")
	check(t, "Begin of an unknown kind", err, mfa.ErrNoKind)
}

func serviceWrongSetup(t *testing.T, o *serviceTest) {
	view, err := Begin(t, o.Service, "ana", "tab", kindKey)
	must(t, "Begin", err)
	right := o.keys[kindKey].Enrol(t, view.Offer, o.now)
	for range 20 {
		check(t, "what is no answer", o.Confirm(ctx, "ana", "tab", url.Values{"signature": {"?"}}, ""), mfa.ErrFormat)
	}
	wrong := o.keys[kindKey].Wrong(t, right, o.now)
	for want := 4; want >= 1; want-- {
		if got := leftOf(t, o.Confirm(ctx, "ana", "tab", wrong, "")); got != want {
			t.Errorf("%d tries left, want %d", got, want)
		}
	}
	locked(t, "fifth wrong answer", o.Confirm(ctx, "ana", "tab", wrong, ""))
	locked(t, "right answer during the lock", o.Confirm(ctx, "ana", "tab", right, ""))
	view, err = Begin(t, o.Service, "ana", "other tab", kindCard)
	must(t, "Begin", err)
	must(t, "Confirm of another kind", o.Confirm(ctx, "ana", "other tab", o.keys[kindCard].Enrol(t, view.Offer, o.now), ""))
	if on, err := o.Enrolled(ctx, "ana"); on || err != nil {
		t.Errorf("Enrolled = %v, %v, but nothing was activated", on, err)
	}
}

func serviceWrong(t *testing.T, o *serviceTest) {
	_, codes := o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	for want := 4; want >= 1; want-- {
		_, err := o.verify(o.wrong(t, kindKey))
		var f *mfa.Failed
		if got := leftOf(t, err); got != want || !errors.As(err, &f) || f.Factor != kindKey || f.Locks {
			t.Errorf("%d tries left, want %d: %+v", got, want, f)
		}
	}
	_, err := o.verify(o.wrong(t, kindKey))
	var f *mfa.Failed
	if locked(t, "fifth wrong answer", err); !errors.As(err, &f) || !f.Locks || f.InARow != 5 {
		t.Errorf("fifth wrong answer: %+v", f)
	}
	_, err = o.verify(o.answer(t, kindKey))
	locked(t, "right answer during the lock", err)
	_, err = o.verify(o.answer(t, kindCard))
	must(t, "right answer of another kind", err)
	must(t, "recovery code", o.Recover(ctx, "ana", codes[0], o.now, nil))
	since := o.now
	o.now = o.now.Add(15 * time.Minute)
	var stale *mfa.Stale
	if err := o.Verify(ctx, "ana", o.answer(t, kindKey), since, nil); !errors.As(err, &stale) {
		t.Errorf("half a sign-in after the lock: %v, want Stale", err)
	}
	_, err = o.verify(o.answer(t, kindKey))
	must(t, "right answer after the lock", err)
}

// serviceOrder: an answer is counted before it is compared, and not compared when it cannot be counted. That of an
// authenticator is read along with the count, and that of a set-up, which any sign-in may guess at, before it.
func serviceOrder(t *testing.T, o *serviceTest) {
	var steps []string
	o.Kinds = []mfa.Kind{watched{steps: &steps}}
	o.Attempts = watchedAttempts{o.stores, &steps, nil}
	o.enrol(t, kindKey)
	if want := []string{"read", "count", "compare"}; !slices.Equal(steps, want) {
		t.Errorf("Confirm: %q, want %q", steps, want)
	}
	steps = nil
	_, err := o.verify(o.answer(t, kindKey))
	must(t, "Verify", err)
	if want := []string{"count", "read", "compare"}; !slices.Equal(steps, want) {
		t.Errorf("Verify: %q, want %q", steps, want)
	}
	steps, o.Attempts = nil, watchedAttempts{o.stores, &steps, errAbort}
	_, err = o.verify(o.answer(t, kindKey))
	check(t, "Verify that cannot count", err, errAbort)
	view, err := Begin(t, o.Service, "ana", "tab", kindKey)
	must(t, "Begin", err)
	err = o.Confirm(ctx, "ana", "tab", NewKeyDevice().Enrol(t, view.Offer, o.now), "")
	check(t, "Confirm that cannot count", err, errAbort)
	if slices.Contains(steps, "compare") {
		t.Errorf("what could not be counted was compared: %q", steps)
	}
}

// watched notes what a Service asks of a kind.
type watched struct {
	Key
	steps *[]string
}

func (w watched) watch(compare mfa.Compare, err error) (mfa.Compare, error) {
	*w.steps = append(*w.steps, "read")
	return func(now time.Time) (mfa.Match, error) {
		*w.steps = append(*w.steps, "compare")
		return compare(now)
	}, err
}

func (w watched) Confirm(draft mfa.Credential, answer url.Values) (mfa.Compare, error) {
	return w.watch(w.Key.Confirm(draft, answer))
}

func (w watched) Check(all []mfa.Credential, state []byte, answer url.Values) (mfa.Compare, error) {
	return w.watch(w.Key.Check(all, state, answer))
}

// watchedAttempts notes what is counted, or fails to count.
type watchedAttempts struct {
	mfa.Attempts
	steps *[]string
	err   error
}

func (w watchedAttempts) Attempt(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.AttemptCount, error) {
	if w.err != nil {
		return mfa.AttemptCount{}, w.err
	}
	*w.steps = append(*w.steps, "count")
	return w.Attempts.Attempt(ctx, key, limit, now)
}

func (w watchedAttempts) AttemptSince(ctx context.Context, key string, limit mfa.Limit, since, now time.Time) (mfa.AttemptCount, error) {
	if w.err != nil {
		return mfa.AttemptCount{}, w.err
	}
	*w.steps = append(*w.steps, "count")
	return w.Attempts.AttemptSince(ctx, key, limit, since, now)
}

func serviceForgives(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	for _, kind := range []string{kindKey, kindCard} {
		o.left(t, kind)
		o.left(t, kind)
	}
	_, err := o.verify(o.answer(t, kindKey))
	must(t, "right answer", err)
	if key, card := o.left(t, kindKey), o.left(t, kindCard); key != 4 || card != 2 {
		t.Errorf("%d and %d tries left, want 4 of the kind that was right, 2 of the other", key, card)
	}
	view, err := Begin(t, o.Service, "ana", "tab", kindCard)
	must(t, "Begin", err)
	must(t, "Confirm", o.Confirm(ctx, "ana", "tab", NewKeyDevice().Enrol(t, view.Offer, o.now), "Second"))
	if card := o.left(t, kindCard); card != 1 {
		t.Errorf("%d tries left after the first answer of a new card, which is no guess, want 1", card)
	}
}

// serviceEnables: a kind that is switched off is taken again once another was proved.
func serviceEnables(t *testing.T, o *serviceTest) {
	o.Limits.Attempts = mfa.Limit{Guesses: 100, Window: time.Hour, Lock: time.Hour, InARow: 3}
	o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	for range 3 {
		o.verify(o.wrong(t, kindKey))
	}
	_, err := o.verify(o.answer(t, kindKey))
	var off *mfa.Locked
	if !errors.As(err, &off) || !off.Disabled {
		t.Errorf("after three in a row: %v, want it switched off", err)
	}
	_, err = o.verify(o.answer(t, kindCard))
	must(t, "right answer of another kind", err)
	_, err = o.verify(o.answer(t, kindKey))
	must(t, "right answer after that", err)
}

func serviceReplay(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	earlier := o.answer(t, kindKey)
	answer := o.answer(t, kindKey)
	_, err := o.verify(answer)
	must(t, "Verify", err)
	for what, a := range map[string]mfa.Answer{"the same answer": answer, "an earlier one": earlier} {
		p, err := o.verify(a)
		if check(t, what, err, mfa.ErrUsed); p.Kind() != "" {
			t.Errorf("%s proves %+v", what, p)
		}
	}
}

func serviceParallel(t *testing.T, o *serviceTest) {
	o.Limits.Attempts = mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour}
	o.enrol(t, kindKey)
	answer := o.answer(t, kindKey)
	if won := race(t, mfa.ErrUsed, func(int) error { return o.Verify(ctx, "ana", answer, o.now, nil) }); won != 1 {
		t.Errorf("one answer passed %d times", won)
	}
}

// serviceAborted: what is not committed is not spent, and was no guess.
func serviceAborted(t *testing.T, o *serviceTest) {
	if o.Atomic == nil {
		t.Skip("this store has no Atomic")
	}
	o.enrol(t, kindKey)
	if left := o.left(t, kindKey); left != 4 {
		t.Errorf("%d tries left, want 4", left)
	}
	answer := o.answer(t, kindKey)
	check(t, "Verify whose then fails", o.Verify(ctx, "ana", answer, o.now, func(context.Context, mfa.Proof) error { return errAbort }), errAbort)
	if left := o.left(t, kindKey); left != 3 {
		t.Errorf("%d tries left, want 3: a right answer is no guess, and forgives nothing that is not committed", left)
	}
	_, err := o.verify(answer)
	must(t, "the same answer again", err)
}

// serviceSilent: a key that does not count is good for any number of challenges.
func serviceSilent(t *testing.T, o *serviceTest) {
	o.keys[kindKey].Silent = true
	o.enrol(t, kindKey)
	for i := range 3 {
		_, err := o.verify(o.answer(t, kindKey))
		must(t, fmt.Sprintf("answer %d", i), err)
	}
	silent := o.answer(t, kindKey)
	o.keys[kindKey].Silent = false
	_, err := o.verify(o.answer(t, kindKey))
	must(t, "answer of a key that begins to count", err)
	_, err = o.verify(silent)
	check(t, "answer that does not count, of a key that does", err, mfa.ErrUsed)
}

// serviceChallenge: an answer is good for its subject, its owner and its challenge. Nothing else of it is a guess.
func serviceChallenge(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	for what, change := range map[string]func(*mfa.Answer){
		"no state": func(a *mfa.Answer) { a.State = nil },
		"altered state": func(a *mfa.Answer) {
			a.State = append(slices.Clone(a.State[:len(a.State)-1]), a.State[len(a.State)-1]^1)
		},
		"cut off state":                func(a *mfa.Answer) { a.State = a.State[:9] },
		"state in the open":            func(a *mfa.Answer) { a.State = make([]byte, keyChallengeSize) },
		"another sign-in":              func(a *mfa.Answer) { a.Owner = "other" },
		"no sign-in":                   func(a *mfa.Answer) { a.Owner = "" },
		"a challenge of another kind":  func(a *mfa.Answer) { a.State = o.answer(t, kindCard).State },
		"a challenge of another owner": func(a *mfa.Answer) { a.State, _, _ = o.Challenge(ctx, "ana", "other", kindKey) },
	} {
		a := o.answer(t, kindKey)
		change(&a)
		_, err := o.verify(a)
		check(t, what, err, mfa.ErrChallenge)
	}
	late := o.answer(t, kindKey)
	o.now = o.now.Add(10*time.Minute + time.Second)
	_, err := o.verify(late)
	check(t, "answer that took too long", err, mfa.ErrChallenge)
	a := o.answer(t, kindKey)
	a.Form.Set("signature", "?")
	_, err = o.verify(a)
	check(t, "what is no answer", err, mfa.ErrFormat)
	old := o.answer(t, kindKey)
	if left := o.left(t, kindKey); left != 4 {
		t.Errorf("%d tries left, want 4: none of these was a guess", left)
	}
	swapped := o.answer(t, kindKey)
	swapped.State = old.State
	_, err = o.verify(swapped)
	check(t, "answer to another challenge of the sign-in", err, mfa.ErrCode)
	_, _, err = o.Challenge(ctx, "ben", "sign-in", kindKey)
	check(t, "Challenge of who has no key", err, mfa.ErrNotEnrolled)
}

// serviceApart: a key is worth nothing as a card.
func serviceApart(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	a := o.answer(t, kindKey)
	a.Kind = kindCard
	_, err := o.verify(a)
	check(t, "key as a card, with no card", err, mfa.ErrNotEnrolled)
	o.enrol(t, kindCard)
	f := factors(t, o.stores, "ana")
	row := f.Authenticators[slices.IndexFunc(f.Authenticators, func(a mfa.Authenticator) bool { return a.Kind == kindKey })]
	must(t, "Remove", o.stores.Remove(ctx, "ana", row.ID))
	row.Kind = kindCard
	must(t, "Add", o.stores.Add(ctx, f.Generation+1, row))
	if _, _, err := o.Challenge(ctx, "ana", "sign-in", kindCard); err == nil {
		t.Error("the sealed secret of a key opens as that of a card")
	}
	must(t, "Remove", o.stores.Remove(ctx, "ana", row.ID))
	_, err = o.verify(o.answer(t, kindCard))
	must(t, "the card, once the key among the cards is gone", err)
}

// serviceLiar: a kind that takes an answer for that of an authenticator which the user does not have proves nothing, and
// spends nothing of whoever has it.
func serviceLiar(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	view, err := Begin(t, o.Service, "ben", "ben's tab", kindKey)
	must(t, "Begin", err)
	must(t, "Confirm", o.Confirm(ctx, "ben", "ben's tab", NewKeyDevice().Enrol(t, view.Offer, o.now), ""))
	must(t, "Activate", o.Activate(ctx, "ben", "ben's tab", nil))
	bens := factors(t, o.stores, "ben").Authenticators[0]
	for _, id := range []string{"nobody's", bens.ID} {
		o.Kinds = []mfa.Kind{liar{id: id}}
		p, err := o.verify(mfa.Answer{Kind: kindKey})
		if err == nil || p.Kind() != "" {
			t.Errorf("Verify of the key %s = %+v, %v, want a fault", id, p, err)
		}
	}
	if got := factors(t, o.stores, "ben").Authenticators[0]; got.Counter != bens.Counter {
		t.Errorf("the counter of ben's key is %d, want %d as before", got.Counter, bens.Counter)
	}
	o.Kinds = []mfa.Kind{Key{}}
	if left := o.left(t, kindKey); left != 4 {
		t.Errorf("%d tries left, want 4: a fault is no guess", left)
	}
}

// liar takes everything for a right answer of the key of that id.
type liar struct {
	Key
	id string
}

func (liar) MayAnswer(url.Values) bool { return true }

func (l liar) Check([]mfa.Credential, []byte, url.Values) (mfa.Compare, error) {
	return func(time.Time) (mfa.Match, error) {
		return mfa.Match{Credential: mfa.Credential{ID: l.id, Counter: 1000}, AMR: []string{"hwk"}}, nil
	}, nil
}

// serviceUnknown: an authenticator of a kind that a Service has not cannot be used, and still is one.
func serviceUnknown(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	answer := o.answer(t, kindKey)
	o.Kinds = []mfa.Kind{Key{Name: kindCard}}
	_, err := o.verify(answer)
	check(t, "Verify", err, mfa.ErrNoKind)
	_, _, err = o.Challenge(ctx, "ana", "sign-in", kindKey)
	check(t, "Challenge", err, mfa.ErrNoKind)
	if on, err := o.Enrolled(ctx, "ana"); !on || err != nil {
		t.Errorf("Enrolled = %v, %v, want true: two steps stay on", on, err)
	}
	for _, reserved := range []string{"recovery", "setup", "challenge", "pwd", "Key", "a:b", "a|b", ""} {
		o.Kinds = []mfa.Kind{Key{Name: kindCard}, named{Key{}, reserved}}
		if _, err := o.Begin(ctx, "ben", "tab", reserved); err == nil {
			t.Errorf("a kind may be called %q", reserved)
		}
	}
}

// named is a kind of another name.
type named struct {
	Key
	name string
}

func (n named) Names() mfa.Names { return mfa.Names{Kind: n.name, Method: "key", Label: "Key"} }

func serviceRemoval(t *testing.T, o *serviceTest) {
	_, codes := o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	o.left(t, kindKey)
	o.left(t, kindCard)
	all := factors(t, o.stores, "ana").Authenticators
	at := slices.IndexFunc(all, func(a mfa.Authenticator) bool { return a.Kind == kindKey })
	waiting := o.answer(t, kindKey)
	must(t, "RemoveSpare", o.RemoveSpare(ctx, "ana", all[at].ID, Prove(t, o.Service, "ana"), nil))
	_, err := o.verify(waiting)
	check(t, "answer of a key that is removed", err, mfa.ErrNotEnrolled)
	if left := o.left(t, kindCard); left != 3 {
		t.Errorf("%d tries left of the kind that stays, want 3", left)
	}
	must(t, "recovery code", o.Recover(ctx, "ana", codes[0], o.now, nil))
	check(t, "RemoveSpare of the last", o.RemoveSpare(ctx, "ana", all[1-at].ID, Prove(t, o.Service, "ana"), nil), mfa.ErrLast)
	must(t, "Remove", o.Remove(ctx, "ana", all[1-at].ID, Prove(t, o.Service, "ana"), nil))
	check(t, "recovery code after the last is gone", o.Recover(ctx, "ana", codes[1], o.now, nil), mfa.ErrNotEnrolled)
	for _, kind := range []string{kindKey, kindCard} {
		o.keys[kind] = NewKeyDevice()
		o.enrol(t, kind)
		if left := o.left(t, kind); left != 4 {
			t.Errorf("%d tries left of a new %s, want 4", left, kind)
		}
	}
}

// serviceImport: what is exported comes back, and an answer that was given in between does not.
func serviceImport(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	all, err := o.Export(ctx, "ana", kindKey)
	if err != nil || len(all) != 1 || all[0].Kind != kindKey {
		t.Fatalf("Export = %v, %v, want the key alone", all, err)
	}
	used := o.answer(t, kindKey)
	_, err = o.verify(used)
	must(t, "Verify", err)
	_, err = o.stores.Reset(ctx, "ana")
	must(t, "Reset", err)
	all[0].Counter = 100
	must(t, "Import", o.Import(ctx, "ana", all, nil))
	_, err = o.verify(used)
	check(t, "answer from before the import", err, mfa.ErrUsed)
	o.keys[kindKey].counter = 100
	_, err = o.verify(o.answer(t, kindKey))
	must(t, "Verify after the import", err)
	all[0].ID, all[0].Name = "", "Twin"
	check(t, "Import of the same key", o.Import(ctx, "ana", all, nil), mfa.ErrSecretTaken)
	all[0].Kind = "phone"
	check(t, "Import of an unknown kind", o.Import(ctx, "ana", all, nil), mfa.ErrNoKind)
}

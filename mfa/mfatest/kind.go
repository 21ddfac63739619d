package mfatest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
)

// Device is an authenticator in a user's hand.
type Device interface {
	// Enrol takes what the page of a set-up shows, and returns the first answer.
	Enrol(t testing.TB, offer any, now time.Time) url.Values
	// Answer takes what the page shows of a challenge, and returns the answer.
	Answer(t testing.TB, view any, now time.Time) url.Values
	// Wrong returns an answer of the same form that it does not give, at any time near now.
	Wrong(t testing.TB, right url.Values, now time.Time) url.Values
}

// KindFixture is what TestKind must know of a kind.
type KindFixture struct {
	New       func() Device // another one each time
	Pause     time.Duration // after which a device gives another answer
	Malformed []url.Values  // what cannot be an answer
	Work      bool          // the kind claims that its Compare does the same work for all answers, and that shows in allocations
}

// TestKind proves that the kind keeps the contract of mfa.Kind.
func TestKind(t *testing.T, kind mfa.Kind, f KindFixture) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, *kindTest)
	}{
		{"names", kindNames},
		{"set-up", kindSetup},
		{"round trip", kindRoundTrip},
		{"several authenticators", kindSeveral},
		{"wrong answers", kindWrong},
		{"another user's authenticator", kindOfAnother},
		{"replay", kindReplay},
		{"older answer", kindOlder},
		{"state", kindState},
		{"open challenge", kindOpen},
		{"malformed answers", kindMalformed},
		{"hostile forms", kindHostile},
		{"purity", kindPure},
		{"right answers", kindRight},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, &kindTest{kind, f, now}) })
	}
	if f.Work {
		t.Run("work", func(t *testing.T) { kindWork(t, &kindTest{kind, f, now}) })
	}
}

// kindTest is a kind and a clock.
type kindTest struct {
	kind mfa.Kind
	KindFixture
	now time.Time
}

// enrol sets an authenticator up.
func (k *kindTest) enrol(t *testing.T, id string) (mfa.Credential, Device) {
	t.Helper()
	d := k.New()
	m, _ := k.confirm(t, d)
	m.Credential.ID, m.Credential.Kind = id, k.kind.Names().Kind
	k.now = k.now.Add(k.Pause)
	return m.Credential, d
}

func (k *kindTest) confirm(t *testing.T, d Device) (mfa.Match, url.Values) {
	t.Helper()
	draft, offer := k.draft(t)
	answer := d.Enrol(t, offer, k.now)
	compare, err := k.kind.Confirm(draft, answer)
	must(t, "Confirm", err)
	m, err := compare(k.now)
	must(t, "comparison of the first answer", err)
	return m, answer
}

func (k *kindTest) draft(t *testing.T) (mfa.Credential, any) {
	t.Helper()
	draft, err := k.kind.Enrol(mfa.User{Subject: "ana"}, nil)
	must(t, "Enrol", err)
	offer, err := k.kind.Offer(draft)
	must(t, "Offer", err)
	return draft, offer
}

// answer has the device answer a new challenge.
func (k *kindTest) answer(t *testing.T, d Device, all ...mfa.Credential) (state []byte, answer url.Values) {
	t.Helper()
	state, view, err := k.kind.Challenge(all)
	must(t, "Challenge", err)
	return state, d.Answer(t, view, k.now)
}

// check reads and compares.
func (k *kindTest) check(state []byte, answer url.Values, all ...mfa.Credential) (mfa.Match, error) {
	compare, err := k.kind.Check(all, state, answer)
	switch {
	case err != nil:
		return mfa.Match{}, err
	case !k.kind.MayAnswer(answer):
		return mfa.Match{}, errors.New("MayAnswer reports false of what Check takes")
	}
	return compare(k.now)
}

// refused wants one of the errors that a Service tells a user of.
func refused(t *testing.T, what string, m mfa.Match, err error) {
	t.Helper()
	for _, known := range []error{mfa.ErrCode, mfa.ErrUsed, mfa.ErrExpired, mfa.ErrFormat, mfa.ErrLooksLikeRecovery, mfa.ErrChallenge} {
		if errors.Is(err, known) {
			if !reflect.DeepEqual(m, mfa.Match{}) {
				t.Errorf("%s: a match comes with %v", what, err)
			}
			return
		}
	}
	t.Errorf("%s: %v, want it refused", what, err)
}

func kindNames(t *testing.T, k *kindTest) {
	names := k.kind.Names()
	if err := names.Check(); err != nil {
		t.Error(err)
	}
	if again := k.kind.Names(); again != names {
		t.Errorf("the names change from %+v to %+v", names, again)
	}
	m, _ := k.confirm(t, k.New())
	if key := slices.Contains(m.AMR, "hwk") || slices.Contains(m.AMR, "swk"); names.PhishingResistant && !key {
		t.Errorf("a kind that says it is phishing-resistant earns %q, which is no key", m.AMR)
	}
}

// kindSetup: each key is another, a refresh shows the same, and a wrong first answer leaves it as it is.
func kindSetup(t *testing.T, k *kindTest) {
	draft, offer := k.draft(t)
	again, err := k.kind.Offer(draft)
	if err != nil || !reflect.DeepEqual(offer, again) {
		t.Errorf("a refresh shows %+v, %v, want %+v", again, err, offer)
	}
	if other, _ := k.draft(t); len(draft.Secret) == 0 || bytes.Equal(other.Secret, draft.Secret) {
		t.Error("two set-ups have one secret")
	}
	d := k.New()
	right := d.Enrol(t, offer, k.now)
	compare, err := k.kind.Confirm(draft, d.Wrong(t, right, k.now))
	if err == nil {
		_, err = compare(k.now)
	}
	check(t, "wrong first answer", err, mfa.ErrCode)
	compare, err = k.kind.Confirm(draft, right)
	must(t, "Confirm after a wrong answer", err)
	m, err := compare(k.now)
	must(t, "right first answer after a wrong one", err)
	if len(m.Credential.Secret) == 0 {
		t.Error("what was confirmed has no secret")
	}
	if _, err := k.kind.Offer(m.Credential); err != nil {
		t.Errorf("Offer of what was confirmed: %v", err)
	}
}

// registered are the values of RFC 8176 section 2 that an authenticator can earn by itself.
var registered = []string{"face", "fpt", "geo", "hwk", "iris", "kba", "otp", "pin", "pop", "rba", "retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia"}

func kindRoundTrip(t *testing.T, k *kindTest) {
	c, d := k.enrol(t, "a1")
	for range 3 {
		state, answer := k.answer(t, d, c)
		m, err := k.check(state, answer, c)
		must(t, "right answer", err)
		if m.Credential.ID != "a1" || !bytes.Equal(m.Credential.Secret, c.Secret) || m.Credential.Params != c.Params {
			t.Errorf("it matches %v, want %v", m.Credential, c)
		}
		if m.Credential.Counter <= c.Counter && (m.Credential.Counter != 0 || c.Counter != 0) {
			t.Errorf("the counter goes from %d to %d", c.Counter, m.Credential.Counter)
		}
		if len(m.AMR) == 0 || slices.ContainsFunc(m.AMR, func(v string) bool { return !slices.Contains(registered, v) }) {
			t.Errorf("it earns %q, want values of RFC 8176", m.AMR)
		}
		c = m.Credential
		k.now = k.now.Add(k.Pause)
	}
}

func kindSeveral(t *testing.T, k *kindTest) {
	var all []mfa.Credential
	var devices []Device
	for i := range 3 {
		c, d := k.enrol(t, fmt.Sprint("a", i))
		all, devices = append(all, c), append(devices, d)
	}
	for i, d := range devices {
		state, answer := k.answer(t, d, all...)
		m, err := k.check(state, answer, all...)
		if err != nil || m.Credential.ID != all[i].ID {
			t.Errorf("the answer of %s is taken for that of %q, %v", all[i].ID, m.Credential.ID, err)
		}
	}
}

func kindWrong(t *testing.T, k *kindTest) {
	c, d := k.enrol(t, "a1")
	state, answer := k.answer(t, d, c)
	m, err := k.check(state, d.Wrong(t, answer, k.now), c)
	refused(t, "wrong answer", m, err)
	check(t, "wrong answer", err, mfa.ErrCode)
	_, err = k.check(state, answer, c)
	must(t, "right answer after a wrong one", err)
}

func kindOfAnother(t *testing.T, k *kindTest) {
	ours, _ := k.enrol(t, "a1")
	_, theirs := k.enrol(t, "b1")
	state, answer := k.answer(t, theirs, ours)
	m, err := k.check(state, answer, ours)
	refused(t, "answer of another user's authenticator", m, err)
}

// kindReplay: with the counter that the first answer has left, it is not taken again. What does not count has a challenge,
// which its owner lets go.
func kindReplay(t *testing.T, k *kindTest) {
	d := k.New()
	m, first := k.confirm(t, d)
	c := m.Credential
	state, view, err := k.kind.Challenge([]mfa.Credential{c})
	must(t, "Challenge", err)
	m, err = k.check(state, first, c)
	refused(t, "the answer that confirmed", m, err)
	k.now = k.now.Add(k.Pause)
	answer := d.Answer(t, view, k.now)
	m, err = k.check(state, answer, c)
	must(t, "right answer", err)
	if m.Credential.Counter == 0 {
		if state == nil {
			t.Error("there is neither a counter nor a challenge")
		}
		return
	}
	again, err := k.check(state, answer, m.Credential)
	refused(t, "the same answer again", again, err)
	check(t, "the same answer again", err, mfa.ErrUsed)
}

func kindOlder(t *testing.T, k *kindTest) {
	c, d := k.enrol(t, "a1")
	oldState, old := k.answer(t, d, c)
	k.now = k.now.Add(k.Pause)
	state, answer := k.answer(t, d, c)
	m, err := k.check(state, answer, c)
	must(t, "right answer", err)
	if m.Credential.Counter == 0 {
		return
	}
	late, err := k.check(oldState, old, m.Credential)
	refused(t, "an answer from before the last", late, err)
}

// kindState: an answer is to its challenge alone.
func kindState(t *testing.T, k *kindTest) {
	c, d := k.enrol(t, "a1")
	state, answer := k.answer(t, d, c)
	if state == nil {
		if _, err := k.check([]byte("what no challenge has returned"), answer, c); err != nil {
			t.Errorf("a kind without a state looks at one: %v", err)
		}
		return
	}
	other, _, err := k.kind.Challenge([]mfa.Credential{c})
	must(t, "Challenge", err)
	for what, tampered := range map[string][]byte{
		"none": nil, "empty": {}, "of another challenge": other, "cut off": state[:len(state)-1], "longer": append(slices.Clone(state), 0),
	} {
		m, err := k.check(tampered, answer, c)
		refused(t, "state that is "+what, m, err)
	}
	for i := range state {
		tampered := slices.Clone(state)
		tampered[i] ^= 1
		m, err := k.check(tampered, answer, c)
		refused(t, fmt.Sprintf("state with byte %d altered", i), m, err)
	}
	_, err = k.check(state, answer, c)
	must(t, "right answer to its own challenge", err)
}

// kindOpen: a kind that says so makes its challenges of the Params alone.
func kindOpen(t *testing.T, k *kindTest) {
	if !k.kind.Names().Open {
		return
	}
	c, _ := k.enrol(t, "a1")
	_, want, err := k.kind.Challenge([]mfa.Credential{c})
	must(t, "Challenge", err)
	state, view, err := k.kind.Challenge([]mfa.Credential{{Kind: c.Kind, Params: c.Params}})
	if err != nil || state != nil || !reflect.DeepEqual(view, want) {
		t.Errorf("a challenge of the Params alone shows %+v with the state %q, %v, want %+v with none", view, state, err, want)
	}
}

// kindMalformed: what cannot be an answer is no guess, so that it is refused before it is compared.
func kindMalformed(t *testing.T, k *kindTest) {
	draft, _ := k.draft(t)
	c, d := k.enrol(t, "a1")
	state, _ := k.answer(t, d, c)
	for _, form := range append(k.Malformed, nil, url.Values{}) {
		_, err := k.kind.Check([]mfa.Credential{c}, state, form)
		refused(t, fmt.Sprintf("Check of %.100v", form), mfa.Match{}, err)
		_, err = k.kind.Confirm(draft, form)
		refused(t, fmt.Sprintf("Confirm of %.100v", form), mfa.Match{}, err)
	}
}

// hostile are values that a browser may send in any field.
var hostile = []string{
	"", "\x00", "\xff\xfe", "-1", "0", "99999999999999999999", "1e9", "\u202e123456", "{}", "%00", "A===", "../../etc/passwd",
	strings.Repeat("1", 1<<20), strings.Repeat("\u0661", 1<<18), strings.Repeat("é\u200b", 1<<16),
}

// kindHostile puts them into each field of a right answer, alone and beside it.
func kindHostile(t *testing.T, k *kindTest) {
	draft, offer := k.draft(t)
	first := k.New().Enrol(t, offer, k.now)
	c, d := k.enrol(t, "a1")
	state, answer := k.answer(t, d, c)
	began := time.Now()
	for _, value := range hostile {
		for field := range answer {
			if answer.Get(field) == value {
				continue
			}
			m, err := k.check(state, with(answer, field, value), c)
			refused(t, fmt.Sprintf("answer whose %s is %.20q", field, value), m, err)
		}
		for field := range first {
			if first.Get(field) == value {
				continue
			}
			compare, err := k.kind.Confirm(draft, with(first, field, value))
			if err == nil {
				_, err = compare(k.now)
			}
			refused(t, fmt.Sprintf("first answer whose %s is %.20q", field, value), mfa.Match{}, err)
		}
		for _, field := range []string{"algorithm", "digits", "period", "kind", ""} {
			if _, err := k.kind.Enrol(mfa.User{Subject: value}, url.Values{field: {value, value}}); err != nil {
				check(t, fmt.Sprintf("Enrol with %s %.20q", field, value), err, mfa.ErrChoice)
			}
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it takes %v to refuse", took)
	}
}

// with is the form with another value in a field, and the right one behind it.
func with(form url.Values, field, value string) url.Values {
	changed := url.Values{}
	for name, values := range form {
		changed[name] = slices.Clone(values)
	}
	changed[field] = append([]string{value}, changed[field]...)
	return changed
}

// kindPure: nothing that a kind is handed changes, and the same comparison gives the same.
func kindPure(t *testing.T, k *kindTest) {
	c, d := k.enrol(t, "a1")
	all := []mfa.Credential{c}
	state, answer := k.answer(t, d, all...)
	secret, form, sealed := slices.Clone(c.Secret), with(answer, "beside", "x"), slices.Clone(state)
	answer = with(answer, "beside", "x")
	compare, err := k.kind.Check(all, state, answer)
	must(t, "Check", err)
	first, err := compare(k.now)
	must(t, "right answer", err)
	second, err := compare(k.now)
	must(t, "right answer compared again", err)
	if !reflect.DeepEqual(first, second) {
		t.Errorf("two comparisons give %+v and %+v", first, second)
	}
	if !reflect.DeepEqual(all, []mfa.Credential{c}) || !bytes.Equal(c.Secret, secret) || !reflect.DeepEqual(form, answer) || !bytes.Equal(state, sealed) {
		t.Error("what the kind was handed has changed")
	}
}

// kindWork counts what is allocated, as a measure of the work that no load of the machine disturbs: whoever stops at the
// first that matches allocates a fraction of it.
func kindWork(t *testing.T, k *kindTest) {
	var all []mfa.Credential
	var devices []Device
	for i := range 5 {
		c, d := k.enrol(t, fmt.Sprint("a", i))
		all, devices = append(all, c), append(devices, d)
	}
	work := func(answer url.Values, state []byte) float64 {
		compare, err := k.kind.Check(all, state, answer)
		must(t, "Check", err)
		return testing.AllocsPerRun(10, func() { compare(k.now) })
	}
	state, answer := k.answer(t, devices[0], all...)
	first, wrong := work(answer, state), work(devices[0].Wrong(t, answer, k.now), state)
	state, answer = k.answer(t, devices[4], all...)
	last := work(answer, state)
	if least, most := min(first, last, wrong), max(first, last, wrong); least < 100 || most > 1.1*least {
		t.Errorf("the first authenticator's answer costs %v allocations, the last one's %v, a wrong one %v", first, last, wrong)
	}
}

package operatortest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/transfer"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/claims"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// Test proves the promises of an Operator on a store. open returns a fresh one.
func Test(t *testing.T, open func(t *testing.T) Place) {
	t.Run("all methods are tested", testAllMethods)
	for _, op := range operations {
		name := strings.TrimSpace(op.method + " " + op.how)
		t.Run(name+" records one event", func(t *testing.T) { op.testRecords(t, open(t)) })
		t.Run(name+" is undone with its event", func(t *testing.T) { op.testUndone(t, open(t)) })
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, w *world)
	}{
		{"bad arguments change nothing", testInvalid},
		{"attributes", testAttributes},
		{"names are taken once", testNameTaken},
		{"a client that somebody else changes", testClientConflict},
		{"secrets that follow one another", testSecrets},
		{"a link rests on the account", testLinkConflict},
		{"a reset ends what is open", testResetEnds},
		{"all that is open ends", testAccessEnds},
		{"resets that are not due, or not told", testNotDue},
		{"the last authenticator stays", testLastStays},
		{"a backup and what came after", testRestore},
		{"the state of a user", testInspect},
		{"whom a policy obliges", testPlanPolicy},
		{"whom a policy will oblige", testPlanComing},
		{"whom a policy obliges to another factor", testPlanPhishingResistant},
		{"states of secret keys", testSecretKeys},
		{"signing keys follow one another", testSigningKeys},
		{"an initial access token is used so often", testInitialTokenUses},
		{"registrations have limits", testRegistrationLimits},
		{"registrations that nobody uses", testUnused},
		{"users to measure with go, and nobody else", testSeeded},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newWorld(t, open(t))) })
	}
}

func testAllMethods(t *testing.T) {
	tested := slices.Clone(reads)
	for _, op := range operations {
		tested = append(tested, op.method)
	}
	methods := reflect.TypeFor[*operator.Operator]()
	for i := range methods.NumMethod() {
		if name := methods.Method(i).Name; !slices.Contains(tested, name) {
			t.Errorf("no test knows the method %s", name)
		}
	}
}

func (op operation) world(t *testing.T, place Place) *world {
	t.Helper()
	w := newWorld(t, place)
	if op.prepare != nil {
		op.prepare(w)
	}
	if len(place.Content(t)["session"]) == 0 {
		w.session()
	}
	w.log.events = nil
	return w
}

// testRecords has the operation happen: one event tells of it, by whoever acts, in the commit of all that it writes.
func (op operation) testRecords(t *testing.T, place Place) {
	w := op.world(t, place)
	before, commits := place.Content(t), place.Commits()
	w.must(op.do(t.Context(), w.operator(acting), w))
	if n := place.Commits() - commits; n != 1 && !op.batch {
		t.Errorf("it is %d commits, want 1", n)
	}
	if n := len(place.Content(t)["audit"]) - len(before["audit"]); n != 1 || len(w.log.events) != 1 {
		t.Fatalf("%d events are in the log, and it recorded %+v; want one event", n, w.log.events)
	}
	e, actor := w.log.events[0], acting
	open, err := w.operator(acting).OpenSessions(t.Context(), w.ana.Subject)
	w.must(err)
	if operator.EndsAccess(e) != (len(open) == 0) {
		t.Errorf("EndsAccess of %s is %v, and %d sessions are open", e.Kind, operator.EndsAccess(e), len(open))
	}
	if op.actor != "" {
		actor = op.actor
	}
	if e.Kind != op.event || e.Outcome != audit.OutcomeOK || e.Actor != actor || !e.Time.Equal(w.now) {
		t.Errorf("the event is %+v, want an %s of %s at %v", e, op.event, actor, w.now)
	}
	if (op.client || op.both) != (e.Client == "shop") || (op.client || op.keys) != (e.Subject == "") {
		t.Errorf("the event is about %q at %q", e.Subject, e.Client)
	}
}

// testUndone has the audit log fail: then nothing has happened.
func (op operation) testUndone(t *testing.T, place Place) {
	w := op.world(t, place)
	before := place.Content(t)
	w.log.broken = true
	if err := op.do(t.Context(), w.operator(acting), w); !errors.Is(err, errBroken) {
		t.Errorf("with a broken audit log it returns %v, want %v", err, errBroken)
	}
	if after := place.Content(t); !op.batch && !reflect.DeepEqual(before, after) {
		t.Errorf("with a broken audit log the store is\n%v\nwant\n%v", after, before)
	}
}

// testInvalid gives each operation what it cannot use.
func testInvalid(t *testing.T, w *world) {
	w.shop()
	bad, control, ctx, o := "nonsense", "a\tb", t.Context(), w.operator(acting)
	before := w.place.Content(t)
	for name, do := range map[string]func() error{
		"user":      func() error { _, err := o.CreateUser(ctx, operator.NewUser{Username: "b ob"}, password); return err },
		"user name": func() error { _, err := o.FindUser(ctx, "b ob"); return err },
		"no change": func() error { return o.UpdateUser(ctx, w.ana, operator.UserChange{}) },
		"address":   func() error { return o.UpdateUser(ctx, w.ana, operator.UserChange{Email: &bad}) },
		"full name": func() error { return o.UpdateUser(ctx, w.ana, operator.UserChange{Name: &control}) },
		"group":     func() error { return o.UpdateUser(ctx, w.ana, operator.UserChange{Groups: &[]string{"a b"}}) },
		"attribute": func() error {
			return o.UpdateUser(ctx, w.ana, operator.UserChange{Attributes: &claims.Attributes{"given-name": "Ana"}})
		},
		"client": func() error { _, _, err := o.RegisterClient(ctx, operator.NewClient{}); return err },
		"redirect URI": func() error {
			_, err := o.UpdateClient(ctx, "shop", func(c *client.Client) { c.RedirectURIs = []string{"http://shop.example.com/"} })
			return err
		},
		"no reason":        func() error { _, err := o.ResetFactors(ctx, w.ana, " "); return err },
		"reason":           func() error { return o.CancelReset(ctx, w.ana, control) },
		"long reason":      func() error { _, err := o.ResetFactors(ctx, w.ana, strings.Repeat("a", 501)); return err },
		"no reason to end": func() error { _, err := o.EndAccess(ctx, w.ana.Subject, " "); return err },
		"no subject":       func() error { _, err := o.EndAccess(ctx, "", "a stolen laptop"); return err },
		"subject":          func() error { _, err := o.EndAccess(ctx, control, "a stolen laptop"); return err },
		"delay":            func() error { _, err := o.PlanReset(ctx, w.ana, "lost", 31*24*time.Hour); return err },
		"token uses":       func() error { _, _, err := o.MakeInitialToken(ctx, 0, time.Hour); return err },
		"token life":       func() error { _, _, err := o.MakeInitialToken(ctx, 1, time.Second); return err },
		"registration":     func() error { _, err := o.RegisterItself(ctx, operator.SelfRegistration{}); return err },
		"short link":       func() error { _, err := o.IssueLink(ctx, w.ana, make([]byte, 32), time.Second); return err },
	} {
		var wrong *operator.Invalid
		if err := do(); !errors.As(err, &wrong) || len(wrong.Unwrap()) == 0 {
			t.Errorf("%s: %v, want that it is invalid", name, err)
		}
	}
	short := "short"
	if err := o.UpdateUser(ctx, w.ana, operator.UserChange{Password: &short}); err == nil {
		t.Error("a short password was taken")
	}
	if after := w.place.Content(t); !reflect.DeepEqual(before, after) {
		t.Errorf("the store is\n%v\nwant\n%v", after, before)
	}
	err := operator.NewUser{Username: "bob", Name: control, Email: bad, Groups: []string{"a b"}, Attributes: claims.Attributes{"birthdate": bad, "x": "y"}}.Check()
	for _, want := range []string{`email: "nonsense" is not`, "name must be", `group: the group "a b"`, "attribute: birthdate should be", `attribute: there is no attribute "x"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %q, want %q in it: all faults at once", err, want)
		}
	}
}

// testAttributes changes what clients can learn of a user, and records that without the values.
func testAttributes(t *testing.T, w *world) {
	ctx, o := t.Context(), w.operator(acting)
	ben, err := o.CreateUser(ctx, operator.NewUser{
		Username: "ben", Email: "ben@example.com", EmailVerified: true, Attributes: claims.Attributes{"given_name": "Ben", "locale": ""},
	}, password)
	w.must(err)
	yes, none, fresh := true, "", "new@example.com"
	for _, step := range []struct {
		change     operator.UserChange
		verified   bool
		attributes claims.Attributes
		detail     map[string]string
	}{
		{operator.UserChange{Email: &fresh}, false, claims.Attributes{"given_name": "Ben"}, map[string]string{"email": "changed"}},
		{operator.UserChange{EmailVerified: &yes}, true, claims.Attributes{"given_name": "Ben"}, map[string]string{"email_verified": "yes"}},
		{
			operator.UserChange{Attributes: &claims.Attributes{"family_name": "Silva", "birthdate": "1990"}}, true,
			claims.Attributes{"given_name": "Ben", "family_name": "Silva", "birthdate": "1990"}, map[string]string{"attributes": "birthdate family_name"},
		},
		{
			operator.UserChange{Email: &ben.Email, EmailVerified: &yes, Attributes: &claims.Attributes{"birthdate": "", "given_name": "Ben"}}, true,
			claims.Attributes{"given_name": "Ben", "family_name": "Silva"}, map[string]string{"email": "changed", "email_verified": "yes", "attributes": "birthdate"},
		},
		{operator.UserChange{Email: &none}, false, claims.Attributes{"given_name": "Ben", "family_name": "Silva"}, map[string]string{"email": "changed"}},
	} {
		before, err := o.FindUser(ctx, "ben")
		w.must(err)
		w.must(o.UpdateUser(ctx, before, step.change))
		after, err := o.FindUser(ctx, "ben")
		w.must(err)
		if after.EmailVerified != step.verified || !reflect.DeepEqual(after.Attributes, step.attributes) {
			t.Errorf("%+v: verified %v, attributes %v; want %v and %v", step.change, after.EmailVerified, after.Attributes, step.verified, step.attributes)
		}
		if e := w.log.events[len(w.log.events)-1]; !reflect.DeepEqual(e.Detail, step.detail) {
			t.Errorf("the event says %v, want %v", e.Detail, step.detail)
		}
	}
	var wrong *operator.Invalid
	after, err := o.FindUser(ctx, "ben")
	w.must(err)
	if err := o.UpdateUser(ctx, after, operator.UserChange{EmailVerified: &yes}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "without an address") {
		t.Errorf("an address that is not there is verified: %v", err)
	}
}

func testNameTaken(t *testing.T, w *world) {
	o, ctx := w.operator(acting), t.Context()
	for _, u := range []operator.NewUser{{Username: "ANA", Email: "other@example.com"}, {Username: "other", Email: "Ana@example.com"}} {
		var taken *account.NameTaken
		if _, err := o.CreateUser(ctx, u, password); !errors.As(err, &taken) || !errors.Is(err, store.ErrConflict) {
			t.Errorf("create %+v: %v, want that the name is taken", u, err)
		}
	}
	if _, err := o.FindUser(ctx, "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("find nobody: %v, want %v", err, store.ErrNotFound)
	}
	if ana, err := o.FindUser(ctx, "ANA@example.com"); err != nil || ana.Subject != w.ana.Subject {
		t.Errorf("find ana by address: %+v, %v", ana, err)
	}
}

type clients = operator.Clients // for a field of another name than its methods have

// overtaken does something right after a client was read.
type overtaken struct {
	clients
	by func()
}

// Client implements operator.Clients.
func (o overtaken) Client(ctx context.Context, id string) (client.Client, error) {
	c, err := o.clients.Client(ctx, id)
	o.by()
	return c, err
}

// client is the shop as it is now.
func (w *world) client() client.Client {
	c, err := w.place.Client(w.t.Context(), "shop")
	w.must(err)
	return c
}

func testClientConflict(t *testing.T, w *world) {
	w.shop()
	o, ctx := w.operator(acting), t.Context()
	rename := func() error {
		_, err := o.UpdateClient(ctx, "shop", func(c *client.Client) { c.Name += "!" })
		return err
	}
	if _, _, err := o.RegisterClient(ctx, shop()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("register it again: %v, want %v", err, store.ErrConflict)
	}
	w.must(rename())
	if one, again := w.client(), rename(); again != nil || !w.client().Updated.After(one.Updated) {
		t.Errorf("a change in the same moment gives the version %v after %v (%v)", w.client().Updated, one.Updated, again)
	}
	o.Clients = overtaken{w.place, func() { w.must(w.operator(setUp).DeleteClient(ctx, "shop")) }}
	if err := rename(); !errors.Is(err, store.ErrConflict) {
		t.Errorf("change what somebody removes: %v, want %v", err, store.ErrConflict)
	}
	o.Clients = w.place
	for _, err := range []error{rename(), o.DeleteClient(ctx, "shop")} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of a client that is not there: %v, want %v", err, store.ErrNotFound)
		}
	}
}

func testLinkConflict(t *testing.T, w *world) {
	w.must(w.operator(setUp).Disable(t.Context(), w.ana)) // which raises the epoch
	if _, err := w.operator(acting).IssueLink(t.Context(), w.ana, make([]byte, 32), time.Hour); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a link for an account that was changed: %v, want %v", err, store.ErrConflict)
	}
}

func testResetEnds(t *testing.T, w *world) {
	w.enrolled(firstKey, secondKey)
	w.session()
	ctx, o := t.Context(), w.operator(acting)
	done, err := o.ResetFactors(ctx, w.ana, " lost the phone ")
	w.must(err)
	if done.Authenticators != 2 || len(done.Sessions) != 1 {
		t.Errorf("it says %+v, want two authenticators and a session", done)
	}
	if e := w.log.events[len(w.log.events)-1]; e.Detail["reason"] != "lost the phone" || e.Detail["authenticators"] != "2" {
		t.Errorf("the event is %+v", e)
	}
	open, err := o.OpenSessions(ctx, w.ana.Subject)
	state, stateErr := o.Inspect(ctx, w.ana.Subject, 0)
	w.must(errors.Join(err, stateErr))
	if len(open) != 0 || len(state.TwoStep.Authenticators) != 0 || !state.Held {
		t.Errorf("afterwards there are %v and %+v", open, state)
	}
}

func testAccessEnds(t *testing.T, w *world) {
	w.enrolled(firstKey)
	w.session()
	ctx, o := t.Context(), w.operator(acting)
	for n := 1; n >= 0; n-- { // the second time nothing is open
		ended, err := o.EndAccess(ctx, w.ana.Subject, " a stolen laptop ")
		w.must(err)
		if e := w.log.events[len(w.log.events)-1]; len(ended) != n || e.Detail["reason"] != "a stolen laptop" || e.Detail["sessions"] != strconv.Itoa(n) {
			t.Errorf("it ended %d sessions, want %d, and the event is %+v", len(ended), n, e)
		}
	}
	state, err := o.Inspect(ctx, w.ana.Subject, 0)
	w.must(err)
	if len(state.TwoStep.Authenticators) != 1 || state.Held {
		t.Errorf("what proves who she is has not stayed: %+v", state)
	}
	_, err = o.EndAccess(ctx, "of another program", "a stolen laptop")
	w.must(err)
	for subject, want := range map[string]bool{w.ana.Subject: false, "of another program": true} {
		if got, err := o.IsStranger(ctx, subject); got != want || err != nil {
			t.Errorf("IsStranger(%q) = %v, %v, want %v", subject, got, err, want)
		}
	}
}

func testNotDue(t *testing.T, w *world) {
	w.planned()
	ctx, o := t.Context(), w.operator(acting)
	if _, err := o.PlanReset(ctx, w.ana, "again", time.Hour); !errors.Is(err, store.ErrConflict) {
		t.Errorf("plan another: %v, want %v", err, store.ErrConflict)
	}
	if done, err := o.RunDueResets(ctx, isTold); done != 0 || err != nil {
		t.Errorf("before it is due: %d, %v", done, err)
	}
	w.now = w.now.Add(time.Hour)
	if done, err := o.RunDueResets(ctx, func(context.Context, mfa.PlannedReset) (bool, error) { return false, nil }); done != 0 || err != nil {
		t.Errorf("before the user is told: %d, %v", done, err)
	}
	if done, err := o.RunDueResets(ctx, isTold); done != 1 || err != nil {
		t.Errorf("when it is due: %d, %v, want 1", done, err)
	}
	if err := o.CancelReset(ctx, w.ana, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("cancel it afterwards: %v, want %v", err, store.ErrNotFound)
	}
}

func testLastStays(t *testing.T, w *world) {
	w.enrolled(firstKey)
	ctx, o := t.Context(), w.operator(acting)
	if _, err := o.RemoveAuthenticator(ctx, w.ana, "Phone"); !errors.Is(err, mfa.ErrLast) {
		t.Errorf("remove the last one: %v, want %v", err, mfa.ErrLast)
	}
	if _, err := o.RemoveAuthenticator(ctx, w.ana, "Watch"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("remove one that is not there: %v, want %v", err, store.ErrNotFound)
	}
	if _, err := o.AddAuthenticators(ctx, w.ana, portable("Other", firstKey)); !errors.Is(err, mfa.ErrSecretTaken) {
		t.Errorf("add it again: %v, want %v", err, mfa.ErrSecretTaken)
	}
	ben, err := o.CreateUser(ctx, operator.NewUser{Username: "ben", Email: "ben@example.com"}, password)
	w.must(err)
	if _, err := o.ExportUser(ctx, ben); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("export of a user without one: %v, want %v", err, store.ErrNotFound)
	}
}

func testRestore(t *testing.T, w *world) {
	ctx, o, b := t.Context(), w.operator(acting), w.backup()
	b.Users = append(b.Users, transfer.User{Subject: "gone", Username: "gone"})
	restore := func(want error, added int, how operator.Restore) {
		t.Helper()
		results, err := o.RestoreBackup(ctx, b, how)
		w.must(err)
		if len(results) != 2 || !errors.Is(results[0].Cause, want) || results[0].Added != added || !errors.Is(results[1].Cause, store.ErrNotFound) {
			t.Errorf("restored %+v, want %d added to ana (%v), and nobody else", results, added, want)
		}
	}
	restore(nil, 1, operator.Restore{})
	restore(nil, 0, operator.Restore{})
	_, err := o.ResetFactors(ctx, w.ana, "lost the phone")
	w.must(err)
	restore(operator.ErrTakenSince, 0, operator.Restore{})
	restore(nil, 1, operator.Restore{AfterReset: true})
	b.Users[0].Subject = "of another server"
	if results, err := o.RestoreBackup(ctx, b, operator.Restore{}); err != nil || !errors.Is(results[0].Cause, store.ErrNotFound) {
		t.Errorf("by name, though nobody said so: %+v, %v", results, err)
	}
	restore(nil, 0, operator.Restore{ByName: true, AfterReset: true})
}

func testInspect(t *testing.T, w *world) {
	ctx, o := t.Context(), w.operator(acting)
	w.enrolled(firstKey)
	w.planned()
	_, err := o.IssueLink(ctx, w.ana, make([]byte, 32), time.Hour)
	w.must(err)
	for range 2 {
		_, err := w.place.Attempt(ctx, "totp:"+w.ana.Subject, mfa.Limit{Guesses: 2, Window: time.Hour, Lock: time.Hour, InARow: 5}, w.now)
		w.must(err)
	}
	state, err := o.Inspect(ctx, w.ana.Subject, 2)
	w.must(err)
	wrong := operator.WrongGuesses{At: "one-time codes", InARow: 2, LockedUntil: w.now.Add(time.Hour), Disabled: true}
	switch {
	case len(state.TwoStep.Authenticators) != 1 || state.Held,
		state.Reset == nil || !state.Reset.Due.Equal(w.now.Add(time.Hour)) || state.Reset.Actor != setUp,
		!state.LinkExpires.Equal(w.now.Add(time.Hour)),
		len(state.Wrong) != 1 || state.Wrong[0].At != wrong.At || state.Wrong[0].InARow != 2 || !state.Wrong[0].Disabled || !state.Wrong[0].LockedUntil.Equal(wrong.LockedUntil):
		t.Errorf("the state is %+v", state)
	}
	w.now = w.now.Add(time.Hour)
	if state, err = o.Inspect(ctx, w.ana.Subject, 0); err != nil || !state.LinkExpires.IsZero() || !state.Wrong[0].LockedUntil.IsZero() || state.Wrong[0].Disabled {
		t.Errorf("an hour later it is %+v, %v: want no lock and no link", state, err)
	}
	if guessedAt, err := o.Unlock(ctx, w.ana); err != nil || guessedAt != "one-time codes" {
		t.Errorf("Unlock = %q, %v", guessedAt, err)
	}
	if guessedAt, err := o.Unlock(ctx, w.ana); err != nil || guessedAt != "nothing" {
		t.Errorf("Unlock again = %q, %v", guessedAt, err)
	}
}

func testPlanPolicy(t *testing.T, w *world) {
	ctx, o := t.Context(), w.operator(acting)
	w.enrolled(firstKey)
	for _, name := range []string{"ben", "carl", "dora", "emil"} {
		user, err := o.CreateUser(ctx, operator.NewUser{Username: name, Email: name + "@example.com", Groups: map[string][]string{"ben": {"finance"}}[name]}, password)
		w.must(err)
		if name == "emil" {
			w.must(o.Disable(ctx, user))
		}
	}
	later := w.now.Add(time.Hour)
	p, err := o.PlanPolicy(ctx, mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required, From: later}, {Must: mfa.Required, Group: "finance"}}}, nil)
	w.must(err)
	if p.Active != 4 || p.Without != 3 || p.Now != 1 || p.Later != 2 || p.Never != 3 || len(p.Users) != 3 ||
		p.Users[0].Username != "ben" || p.Users[0].Duties[0].Why != "the group finance" || !p.Users[1].Duties[0].From.Equal(later) {
		t.Errorf("the plan is %+v", p)
	}
}

// testPlanComing: a stricter rule that is to come is planned beside what holds now, whoever asks for that.
func testPlanComing(t *testing.T, w *world) {
	ctx, o := t.Context(), w.operator(acting)
	w.enrolled(firstKey)
	_, err := o.CreateUser(ctx, operator.NewUser{Username: "ben", Email: "ben@example.com", Groups: []string{"finance"}}, password)
	w.must(err)
	phr := mfa.Duty{Must: mfa.PhishingResistant, From: w.now.Add(time.Hour), Why: "everybody"}
	for _, now := range []mfa.Rule{{Must: mfa.Required}, {Must: mfa.Required, Group: "finance"}} {
		p, err := o.PlanPolicy(ctx, mfa.Policy{Rules: []mfa.Rule{now, {Must: phr.Must, From: phr.From}}}, []string{"webauthn"})
		w.must(err)
		if p.Now != 1 || p.Later != 2 || p.Never != 2 || len(p.Users) != 2 {
			t.Fatalf("%+v: the plan is %+v", now, p)
		}
		for _, u := range p.Users {
			if want := map[string]int{"ana": 1, "ben": 2}[u.Username]; len(u.Duties) != want || u.Duties[want-1] != phr || want == 2 && u.Duties[0].Must != mfa.Required {
				t.Errorf("%+v: %s owes %+v", now, u.Username, u.Duties)
			}
		}
	}
}

// testPlanPhishingResistant: whoever has another factor lacks one that reaches what is asked.
func testPlanPhishingResistant(t *testing.T, w *world) {
	w.enrolled(firstKey)
	for _, tt := range []struct {
		policy    mfa.Policy
		resistant []string
		now, late int
	}{
		{mfa.Policy{Rules: []mfa.Rule{{Must: mfa.Required}}}, nil, 0, 0},
		{mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, nil, 1, 0},
		{mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, []string{"webauthn"}, 1, 0},
		{mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant}}}, []string{"totp"}, 0, 0},
		{mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, From: w.now.Add(time.Hour)}}}, nil, 0, 1},
		{mfa.Policy{Rules: []mfa.Rule{{Must: mfa.PhishingResistant, Group: "finance"}}}, nil, 0, 0},
	} {
		p, err := w.operator(acting).PlanPolicy(t.Context(), tt.policy, tt.resistant)
		w.must(err)
		if p.Now != tt.now || p.Later != tt.late || len(p.Users) != tt.now+tt.late || p.Without != 0 {
			t.Errorf("%+v with %q: the plan is %+v", tt.policy, tt.resistant, p)
		}
	}
}

func testSecretKeys(t *testing.T, w *world) {
	w.enrolled(firstKey)
	o := w.operator(acting)
	states := func() string {
		keys, err := o.SecretKeys(t.Context())
		w.must(err)
		var text []string
		for _, k := range keys {
			text = append(text, k.State+" "+strings.Join(k.Sealed, ","))
		}
		return strings.Join(text, "; ")
	}
	if got, want := states(), "seals ; opens authenticator"; got != want {
		t.Errorf("before: %q, want %q", got, want)
	}
	done, err := o.Reseal(t.Context(), func(string, int) {})
	if err != nil || done.Total() != 1 || done[operator.SealedAuthenticators] != 1 {
		t.Errorf("Reseal = %v, %v", done, err)
	}
	if got, want := states(), "seals authenticator; opens "; got != want {
		t.Errorf("after: %q, want %q", got, want)
	}
	if o.Keys, err = mfa.ParseKeyring(w.keys[:1]); err != nil {
		t.Fatal(err)
	}
	if got, want := states(), "seals ; missing authenticator"; got != want {
		t.Errorf("without the key: %q, want %q", got, want)
	}
}

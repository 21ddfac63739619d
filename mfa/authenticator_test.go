package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pquerna/otp"

	"vestibule/mfa"
	"vestibule/mfa/totp"
)

func TestRename(t *testing.T) {
	w := enrolled(t) // Phone
	w.enrol(t, "Tablet")
	id := w.factors(t).Authenticators[0].ID
	for _, tt := range []struct {
		name string
		want error
	}{
		{"  ", mfa.ErrNameEmpty},
		{"\u200b", mfa.ErrNameEmpty},
		{"tABLET", mfa.ErrNameTaken},
		{strings.Repeat("é", 65), mfa.ErrNameLong},
		{"Phone", nil}, // as it is
		{"PHONE", nil},
		{" Old phone\n", nil},
	} {
		said := ""
		err := w.Rename(ctx, "ana", id, tt.name, func(_ context.Context, from, to string) error {
			said = from + " to " + to
			return nil
		})
		if !errors.Is(err, tt.want) {
			t.Errorf("Rename to %q: %v, want %v", tt.name, err, tt.want)
		}
		if now := w.factors(t).Authenticators[0].Name; said != "" && !strings.HasSuffix(said, "to "+now) || tt.want != nil && now != "Phone" {
			t.Errorf("after Rename to %q, told %q, it is called %q", tt.name, said, now)
		}
	}
	if got := w.factors(t).Authenticators[0].Name; got != "Old phone" {
		t.Errorf("the name is %q, want Old phone", got)
	}
	check(t, "Rename of another's", w.Rename(ctx, "ben", id, "Mine", nil), mfa.ErrNotEnrolled)
	_, err := w.verify(w.code(w.secret, 0))
	must(t, "Verify after Rename", err)
}

// A rename cannot take the name that a set-up under way was promised.
func TestRenameDuringSetup(t *testing.T) {
	w := enrolled(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "Tablet"))
	must(t, "Rename", w.Rename(ctx, "ana", w.factors(t).Authenticators[0].ID, "Tablet", nil))
	check(t, "Activate", w.Activate(ctx, "ana", "tab", nil), mfa.ErrNoSetup)
}

func TestChoose(t *testing.T) {
	w := newEnv(t)
	_, err := w.Choose(ctx, "ana", "tab", totp.Name, totp.Params{Algorithm: "SHA256", Digits: 6, Period: 30}.Chosen())
	check(t, "Choose of what is not allowed", err, mfa.ErrChoice)
	w.Kinds = []mfa.Kind{totp.Kind{Issuer: "Example ID", Options: totp.Options{
		Algorithms: []string{"SHA1", "SHA256", "SHA512"}, Digits: []int{6, 8}, Periods: []int{30, 60},
	}}}
	first := w.begin(t, "tab")
	if offerOf(first).Params != (totp.Params{Algorithm: "SHA1", Digits: 6, Period: 30}) || !offerOf(first).Options.Several() {
		t.Errorf("Begin = %+v, want the usual settings and a choice", offerOf(first).Params)
	}
	params := totp.Params{Algorithm: "SHA512", Digits: 8, Period: 60}
	v, err := w.Choose(ctx, "ana", "tab", totp.Name, params.Chosen())
	must(t, "Choose", err)
	if offerOf(v).Params != params || secretOf(v) == secretOf(first) || len(secretOf(v)) != 103 || !strings.Contains(offerOf(v).URI("ana"), "&algorithm=SHA512&digits=8&period=60") {
		t.Errorf("Choose = %v, key of %d symbols, %s", offerOf(v).Params, len(secretOf(v)), offerOf(v).URI("ana"))
	}
	if again, err := w.Choose(ctx, "ana", "tab", totp.Name, params.Chosen()); err != nil || secretOf(again) != secretOf(v) {
		t.Errorf("Choose of the same again: another key, or %v", err)
	}
	if again := w.begin(t, "tab"); secretOf(again) != secretOf(v) {
		t.Error("Begin after Choose has another key")
	}
	code := func(steps int64) string {
		return codeOf(decode(secretOf(v)), w.now.Unix()/60+steps, otp.DigitsEight, otp.AlgorithmSHA512)
	}
	var format *totp.Format
	if err := w.Confirm(ctx, "ana", "tab", totp.Form("123456"), ""); !errors.As(err, &format) || !slices.Equal(format.Digits, []int{8}) {
		t.Errorf("Confirm with six digits: %v, want Format with 8", err)
	}
	var off *totp.ClockOff
	if err := w.Confirm(ctx, "ana", "tab", totp.Form(code(-65)), ""); !errors.As(err, &off) || off.Seconds != -3900 {
		t.Errorf("Confirm with a clock 65 minutes slow: %v", err)
	}
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(code(0)), ""))
	if again, err := w.Choose(ctx, "ana", "tab", totp.Name, offerOf(first).Params.Chosen()); err != nil || secretOf(again) != secretOf(v) || !again.Confirmed {
		t.Errorf("Choose after Confirm changed the set-up, or %v", err)
	}
	must(t, "Activate", w.Activate(ctx, "ana", "tab", nil))
	for _, tt := range []struct {
		steps int64
		want  error
	}{{0, mfa.ErrUsed}, {2, mfa.ErrCode}, {1, nil}} {
		_, err := w.verify(code(tt.steps))
		check(t, fmt.Sprintf("Verify of a code %d steps ahead", tt.steps), err, tt.want)
	}
	kinds, err := w.KindsOf(ctx, "ana")
	must(t, "KindsOf", err)
	view, ok, err := w.ChallengeOpen(totp.Name, kinds)
	if ask, _ := view.(totp.Ask); err != nil || !ok || !slices.Equal(ask.Digits, []int{8}) || !slices.Equal(ask.Periods, []int{60}) {
		t.Errorf("ChallengeOpen = %v, %v, %v, want 8 and 60", view, ok, err)
	}
	if _, view, err = w.Challenge(ctx, "ana", "sign-in", totp.Name); err != nil || !reflect.DeepEqual(view, any(totp.Ask{Digits: []int{8}, Periods: []int{60}})) {
		t.Errorf("Challenge = %v, %v, want 8 and 60", view, err)
	}
	if _, ok, err := w.ChallengeOpen(totp.Name, nil); ok || err != nil {
		t.Errorf("ChallengeOpen of nobody's = %v, %v", ok, err)
	}
}

func TestExportAndImport(t *testing.T) {
	w := enrolled(t)
	spent := w.code(w.secret, 0)
	all, err := w.exported()
	must(t, "Export", err)
	if len(all) != 1 || all[0].Secret != w.secret || all[0].Name != "Phone" {
		t.Fatalf("Export = %v", all)
	}
	if text := fmt.Sprintf("%v %+v %s", all[0], all, all); strings.Contains(text, w.secret) {
		t.Errorf("it prints its secret: %s", text)
	}
	_, err = w.verify(spent)
	must(t, "Verify after the export", err)
	_, err = w.Store.Reset(ctx, "ana")
	must(t, "Reset", err)

	var names []string
	restore := func() error {
		names = nil
		return w.imported(all, func(_ context.Context, added []string) error { names = added; return nil })
	}
	must(t, "Import", restore())
	if !slices.Equal(names, []string{"Phone"}) {
		t.Errorf("Import added %q, want Phone", names)
	}
	_, err = w.verify(spent)
	if !errors.Is(err, mfa.ErrExpired) && !errors.Is(err, mfa.ErrUsed) {
		t.Errorf("a code that was used between export and import: %v", err)
	}
	must(t, "Import again", restore())
	if f := w.factors(t); len(names) != 0 || len(f.Authenticators) != 1 || f.Recovery != nil {
		t.Errorf("Import of what is there added %q, and left %+v", names, f)
	}
	_, err = w.verify(w.code(w.secret, 1))
	check(t, "a code of the steps in which others may have been used", err, mfa.ErrUsed)
	w.now = w.now.AddDate(0, 0, 1)
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "Verify after the import", err)
}

// All of a user's authenticators come in, or none.
func TestImportIsWhole(t *testing.T) {
	w := enrolled(t) // Phone
	key := func(i int) string { return strings.Repeat(string(rune('A'+i)), 32) }
	good := totp.Portable{Name: "Tablet", Secret: key(0), Params: totp.Params{Algorithm: "SHA1", Digits: 6, Period: 30}}
	with := func(change func(*totp.Portable)) []totp.Portable {
		bad := good
		bad.Name, bad.Secret = "Key", key(1)
		change(&bad)
		return []totp.Portable{good, bad}
	}
	many := []totp.Portable{}
	for i := range 10 {
		many = append(many, totp.Portable{Secret: key(i), Params: good.Params})
	}
	full := errors.New("audit log is full")
	for _, tt := range []struct {
		name string
		all  []totp.Portable
		want error // nil: any
	}{
		{"name of one that is there", with(func(p *totp.Portable) { p.Name = "phone" }), mfa.ErrNameTaken},
		{"name of the one before", with(func(p *totp.Portable) { p.Name = "tablet" }), mfa.ErrNameTaken},
		{"long name", with(func(p *totp.Portable) { p.Name = strings.Repeat("x", 65) }), mfa.ErrNameLong},
		{"unknown algorithm", with(func(p *totp.Portable) { p.Algorithm = "MD5" }), nil},
		{"no secret", with(func(p *totp.Portable) { p.Secret = "" }), nil},
		{"secret of one that is there", with(func(p *totp.Portable) { p.Secret = w.secret }), mfa.ErrSecretTaken},
		{"secret of the one before", with(func(p *totp.Portable) { p.Secret = key(0) }), mfa.ErrSecretTaken},
		{"too many", many, mfa.ErrTooMany},
		{"then fails", with(func(*totp.Portable) {}), full},
	} {
		err := w.imported(tt.all, func(context.Context, []string) error { return full })
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if f := w.factors(t); len(f.Authenticators) != 1 {
			t.Fatalf("%s: half of it came in: %+v", tt.name, f.Authenticators)
		}
	}
	must(t, "Import", w.imported([]totp.Portable{good, {Secret: key(1), Params: good.Params}}, nil))
	if f := w.factors(t); len(f.Authenticators) != 3 || f.Authenticators[0].ID == "" {
		t.Errorf("Import left %+v, want three", f.Authenticators)
	}
}

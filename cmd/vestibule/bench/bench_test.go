package bench

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"vestibule/provider/operator"
)

// A code counts once: each user is taken once a period, in turn, and whoever finds none unused is told until when, once.
func TestPool(t *testing.T) {
	t.Parallel()
	told := 0
	users := Users{Users: []operator.Seeded{{Username: "bench-1", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}, {Username: "bench-2", Secret: "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"}}}
	now := time.Unix(1_800_000_010, 0) // ten seconds into a period
	p, err := newPool(users, now.Add(-period), func(time.Time) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, at := range []time.Time{now, now, now, now.Add(5 * time.Second), now.Add(20 * time.Second), now.Add(20 * time.Second)} {
		u, until := p.next(at)
		if until.IsZero() != (u.name != "") {
			t.Errorf("%v: user %q until %v", at, u.name, until)
		}
		if !until.IsZero() && !until.Equal(now.Add(20*time.Second)) {
			t.Errorf("it waits until %v", until)
		}
		names = append(names, u.name)
	}
	if want := []string{"bench-1", "bench-2", "", "", "bench-1", "bench-2"}; !slices.Equal(names, want) || told != 1 {
		t.Errorf("users %q, told %d times; want %q, once", names, told, want)
	}
	if used, err := newPool(users, now, func(time.Time) {}); err != nil {
		t.Error(err)
	} else if u, _ := used.next(now); u.name != "" {
		t.Errorf("%s is taken, whose code a run before may have used", u.name)
	}
}

// The form that goes on is the first of a page, and what a browser would send of it.
func TestReadPage(t *testing.T) {
	t.Parallel()
	p := readPage([]byte(`<main data-page="consent" data-state="initial"><input name="before" value="1">
		<form method="post" action="/consent?a=1&amp;b=2"><input type="hidden" name="flow" value="x&#34;y"><input name="empty">
		<input type="checkbox" name="yes" value="1" checked><input type="checkbox" name="no" value="1"></form>
		<form action="/login/cancel"><input name="other" value="1"></form></main>`))
	want := url.Values{"flow": {`x"y`}, "empty": {""}, "yes": {"1"}}
	if p.name != "consent" || p.state != "initial" || p.action != "/consent?a=1&b=2" || p.fields.Encode() != want.Encode() {
		t.Errorf("the page is %+v", p)
	}
}

// The figures are of what went well, without the time that was not measured; what failed is counted by its kind.
func TestResult(t *testing.T) {
	t.Parallel()
	slow := run{busy: 2 * time.Second}
	for i := range 100 {
		slow.took = append(slow.took, time.Duration(i+1)*time.Millisecond)
	}
	bad := run{busy: time.Second, faults: []error{faultf("a", "first"), faultf("b", "second"), faultf("b", "third"), errors.New("fourth")}}
	p := &phase{operation: operation{name: "refresh"}, clients: make([]*client, 2), runs: []run{slow, bad}, cpu: 300 * time.Millisecond}
	got := p.result()
	want := Result{Operation: "refresh", Clients: 2, Count: 100, Rate: 50, P50: 50, P99: 99, Max: 100, CPU: 3, Failed: 4}
	errs := got.Errors
	if got.Errors = nil; !reflect.DeepEqual(got, want) {
		t.Errorf("the result is %+v, want %+v", got, want)
	}
	if wanted := []Error{{"b", 2, "second"}, {"a", 1, "first"}, {"other", 1, "fourth"}}; !slices.Equal(errs, wanted) {
		t.Errorf("the errors are %+v, want %+v", errs, wanted)
	}
}

// TestInterrupted: what was done until somebody ends a measurement is a result, without what it has cost the server.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	done := 0
	p := &phase{operation: operation{name: "refresh", do: func(*client, context.Context) error {
		if done++; done == 3 {
			stop()
		}
		return nil
	}}, clients: make([]*client, 1), runs: make([]run, 1), length: time.Hour}
	if err := p.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("run: %v, want %v", err, context.Canceled)
	}
	if r := p.result(); r.Count != 2 || r.Failed != 0 || r.Elapsed <= 0 || r.CPU != 0 || r.NoCPU == nil {
		t.Errorf("the result is %+v, want two of the operation", r)
	}
}

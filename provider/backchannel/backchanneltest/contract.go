// Package backchanneltest proves that an outbox keeps its contract.
package backchanneltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/backchannel"
	"vestibule/provider/store"
)

// Box is an outbox with nothing in it, and how something gets there.
type Box struct {
	backchannel.Outbox
	// Owe puts a notice in, as whatever ends the session does.
	Owe func(session, client string)
}

// TestOutbox proves that what open returns keeps the contract of backchannel.Outbox.
func TestOutbox(t *testing.T, open func(t *testing.T) Box) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Box)
	}{{"in turn", inTurn}, {"put off", putOff}, {"taken once", takenOnce}} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (b Box) clients(t *testing.T, now time.Time, limit int) string {
	t.Helper()
	ids, err := b.DueClients(t.Context(), now, limit)
	must(t, err)
	return fmt.Sprint(ids)
}

func (b Box) due(t *testing.T, client string, now time.Time) []backchannel.Notice {
	t.Helper()
	found, err := b.DueLogouts(t.Context(), client, now, 10)
	must(t, err)
	return found
}

func sessions(found []backchannel.Notice) (all []string) {
	for _, n := range found {
		all = append(all, n.Session)
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inTurn has the one first that has waited longest, and a notice as it was put in.
func inTurn(t *testing.T, b Box) {
	b.Owe("s1", "shop")
	b.Owe("s1", "till")
	b.Owe("s2", "shop")
	if got := b.clients(t, noon, 10); got != "[shop till]" {
		t.Errorf("due are %s", got)
	}
	found := b.due(t, "shop", noon)
	if got := sessions(found); !slices.Equal(got, []string{"s1", "s2"}) {
		t.Fatalf("the shop is to hear of %q", got)
	}
	if n := found[0]; n.Client != "shop" || n.Registration == "" || n.Subject == "" || !n.First.IsZero() || !n.Due.IsZero() {
		t.Errorf("a notice is %+v", n)
	}
	must(t, b.MoveLogout(t.Context(), found[0], noon, noon.Add(time.Minute)))
	if got := sessions(b.due(t, "shop", noon)); !slices.Equal(got, []string{"s2"}) {
		t.Errorf("after a move the shop is to hear of %q", got)
	}
	later := noon.Add(time.Minute)
	found = b.due(t, "shop", later)
	if got := sessions(found); !slices.Equal(got, []string{"s2", "s1"}) || !found[1].First.Equal(noon) || !found[1].Due.Equal(later) {
		t.Errorf("then it is %+v", found)
	}
	must(t, b.DeleteLogout(t.Context(), found[0]))
	must(t, b.DeleteLogout(t.Context(), found[0]))
	if got := b.clients(t, later, 10); got != "[till shop]" {
		t.Errorf("due are %s", got)
	}
	if got := b.clients(t, later, 1); got != "[till]" {
		t.Errorf("the first that is due is %s", got)
	}
}

// putOff moves what is due of one client.
func putOff(t *testing.T, b Box) {
	for _, session := range []string{"s1", "s2", "s3"} {
		b.Owe(session, "shop")
	}
	b.Owe("s1", "till")
	waits := b.due(t, "shop", noon)[2]
	must(t, b.MoveLogout(t.Context(), waits, noon, noon.Add(time.Hour)))
	must(t, b.PutOffLogouts(t.Context(), "shop", noon, noon.Add(time.Minute)))
	if got := b.clients(t, noon, 10); got != "[till]" {
		t.Errorf("due are %s", got)
	}
	found := b.due(t, "shop", noon.Add(time.Minute))
	if got := sessions(found); !slices.Equal(got, []string{"s1", "s2"}) || !found[0].First.Equal(noon) {
		t.Errorf("a minute later the shop is to hear of %q, since %v", got, found[0].First)
	}
	must(t, b.PutOffLogouts(t.Context(), "shop", noon.Add(time.Minute), noon.Add(2*time.Minute)))
	if found = b.due(t, "shop", noon.Add(2*time.Minute)); len(found) != 2 || !found[0].First.Equal(noon) {
		t.Errorf("then %+v", found)
	}
}

// takenOnce lets one of many have it.
func takenOnce(t *testing.T, b Box) {
	b.Owe("s1", "shop")
	n := b.due(t, "shop", noon)[0]
	var won atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			switch err := b.MoveLogout(t.Context(), n, noon, noon.Add(time.Duration(i+1)*time.Minute)); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have taken it", won.Load())
	}
	must(t, b.DeleteLogout(t.Context(), n))
	if err := b.MoveLogout(t.Context(), n, noon, noon); !errors.Is(err, store.ErrConflict) {
		t.Errorf("a notice that is gone: %v", err)
	}
}

package step

import (
	"context"
	"sync"
	"testing"

	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/storage/storagetest"
	"vestibule/web/step"
)

// ear is the program's own recorder.
type ear struct {
	store *storage.Store

	mu    sync.Mutex
	heard []audit.Event
	down  error
}

// heardEvent is what the program writes of each event, in the database that it shares with the step.
const heardEvent = "program.heard"

func (e *ear) Record(ctx context.Context, event audit.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.down != nil {
		return e.down
	}
	e.heard = append(e.heard, event)
	return e.store.Record(ctx, audit.Event{Kind: heardEvent, Time: event.Time, Subject: event.Subject, Outcome: audit.OutcomeOK, Detail: map[string]string{"id": event.ID}})
}

func (e *ear) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down = err
}

// TestRecorder: a program hears all that the log has, in the same commit, and users see their activity all the same.
func TestRecorder(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		hears := &ear{store: db}
		p := newProgram(t, db, func(c *step.Config) { c.Recorder = hears })
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		page := v.begin("r1", "").At("totp", "initial")

		before := p.events(audit.Proved("totp"), audit.EventSignedIn, heardEvent)
		hears.fail(errDown)
		page.Press("Continue", "code", phone.Code(0)).At("error", "server")
		if after := p.events(audit.Proved("totp"), audit.EventSignedIn, heardEvent); after != before {
			t.Errorf("%d events of what was not committed", after-before)
		}
		hears.fail(nil)
		p.is(page.Press("Continue", "code", phone.Code(0)), "/done/r1")

		v.Open("/step/account/security").At("security", "on").Says("Signed in")
		v.Open("/step/account/activity").At("activity", "initial").Says("Signed in")
		p.sameAsLog(hears)
	})
}

// sameAsLog fails the test unless the program has heard of each event in the log, and of no other.
func (p *program) sameAsLog(e *ear) {
	p.t.Helper()
	all, err := p.store.AuditEvents(p.t.Context(), storage.AuditFilter{}, 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	inLog, written := map[string]bool{}, map[string]bool{}
	for _, one := range all {
		switch one.Kind {
		case keptEvent, finishedEvent:
		case heardEvent:
			written[one.Detail["id"]] = true
		default:
			inLog[one.ID] = true
		}
	}
	if len(inLog) < 4 || len(inLog) != len(written) {
		p.t.Errorf("the log has %d events, the program has written %d", len(inLog), len(written))
	}
	for id := range inLog {
		if !written[id] {
			p.t.Errorf("the program has not written of %s", id)
		}
	}
	for _, event := range e.heard {
		if event.Time.IsZero() || event.ID == "" {
			p.t.Errorf("the program hears of %+v, without a time or an id", event)
		}
	}
}

// plain is a store that keeps no log.
type plain struct{ step.Store }

// TestRecorderWithoutALog: a program whose store keeps no log hears all, and when it was.
func TestRecorderWithoutALog(t *testing.T) {
	t.Parallel()
	db := storageOf(t)
	hears := &ear{store: db}
	p := newProgram(t, db, func(c *step.Config) { c.Store, c.Recorder = plain{db}, hears })
	phone, _ := p.enrol("ana")
	v := p.visitor().logIn("ana")
	p.is(v.begin("r1", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r1")
	kinds := map[string]bool{}
	for _, event := range hears.heard {
		kinds[event.Kind] = true
		if event.Time.IsZero() {
			t.Errorf("the program hears of %+v, without a time", event)
		}
	}
	if !kinds[audit.Proved("totp")] || !kinds[audit.EventSignedIn] {
		t.Errorf("the program hears of %v", kinds)
	}
	v.Open("/step/account/security").At("security", "on")
}

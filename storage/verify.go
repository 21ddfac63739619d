package storage

import (
	"context"
	"fmt"
	"time"

	"vestibule/provider/audit"
)

// AuditReport is what VerifyAudit found in good order.
type AuditReport struct {
	First   audit.Head // behind it the chain begins; place 0: nothing was ever removed
	Last    audit.Head // its end
	Checked int64      // events
	Waiting int64      // events that are not linked yet
	Oldest  time.Time  // of those that wait
}

// VerifyAudit computes the chain anew from what is there and compares. kept is a head from earlier times, or nil.
// It changes nothing. A *ChainFault names the first place that is wrong.
func (s *Store) VerifyAudit(ctx context.Context, kept *audit.Head) (AuditReport, error) {
	report, state, err := s.chainState(ctx)
	if err != nil {
		return report, err
	}
	v := verification{store: s, report: &report, state: state, head: report.First, kept: kept}
	if err := v.walk(ctx); err != nil {
		return report, err
	}
	if err := v.links(ctx); err != nil {
		return report, err
	}
	switch {
	case !v.head.Equal(report.Last):
		return report, &audit.ChainFault{Place: report.Last.Place, Text: "the chain does not end as it was noted in audit_chain"}
	case v.state.highest > report.Last.Place:
		return report, &audit.ChainFault{Place: report.Last.Place + 1, Text: "the event was put in behind the end"}
	case v.state.events > v.state.want(report):
		return report, &audit.ChainFault{Place: report.Last.Place + 1, Text: fmt.Sprintf(
			"%d events are in audit that neither are in the chain nor wait for it", v.state.events-v.state.want(report))}
	case v.state.lost > 0:
		return report, &audit.ChainFault{Place: report.Last.Place + 1, Text: fmt.Sprintf(
			"%d events were removed while they waited to be linked", v.state.lost)}
	case v.state.events < v.state.want(report):
		return report, &audit.ChainFault{Place: report.Last.Place + 1, Text: fmt.Sprintf(
			"%d events are in the chain twice, or wait though they are in it", v.state.want(report)-v.state.events)}
	case report.First.Place > 0 && !v.purged.Equal(report.First):
		return report, &audit.ChainFault{Place: report.First.Place, Text: "the events up to here were removed, and no " + audit.EventAuditPurged + " behind it says so"}
	}
	return report, v.keptFault()
}

// chainState is what must fit together with the report.
type chainState struct {
	highest int64 // place of a link
	events  int64 // in the table, linked or not
	lost    int64 // of those that wait: there is no such event
}

// want is how many events there must be: each is in the chain once, or waits. What is lost does not stand for another.
func (c chainState) want(r AuditReport) int64 {
	return r.Last.Place - r.First.Place + r.Waiting - c.lost
}

// chainState is one statement, so that all of it is of the same moment. The first link must not end before the beginning.
func (s *Store) chainState(ctx context.Context) (report AuditReport, state chainState, err error) {
	var lowest int64
	_, err = one(ctx, s, func(r row) (none struct{}, err error) {
		var oldest int64
		err = r.Scan(&report.First.Place, &report.First.Hash, &report.Last.Place, &report.Last.Hash,
			&lowest, &state.highest, &state.events, &report.Waiting, &state.lost, &oldest)
		report.Oldest = instant(oldest)
		return none, err
	}, `SELECT
			COALESCE((SELECT place FROM audit_chain WHERE name = 'first'), 0),
			(SELECT hash FROM audit_chain WHERE name = 'first'),
			COALESCE((SELECT place FROM audit_chain WHERE name = 'last'), 0),
			(SELECT hash FROM audit_chain WHERE name = 'last'),
			COALESCE((SELECT min(place) FROM audit_link), 9223372036854775807),
			COALESCE((SELECT max(place) FROM audit_link), 0),
			(SELECT count(*) FROM audit),
			(SELECT count(*) FROM audit_waiting),
			(SELECT count(*) FROM audit_waiting w WHERE NOT EXISTS (SELECT 1 FROM audit WHERE audit.id = w.id)),
			COALESCE((SELECT created_at FROM audit WHERE id = (SELECT min(id) FROM audit_waiting)), 0)`)
	for _, h := range []*audit.Head{&report.First, &report.Last} {
		if h.Place == 0 {
			*h = audit.Start()
		}
	}
	if err == nil && lowest <= report.First.Place {
		err = &audit.ChainFault{Place: lowest, Text: "the event was put in before the beginning"}
	}
	return report, state, err
}

// verification walks along the chain.
type verification struct {
	store   *Store
	report  *AuditReport
	state   chainState
	head    audit.Head // all up to here is good
	purged  audit.Head // where the chain begins, as the last event says that tells of it
	kept    *audit.Head
	differs bool // the kept head is not the one that is there
}

// walk checks event by event up to the end that was noted.
func (v *verification) walk(ctx context.Context) error {
	v.compare()
	for v.head.Place < v.report.Last.Place {
		rows, _, err := v.store.linked(ctx, v.head.Place, v.report.Last.Place)
		if err != nil {
			return err
		}
		if len(rows) == 0 || rows[0].Place != v.head.Place+1 {
			if err := v.skip(ctx); err != nil {
				return err
			}
			continue
		}
		for _, r := range rows {
			if err := v.head.LeadsTo(r); err != nil {
				return err
			}
			v.head = v.head.Next(r)
			v.report.Checked++
			if r.Kind == audit.EventAuditPurged {
				v.purged, _ = audit.ParseHead(r.Detail["place"] + ":" + r.Detail["hash"]) // unreadable: it names no place
			}
			v.compare()
		}
	}
	return nil
}

// skip goes on where the chain begins now, if its beginning was removed meanwhile.
func (v *verification) skip(ctx context.Context) error {
	report, state, err := v.store.chainState(ctx)
	if err != nil {
		return err
	}
	if report.First.Place <= v.head.Place {
		return &audit.ChainFault{Place: v.head.Place + 1, Text: "the event is missing"}
	}
	report.Checked = v.report.Checked
	*v.report, v.state, v.head = report, state, report.First // the end too: behind it an event tells of the beginning
	v.compare()
	return nil
}

// compare looks at the kept head when the walk comes by.
func (v *verification) compare() {
	if v.kept != nil && v.kept.Place == v.head.Place {
		v.differs = !v.kept.Equal(v.head)
	}
}

// keptFault says what is wrong with the chain in the light of the kept head.
func (v *verification) keptFault() error {
	switch {
	case v.kept == nil:
		return nil
	case v.kept.Place < v.report.First.Place:
		return fmt.Errorf("the head that was kept is of place %d, but the events up to place %d were removed, as audit_retention says; compare with a newer one",
			v.kept.Place, v.report.First.Place)
	case v.kept.Place > v.report.Last.Place:
		return &audit.ChainFault{Place: v.report.Last.Place + 1, Text: fmt.Sprintf("the event is missing: the head that was kept is of place %d", v.kept.Place)}
	case v.differs:
		return &audit.ChainFault{Place: v.kept.Place, Text: "the hash is not the one that was kept: this event, or one before it, was changed, and the chain written anew"}
	}
	return nil
}

package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

const (
	mostEvents = 10_000      // that a list may have; an export has all
	linkedIn   = time.Minute // after which an event must be in the chain
)

// auditList shows the newest events.
func auditList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "show what happened, the newest first",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "user", Usage: "only events of this user: a `name`, or a user id as logs have it"},
			&cli.StringFlag{Name: "client", Usage: "only events with this `client`"},
			&cli.StringFlag{Name: "kind", Usage: "only this `kind`, such as auth.totp.failed, or all that begin with auth or auth.totp"},
			&cli.StringFlag{Name: "since", Usage: "only events from this `time` on: 2027-01-31, 2027-01-31T08:00:00Z, or 24h for a day ago", Validator: isPointInTime},
			&cli.StringFlag{Name: "until", Usage: "only events before this `time`", Validator: isPointInTime},
			&cli.IntFlag{Name: "limit", Value: 100, Usage: "the most events to show; the newest are shown first"},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			limit := c.Int("limit")
			if limit < 1 || limit > mostEvents {
				return terminal.UsageError(fmt.Sprintf("--limit should be from 1 to %d; vestibule audit export gives all", mostEvents))
			}
			return w.read(ctx, c, func(db *storage.Store) error {
				filter, err := auditFilter(ctx, c, db)
				if err != nil {
					return err
				}
				events, err := db.AuditEvents(ctx, filter, limit)
				if err != nil {
					return err
				}
				return errors.Join(w.printEvents(ctx, c, db, events), w.tellKinds(ctx, db, filter))
			})
		},
	}
}

// tellKinds names the kinds that there are to whoever asks for another: it may be mistyped, or nothing of it has happened yet.
func (w *env) tellKinds(ctx context.Context, db *storage.Store, filter storage.AuditFilter) error {
	if filter.Kind == "" {
		return nil
	}
	kinds, err := db.AuditKinds(ctx)
	if err != nil || len(kinds) == 0 || slices.ContainsFunc(kinds, filter.Has) {
		return err
	}
	return w.Tell(w.Stderr, "command.audit.kinds", catalogue.Values{"kind": terminal.Printable(filter.Kind), "kinds": strings.Join(kinds, ", ")})
}

// auditFilter is what the flags leave.
func auditFilter(ctx context.Context, c *cli.Command, db *storage.Store) (filter storage.AuditFilter, err error) {
	filter = storage.AuditFilter{Client: c.String("client"), Kind: c.String("kind")}
	if c.IsSet("since") {
		if filter.Since, err = pointInTime(c.String("since")); err != nil {
			return filter, err
		}
	}
	if c.IsSet("until") {
		if filter.Until, err = pointInTime(c.String("until")); err != nil {
			return filter, err
		}
	}
	if name := c.String("user"); name != "" {
		filter.Subject, err = subjectOf(ctx, db, name)
	}
	return filter, err
}

// pointInTime reads a day, a time, or how long ago it was.
func pointInTime(value string) (time.Time, error) {
	if ago, err := time.ParseDuration(value); err == nil && ago > 0 {
		return time.Now().Add(-ago), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if parsed, err := time.Parse(layout, value); err == nil {
			return parsed, nil
		}
	}
	return time.Time{}, errors.New("it should be a day such as 2027-01-31, a time such as 2027-01-31T08:00:00Z, or how long ago, such as 24h")
}

func isPointInTime(value string) error {
	_, err := pointInTime(value)
	return err
}

// subjectOf finds a user by name or by id.
func subjectOf(ctx context.Context, db *storage.Store, nameOrID string) (string, error) {
	if user, err := db.Account(ctx, nameOrID); err == nil {
		return user.Subject, nil
	}
	user, err := findUser(ctx, operations(db), nameOrID)
	return user.Subject, err
}

// printEvents names users by the name that they sign in with.
func (w *env) printEvents(ctx context.Context, c *cli.Command, db *storage.Store, events []audit.Recorded) error {
	shown := []shownEvent{}
	rows := [][]string{w.Head("command.column.time", "command.column.event", "command.column.outcome", "command.column.user", "command.column.client", "command.column.address", "command.column.by", "command.column.detail")}
	names := map[string]string{"": ""}
	for _, e := range events {
		name, known := names[e.Subject]
		if !known {
			user, err := db.Account(ctx, e.Subject)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			name = user.Username
			names[e.Subject] = name
		}
		view := eventView(e)
		view.User = name
		shown = append(shown, view)
		if name == "" {
			name = e.Subject
		}
		rows = append(rows, []string{terminal.Moment(e.Time), e.Kind, e.Outcome, name, e.Client, e.Address, e.Actor, details(e.Detail)})
	}
	return w.Print(c, shown, rows)
}

func details(detail map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(detail)) {
		words = append(words, name+"="+detail[name])
	}
	return strings.Join(words, " ")
}

// shownEvent is how JSON shows an event. All but the user's name is what the hash covers.
type shownEvent struct {
	ID      string          `json:"id"`
	Time    string          `json:"time"` // to the microsecond
	Kind    string          `json:"kind"`
	Outcome string          `json:"outcome"`
	Subject string          `json:"subject"`
	User    string          `json:"user,omitempty"`
	Client  string          `json:"client"`
	Session string          `json:"session"`
	Address string          `json:"address"`
	Actor   string          `json:"actor"`
	Method  string          `json:"method"`
	Request string          `json:"request"`
	Detail  json.RawMessage `json:"detail"`
	Place   int64           `json:"place,omitempty"` // none: it is not linked yet
	Hash    string          `json:"hash,omitempty"`
}

func eventView(r audit.Recorded) shownEvent {
	detail := json.RawMessage(r.Text)
	if !json.Valid(detail) { // somebody was there
		detail, _ = json.Marshal(r.Text)
	}
	return shownEvent{
		ID: r.ID, Time: r.Time.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), Kind: r.Kind, Outcome: r.Outcome,
		Subject: r.Subject, Client: r.Client, Session: r.Session, Address: r.Address, Actor: r.Actor, Method: r.Method,
		Request: r.Request, Detail: detail, Place: r.Place, Hash: hex.EncodeToString(r.Hash),
	}
}

// auditExport writes every event as a line of JSON, in the order of the chain, so that the chain can be checked
// without the database.
func auditExport(w *env) *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write all that happened as lines of JSON", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.read(ctx, c, func(db *storage.Store) error { return exportEvents(ctx, w.Stdout, db) })
		},
	}
}

func exportEvents(ctx context.Context, w io.Writer, db *storage.Store) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false) // details stay byte for byte as they were hashed
	return db.EachAudit(ctx, func(r audit.Recorded) error { return lines.Encode(eventView(r)) })
}

// auditHead prints what to keep elsewhere.
func auditHead(w *env) *cli.Command {
	return &cli.Command{
		Name: "head", Usage: "print where the chain of events ends, to keep elsewhere", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.read(ctx, c, func(db *storage.Store) error {
				head, err := db.AuditHead(ctx)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(w.Stdout, head)
				return err
			})
		},
	}
}

// auditVerify fails unless all events are there as they were written.
func auditVerify(w *env) *cli.Command {
	var kept *audit.Head
	return &cli.Command{
		Name: "verify", Usage: "check that the audit log is as it was written",
		Flags: databaseFlags(
			&cli.StringFlag{
				Name: "head", Usage: "`place:hash` that vestibule audit head has printed before: what was linked until then must still be there",
				Validator: func(value string) error {
					head, err := audit.ParseHead(value)
					kept = &head
					return err
				},
			},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.read(ctx, c, func(db *storage.Store) error {
				report, err := db.VerifyAudit(ctx, kept)
				if err == nil {
					err = waitsTooLong(report, time.Now())
				}
				return errors.Join(w.printReport(c, report, err), err)
			})
		},
	}
}

// waitsTooLong finds events that no server has linked: their order, and that they are there, is proved by nothing.
func waitsTooLong(r storage.AuditReport, now time.Time) error {
	if r.Waiting == 0 || now.Sub(r.Oldest) < linkedIn {
		return nil
	}
	return fmt.Errorf("events that are not linked yet: %d, the oldest of %s; the linked ones are as they were written. A running server links within seconds: look at its log",
		r.Waiting, terminal.Moment(r.Oldest))
}

// shownReport is how JSON shows what was verified.
type shownReport struct {
	OK      bool   `json:"ok"`
	Fault   string `json:"fault,omitempty"`
	Place   int64  `json:"place,omitempty"` // the first that is wrong
	Checked int64  `json:"checked"`
	Removed int64  `json:"removed"` // up to this place, because they were too old
	Waiting int64  `json:"waiting"`
	Head    string `json:"head"`
}

// printReport has no table for a fault: the error says it.
func (w *env) printReport(c *cli.Command, r storage.AuditReport, failed error) error {
	view := shownReport{OK: failed == nil, Checked: r.Checked, Removed: r.First.Place, Waiting: r.Waiting, Head: r.Last.String()}
	if failed != nil {
		view.Fault = failed.Error()
		var fault *audit.ChainFault
		if errors.As(failed, &fault) {
			view.Place = fault.Place
		}
		if !terminal.WantsJSON(c) {
			return nil
		}
	}
	rows := [][]string{
		{w.Say("command.audit.checked", nil), strconv.FormatInt(r.Checked, 10)},
		{w.Say("command.audit.removed", nil), strconv.FormatInt(r.First.Place, 10)},
		{w.Say("command.audit.waiting", nil), strconv.FormatInt(r.Waiting, 10)},
		{w.Say("command.audit.head", nil), r.Last.String()},
	}
	return w.Print(c, view, rows)
}

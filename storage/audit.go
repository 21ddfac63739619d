package storage

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vestibule/provider/audit"
)

const auditColumns = `id, created_at, kind, outcome, subject, client, session, address, actor, method, request, detail`

// textColumn takes a text. SQLite keeps bytes in such a column too; they equal no text, so that no filter finds them.
type textColumn struct {
	to    *string
	bytes *bool
}

// Scan implements sql.Scanner.
func (c textColumn) Scan(value any) error {
	switch v := value.(type) {
	case string:
		*c.to = v
	case []byte:
		*c.to, *c.bytes = string(v), true
	default:
		return fmt.Errorf("%T where a text should be", value)
	}
	return nil
}

// scanRecorded leaves the place of the event open.
func scanRecorded(r row) (audit.Recorded, error) {
	var e audit.Recorded
	var created int64
	text := func(to *string) any { return textColumn{to, &e.Blob} }
	err := r.Scan(text(&e.ID), &created, text(&e.Kind), text(&e.Outcome), text(&e.Subject), text(&e.Client),
		text(&e.Session), text(&e.Address), text(&e.Actor), text(&e.Method), text(&e.Request), text(&e.Text))
	e.Time = instant(created)
	if json.Unmarshal([]byte(e.Text), &e.Detail) != nil { // somebody was there, which VerifyAudit tells
		e.Detail = map[string]string{"unreadable": e.Text}
	}
	return e, err
}

// Record inserts the event. Inside Atomic it is part of that commit. It is linked into the chain later, so that
// sign-ins never wait for each other here.
func (s *Store) Record(ctx context.Context, e audit.Event) error {
	r, err := s.complete(e)
	if err != nil {
		return err
	}
	return s.insertEvent(ctx, r)
}

// complete fills in what the event lacks, and makes its texts such that they can be kept.
func (s *Store) complete(e audit.Event) (audit.Recorded, error) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.ID == "" {
		e.ID = s.NewEventID(e.Time)
	}
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	for _, text := range []*string{
		&e.ID, &e.Kind, &e.Outcome, &e.Subject, &e.Client, &e.Session, &e.Address, &e.Actor, &e.Method, &e.Request,
	} {
		*text = validText(*text)
	}
	if strings.Contains(e.ID, " ") { // links join ids by spaces
		return audit.Recorded{}, errors.New("the id of an event has a space")
	}
	detail, err := asText(e.Detail) // its keys are sorted; it writes what is no character as an escape
	return audit.Recorded{Event: e, Text: detail}, err
}

// validText leaves out what PostgreSQL cannot keep in a text, so that both databases keep the same.
func validText(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

// insertEvent also has the event wait for its link.
func (s *Store) insertEvent(ctx context.Context, e audit.Recorded) error {
	return s.db.InsertListed(ctx, "audit_waiting", `INSERT INTO audit (`+auditColumns+`)`,
		e.ID, micros(e.Time), e.Kind, e.Outcome, e.Subject, e.Client, e.Session, e.Address, e.Actor, e.Method,
		e.Request, e.Text)
}

// NewEventID begins with the time, so that new rows go to the right edge of the index, and goes on with a count, so
// that what one process records in the same instant stays in order. It is short: four indexes and the chain have it.
func (s *Store) NewEventID(at time.Time) string {
	var others [4]byte // what other processes name in that instant
	rand.Read(others[:])
	return eventTime(at) + inOrder(5, uint64(s.events.Add(1))) + inOrder(6, uint64(binary.BigEndian.Uint32(others[:])))
}

// eventTime sorts before the ids of all events of that time, and after those of earlier ones.
func eventTime(at time.Time) string { return inOrder(timeDigits, uint64(max(at.UnixMicro(), 0))) }

const (
	timeDigits = 11
	digits     = "0123456789abcdefghijklmnopqrstuv"
)

// inOrder writes the last bits of a number, five a digit, such that texts sort as the numbers do, in any locale.
func inOrder(length int, n uint64) string {
	text := make([]byte, length)
	for i := length - 1; i >= 0; i, n = i-1, n>>5 {
		text[i] = digits[n&31]
	}
	return string(text)
}

// timeOf is the time of the event with the id, in microseconds; of what is no id of ours, the end of time.
func timeOf(id string) (at int64) {
	if len(id) < timeDigits {
		return math.MaxInt64
	}
	for _, digit := range id[:timeDigits] {
		n := strings.IndexRune(digits, digit)
		if n < 0 {
			return math.MaxInt64
		}
		at = at<<5 | int64(n)
	}
	return at
}

// newestFirst is the order in which an index has the events of one user, client or kind.
const newestFirst = `created_at DESC, id DESC`

// Activity returns at most n events of the subject, of these kinds, the newest first: those that are older than
// the event with the id before, or the newest of all if that is empty.
func (s *Store) Activity(ctx context.Context, subject string, kinds []string, before string, n int) ([]audit.Event, error) {
	args := []any{subject, n}
	query := `SELECT ` + auditColumns + ` FROM audit WHERE subject = $1`
	if before != "" {
		args = append(args, before, timeOf(before))
		query += ` AND id < $3 AND created_at <= $4`
	}
	of := places(len(args), len(kinds))
	args = append(args, anys(kinds)...)
	scan := func(r row) (audit.Event, error) {
		e, err := scanRecorded(r)
		return e.Event, err
	}
	return all(ctx, s, scan, query+` AND kind IN `+of+` ORDER BY `+newestFirst+` LIMIT $2`, args...)
}

// AuditFilter chooses events. What is empty chooses all.
type AuditFilter struct {
	Subject string
	Client  string
	Kind    string    // a kind, or the words that kinds begin with: auth, auth.totp
	Since   time.Time // including
	Until   time.Time // excluding
}

// Has reports whether the filter chooses events of the kind.
func (f AuditFilter) Has(kind string) bool {
	return kind == f.Kind || strings.HasPrefix(kind, f.Kind+".")
}

// query selects the newest n events that the filter chooses; kinds are those of the log that it has, or none. The
// kinds of one user or client are picked from what the index gives for that. Without one, the newest of each kind are
// looked up: to walk from the newest event of all to a rare kind would take too long.
func (f AuditFilter) query(kinds []string, n int) (string, []any) {
	condition, args := f.where()
	others := len(args)
	args = append(args, anys(kinds)...)
	from, limit := "audit WHERE "+condition, fmt.Sprintf(" ORDER BY %s LIMIT %d", f.order(), n)
	switch {
	case len(kinds) == 0:
	case f.Subject != "" || f.Client != "":
		from += " AND kind IN " + places(others, len(kinds))
	default:
		var newest []string
		for i := range kinds {
			newest = append(newest, fmt.Sprintf("SELECT %s FROM (SELECT %s FROM %s AND kind = $%d%s) AS kind%d",
				auditColumns, auditColumns, from, others+i+1, limit, i))
		}
		from = "(" + strings.Join(newest, " UNION ALL ") + ") AS newest"
	}
	return "SELECT " + auditColumns + " FROM " + from + limit, args
}

// chooses reports whether the filter has more than times.
func (f AuditFilter) chooses() bool { return f.Subject != "" || f.Client != "" || f.Kind != "" }

// order is that of an index which has the events that are chosen.
func (f AuditFilter) order() string {
	if f.chooses() {
		return newestFirst
	}
	return "id DESC"
}

// where is the condition of the filter, but for kinds, and its arguments.
func (f AuditFilter) where() (string, []any) {
	condition := []string{"1 = 1"}
	var args []any
	add := func(wanted bool, text string, value any) {
		if wanted {
			args = append(args, value)
			condition = append(condition, fmt.Sprintf("%s $%d", text, len(args)))
		}
	}
	add(f.Subject != "", "subject =", f.Subject)
	add(f.Client != "", "client =", f.Client)
	if f.chooses() {
		add(!f.Since.IsZero(), "created_at >=", micros(f.Since))
		add(!f.Until.IsZero(), "created_at <", micros(f.Until))
	} else {
		add(!f.Since.IsZero(), "id >=", eventTime(f.Since))
		add(!f.Until.IsZero(), "id <", eventTime(f.Until))
	}
	return strings.Join(condition, " AND "), args
}

// AuditEvents returns the newest events that the filter chooses, at most n, the newest first.
func (s *Store) AuditEvents(ctx context.Context, f AuditFilter, n int) ([]audit.Recorded, error) {
	var kinds []string
	if f.Kind != "" {
		logged, err := s.AuditKinds(ctx)
		if err != nil {
			return nil, err
		}
		if kinds = slices.DeleteFunc(logged, func(kind string) bool { return !f.Has(kind) }); len(kinds) == 0 {
			return nil, nil
		}
	}
	query, args := f.query(kinds, n)
	events, err := all(ctx, s, scanRecorded, query, args...)
	if err != nil {
		return nil, err
	}
	return events, s.findPlaces(ctx, events)
}

// AuditKinds returns the kinds of events that the log has, in order: one look into the index for each, however long the log is.
func (s *Store) AuditKinds(ctx context.Context) ([]string, error) {
	return all(ctx, s, func(r row) (kind string, err error) {
		err = r.Scan(&kind)
		return kind, err
	}, `SELECT k FROM (
		WITH RECURSIVE kinds (k) AS (
			SELECT min(kind) FROM audit
			UNION ALL SELECT (SELECT min(kind) FROM audit WHERE kind > kinds.k) FROM kinds WHERE kinds.k IS NOT NULL)
		SELECT k FROM kinds WHERE k IS NOT NULL) AS logged`)
}

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// auditCommand runs the program on the database and returns what it printed.
func auditCommand(t *testing.T, dsn string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	err = run(t.Context(), args, &env{[]string{"VESTIBULE_DATABASE=" + dsn}, strings.NewReader(""), &out, &log})
	return out.String(), err
}

// Whoever has nothing but an export can compute the chain.
func TestAuditExport(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storagetest.Open(t, dsn)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		const events = 1100
		for i := range events {
			e := audit.Event{
				Kind: audit.EventAdminReset, Outcome: audit.OutcomeOK, Subject: "s", Actor: "cli:0",
				Detail: map[string]string{"reason": fmt.Sprintf("<lost> & “found” \u2028 %d", i), "authenticators": "1"},
			}
			if err := db.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			if i == events-10 {
				if err := linkAll(t.Context(), db); err != nil {
					t.Fatal(err)
				}
			}
		}
		text, err := auditCommand(t, dsn, "audit", "export")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) != events {
			t.Fatalf("%d lines, want %d", len(lines), events)
		}
		head := make([]byte, 32)
		for _, line := range lines[:events-9] {
			head = hashOfLine(t, head, line)
		}
		if strings.Contains(lines[events-1], "hash") {
			t.Errorf("the last line has a hash, but it is not linked: %s", lines[events-1])
		}
		if got, err := auditCommand(t, dsn, "audit", "head"); err != nil || got != fmt.Sprintf("%d:%x\n", events-9, head) {
			t.Errorf("audit head prints %q (%v), want %d:%x", got, err, events-9, head)
		}
	})
}

// hashOfLine computes the hash of an exported line as docs/audit.md says, and compares it with the line's own.
func hashOfLine(t *testing.T, before []byte, line string) []byte {
	t.Helper()
	var e shownEvent
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		t.Fatal(err)
	}
	b := binary.BigEndian.AppendUint64([]byte("vestibule audit 1\n"), uint64(e.Place))
	b = binary.BigEndian.AppendUint64(append(b, before...), uint64(at.UnixMicro()))
	for _, text := range []string{e.ID, e.Kind, e.Outcome, e.Subject, e.Client, e.Session, e.Address, e.Actor, e.Method, e.Request, string(e.Detail)} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(text))), text...)
	}
	sum := sha256.Sum256(b)
	if e.Hash != hex.EncodeToString(sum[:]) {
		t.Fatalf("the hash of %s is %x", line, sum)
	}
	return sum[:]
}

// Events that wait for long are a fault: nothing proves that they are all there.
func TestAuditVerifyWaiting(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storagetest.Open(t, dsn)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		record := func(ago time.Duration) {
			t.Helper()
			e := audit.Event{Kind: audit.EventPassword, Outcome: audit.OutcomeOK, Time: time.Now().Add(-ago)}
			if err := db.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		record(time.Second)
		if text, err := auditCommand(t, dsn, "audit", "verify"); err != nil || !strings.Contains(flat(text), "not linked yet 1") {
			t.Errorf("with an event of a second ago: %v\n%s", err, text)
		}
		record(2 * time.Minute)
		for range 2 { // to look does not mend it
			if _, err := auditCommand(t, dsn, "audit", "verify"); err == nil || !strings.Contains(err.Error(), "not linked yet: 2") {
				t.Errorf("with an event of two minutes ago: %v", err)
			}
		}
	})
}

// A whole sign-in is in the log, in order, and the user sees it. No event holds what was typed.
func TestAuditOfSignIn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		v := c.begin()
		p := b.open(v.address).giveName("ana", "not the password").at("login", "wrong").giveName("ana", password)
		wrong := c.phone.code(-20)
		v.finish(p.at("totp", "initial").giveCode(wrong).at("totp", "wrong").giveCode(c.phone.code(0)).allow())

		db := (*s.servers.Load())[0].store
		if err := linkAll(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		err := db.EachAudit(t.Context(), func(r storage.Recorded) error {
			if r.Kind == audit.EventPasswordFailed {
				kinds = nil // what came before is the set-up
			}
			kinds = append(kinds, r.Kind)
			for _, typed := range []string{password, "not the password", wrong, c.phone.code(0)} {
				if strings.Contains(fmt.Sprint(r.Client, r.Session, r.Address, r.Actor, r.Detail), typed) {
					t.Errorf("%s holds what was typed: %+v", r.Kind, r)
				}
			}
			if r.Request == "" && r.Actor == "" || r.Address == "" && r.Actor == "" {
				t.Errorf("%s has no request id or no address", r.Kind)
			}
			return nil
		})
		want := []string{
			audit.EventPasswordFailed, audit.EventPassword, audit.EventTOTPFailed, audit.EventTOTP,
			audit.EventSignedIn, audit.EventConsent, audit.EventAuthorized,
		}
		if err != nil || !slices.Equal(kinds, want) {
			t.Errorf("%v, %v\nwant %v", kinds, err, want)
		}
		if _, err := db.VerifyAudit(t.Context(), nil); err != nil {
			t.Error(err)
		}
		b.open("/account").at("security", "on").says("Signed in with the password and a code.")
		b.open("/account/activity").at("activity", "initial").says("A wrong password was given.").says("was allowed to use the account")
	})
}

// Somebody holds the end of the chain: whoever signs in does not notice.
func TestSignInsDoNotWaitForTheChain(t *testing.T) {
	t.Parallel()
	database := postgresDatabase(t)
	s := newSite(t, database)
	c := enrolledClient(t, s, 1)
	db := (*s.servers.Load())[0].store
	if err := linkAll(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	hold, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec(t.Context(), `LOCK TABLE audit_chain`); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(oneStep)
	v := c.begin()
	v.finish(v.signIn(s.newBrowser(t), "ana").giveCode(c.phone.code(0)).allow())
	if err := hold.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := linkAll(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if report, err := db.VerifyAudit(t.Context(), nil); err != nil || report.Waiting != 0 {
		t.Errorf("%+v, %v, want all linked", report, err)
	}
}

// With the server, events are linked within seconds, the last ones when it stops, and old ones go.
func TestServerLinks(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storagetest.Open(t, dsn)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		a := &app{store: db, log: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, auditRetention: 24 * time.Hour}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.link(ctx) }()

		record := func(at time.Time) {
			t.Helper()
			if err := db.Record(t.Context(), audit.Event{Kind: audit.EventSignedOut, Outcome: audit.OutcomeOK, Time: at}); err != nil {
				t.Fatal(err)
			}
		}
		record(now.Add(-25 * time.Hour))
		record(now)
		deadline := time.Now().Add(20 * time.Second)
		for {
			report, err := db.VerifyAudit(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Checked == 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("not linked: %+v", report)
			}
			time.Sleep(50 * time.Millisecond)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		record(now)
		a.linkRest()
		if n, err := a.clear(t.Context()); err != nil || n != 1 {
			t.Errorf("clear = %d, %v, want the old event", n, err)
		}
		report, err := db.VerifyAudit(t.Context(), nil)
		if err != nil || report.Checked != 3 || report.First.Place != 1 || report.Waiting != 0 {
			t.Errorf("%+v, %v, want two events behind place 1, and one that tells of it", report, err)
		}
	})
}

// Hooks are in the commit of the event, and complete it is what they get.
func TestAuditorHooks(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		var got []audit.Event
		broken := errors.New("broken")
		r := &auditor{store: db, now: time.Now, actor: "cli:7", hooks: []hook{
			func(_ context.Context, e audit.Event) error {
				got = append(got, e)
				return nil
			},
			func(_ context.Context, e audit.Event) error {
				if e.Kind == audit.EventAdminUnlocked {
					return broken
				}
				return nil
			},
		}}
		ctx := context.WithValue(t.Context(), requestKey{}, "request")
		if err := r.Record(ctx, audit.Event{Kind: audit.EventAdminUserCreated, Outcome: audit.OutcomeOK}); err != nil {
			t.Fatal(err)
		}
		if e := got[0]; e.ID == "" || e.Time.IsZero() || e.Actor != "cli:7" || e.Request != "request" {
			t.Errorf("the hook gets %+v", e)
		}
		if err := r.Record(ctx, audit.Event{Kind: audit.EventAdminUnlocked, Outcome: audit.OutcomeOK}); !errors.Is(err, broken) {
			t.Errorf("Record = %v, want the error of the hook", err)
		}
		events, err := db.AuditEvents(t.Context(), storage.AuditFilter{}, 10)
		if err != nil || len(events) != 1 || events[0].Kind != audit.EventAdminUserCreated || events[0].ID != got[0].ID {
			t.Errorf("the log has %+v (%v), want the first event only", events, err)
		}
	})
}

// While the database is away nothing can be recorded: then the log of the server says what was refused.
func TestRefusalsWithoutDatabase(t *testing.T) {
	t.Parallel()
	way, database := newProxy(t, postgresDatabase(t))
	s := newSite(t, database)
	s.addUser("ana")
	b := s.newBrowser(t)
	c := s.newClient(t, "shop")
	v := c.begin()
	code := v.code(v.signIn(s.newBrowser(t), "ana").allow())
	p := b.open(c.begin().address).at("login", "initial")
	form, values := p.fill("Sign in", "username", "ana", "password", password)
	way.set(true)
	b.post(form, values).at("error", "unavailable")
	b.open("/account").at("login", "initial") // knows nobody, and need not ask
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {returnURI}, "code_verifier": {v.pkce}}
	if a := s.token(c, exchange); a.Status != http.StatusServiceUnavailable {
		t.Errorf("the token endpoint answers %+v, want 503", a)
	}
	way.set(false)
	for _, want := range []string{
		"path=/login reference=", "event=auth.password.refused outcome=refused reason=unavailable",
		"path=/token", "event=token.refused outcome=refused reason=unavailable",
	} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log has no %q", want)
		}
	}
	if strings.Contains(s.log.String(), "ana") {
		t.Error("the log names the user")
	}
}

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/provider/audit"
	"vestibule/storage/storagetest"
)

// auditCommand runs the program on the database and returns what it printed.
func auditCommand(t *testing.T, dsn string, args ...string) (stdout string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	err = run(t.Context(), args, newEnv([]string{"VESTIBULE_DATABASE=" + dsn}, strings.NewReader(""), &out, &log))
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
				if err := server.LinkAudit(t.Context(), db); err != nil {
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

// flat is a text in one line, whatever its columns.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

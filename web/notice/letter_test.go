package notice

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// TestLetterOf says which events users are told of.
func TestLetterOf(t *testing.T) {
	detail := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for _, tt := range []struct {
		kind   string
		detail map[string]string
		want   string
	}{
		{audit.EventFactorAdded, nil, "factor.added"},
		{audit.EventFactorRemoved, nil, "factor.removed"},
		{audit.EventFactorRenamed, nil, ""},
		{audit.EventRecoveryUsed, nil, "auth.recovery.used"},
		{audit.EventCodesMade, nil, "factor.codes.made"},
		{audit.EventCodesMade, detail("authenticator", "Phone"), ""},
		{audit.EventPasswordChanged, nil, "password.changed"},
		{audit.EventAdminUserUpdated, detail("name", "yes"), ""},
		{audit.EventAdminUserUpdated, detail("email", "yes"), "email.changed"},
		{audit.EventAdminReset, nil, "admin.totp.reset"},
		{audit.EventAdminResetPlanned, nil, "admin.totp.reset.planned"},
		{audit.EventResetCancelled, nil, "factor.reset.cancelled"},
		{audit.EventAdminTOTPAdded, nil, "factor.added"},
		{audit.EventAdminEnrolLink, nil, "admin.enrol_link.made"},
		{audit.EventTOTPFailed, detail("in_a_row", "4"), ""},
		{audit.EventTOTPFailed, detail("in_a_row", "10"), "wrong codes"},
		{audit.EventTOTPFailed, detail("in_a_row", "10", "set_up", "yes"), ""},
		{audit.EventTOTPLocked, detail("in_a_row", "5"), "wrong codes"},
		{audit.EventTOTPLocked, detail("in_a_row", "3"), "wrong codes"},
		{audit.EventTOTPLocked, detail("in_a_row", "5", "set_up", "yes"), ""},
		{audit.EventRecoveryLocked, detail("in_a_row", "5"), "wrong codes"},
		{audit.EventTOTPFailed, nil, ""},
		{audit.Proved("key"), nil, ""},
		{audit.ProofFailed("key"), detail("in_a_row", "5"), "wrong codes"},
		{audit.ProofLocked("key"), detail("in_a_row", "3"), "wrong codes"},
		{audit.EventPasswordLocked, detail("in_a_row", "5"), ""}, // strangers could have mail sent
		{audit.EventPassword, nil, ""},
		{audit.EventSignedIn, nil, ""},
		{"test", nil, ""},
		{"when", nil, ""},
		{"", nil, ""},
	} {
		e := audit.Event{Kind: tt.kind, Subject: "ana", Detail: tt.detail, Outcome: audit.OutcomeOK}
		if got := letterOf(e); got != tt.want {
			t.Errorf("letterOf(%s, %v) = %q, want %q", tt.kind, tt.detail, got, tt.want)
		}
		e.Subject = ""
		if got := letterOf(e); got != "" {
			t.Errorf("letterOf(%s) of nobody = %q, want none", tt.kind, got)
		}
	}
	if got := letterOf(audit.Event{Kind: audit.EventFactorRemoved, Subject: "ana", Outcome: audit.OutcomeRefused}); got != "" {
		t.Errorf("a refused removal is told of as %q", got)
	}
}

// Each letter is plain lines in a short form, whatever users call things, and has no link but the one that must be.
func TestLetters(t *testing.T) {
	all := []string{
		"factor.added", "factor.removed", "auth.recovery.used", "factor.codes.made", "password.changed", "email.changed",
		"admin.totp.reset", "admin.totp.reset.planned", "factor.reset.cancelled", "admin.enrol_link.made", "wrong codes",
	}
	for _, one := range letters.Templates() {
		if name := one.Name(); name != "" && !slices.Contains(append(all, "test", "when", "help", "end"), name) {
			t.Errorf("letter %s is not tested", name)
		}
	}
	user := account.Account{Username: "ana\r\nBcc: x@example.com"}
	hostile := "Phone\u2028\r\n\r\n.\r\nBcc: x@example.com\u202e" + strings.Repeat("long ", 100)
	for _, name := range all {
		for _, actor := range []string{"", "cli:0"} {
			p := &Sender{Name: "Example ID", Host: "id.example.com", Contact: "help@example.com", Cancel: func(reset string) string {
				return "https://id.example.com/reset/cancel?token=" + reset
			}}
			n := Notice{Event: audit.Event{
				Kind: name, Time: time.Date(2027, 1, 31, 9, 5, 0, 0, time.FixedZone("", 3600)), Address: "2001:db8::7", Actor: actor,
				Detail: map[string]string{"name": hostile, "left": "3", "last": "yes", "in_a_row": "5", "reset": "r1", "due": "2027-02-01T12:00:00Z"},
			}}
			subject, body, err := write(name, p.facts(user, n))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			checkLetter(t, name, subject, body)
			if byOperator := strings.Contains(body, "  By       an operator"); byOperator != (actor != "") {
				t.Errorf("%s by %q tells of an operator: %v", name, actor, byOperator)
			}
		}
	}
}

func checkLetter(t *testing.T, name, subject, body string) {
	t.Helper()
	if !strings.HasPrefix(subject, "Example ID: ") || len(subject) > 78 || strings.HasSuffix(subject, " ") {
		t.Errorf("%s: subject %q", name, subject)
	}
	for _, want := range []string{"  Account  ana", " at id.example.com\n", "  When     31 January 2027, 08:05 UTC\n", "  Address  2001:db8::7\n", "help@example.com\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("%s does not say %q:\n%s", name, want, body)
		}
	}
	links := 0
	if name == "admin.totp.reset.planned" {
		links = 1
		if !strings.Contains(body, "\n  https://id.example.com/reset/cancel?token=r1\n") || !strings.Contains(body, "1 February 2027, 12:00 UTC.") {
			t.Errorf("%s has not the link and the time:\n%s", name, body)
		}
	}
	if got := strings.Count(body, "://"); got != links {
		t.Errorf("%s has %d links, want %d:\n%s", name, got, links, body)
	}
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 78 && !strings.Contains(line, `"Phone`) || strings.HasPrefix(line, "Bcc:") || strings.ContainsFunc(line, unicode.IsControl) {
			t.Errorf("%s has the line %q", name, line)
		}
	}
	if strings.Contains(body, "\n\n\n") || strings.HasPrefix(body, "\n") || strings.Contains(body, "<no value>") {
		t.Errorf("%s has a gap:\n%s", name, body)
	}
}

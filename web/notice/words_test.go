package notice

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
)

var updateLetters = flag.Bool("update-letters", false, "write testdata/letters.txt anew; read the difference before you commit it")

// kinds are those of all letters.
var kinds = []string{
	"factor.added", "factor.removed", "auth.recovery.used", "factor.codes.made", "password.changed", "email.changed",
	"admin.totp.reset", "admin.totp.reset.planned", "factor.reset.cancelled", "admin.enrol_link.made", "wrong codes",
}

// TestWordsOfLetters holds each letter, in each form that it has, to testdata/letters.txt, to the letter.
func TestWordsOfLetters(t *testing.T) {
	var all strings.Builder
	for _, kind := range kinds {
		for i, l := range forms(t, kind, &Sender{}) {
			fmt.Fprintf(&all, "==== %s %d\n%s\n\n%s", kind, i+1, l.Subject, l.Body)
		}
	}
	test, err := Test(nil, "Example ID", "id.example.com", "ana@example.com")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&all, "==== test\n%s\n\n%s", test.Subject, test.Body)
	const golden = "testdata/letters.txt"
	if *updateLetters {
		if err := os.WriteFile(golden, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if all.String() != string(want) {
		t.Errorf("the letters are\n%s\nwant\n%s", all.String(), want)
	}
}

// forms returns a letter in each form that it has: of the user and of an operator, with all that can be told and with nothing.
func forms(t *testing.T, kind string, s *Sender) []Message {
	t.Helper()
	s.Name, s.Host = "Example ID", "id.example.com"
	var all []Message
	add := func(contact, actor, address string, cancel func(string) string, detail map[string]string) {
		s.Contact, s.Cancel = contact, cancel
		n := Notice{Event: audit.Event{Kind: kind, Time: time.Date(2027, 1, 31, 8, 5, 0, 0, time.UTC), Address: address, Actor: actor, Detail: detail}}
		subject, body, err := write(kind, s.facts(account.Account{Username: "ana"}, n))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Message{Subject: subject, Body: body})
	}
	told := map[string]string{"name": "Phone", "left": "1", "last": "yes", "in_a_row": "5", "reset": "r1", "due": "2027-02-01T12:00:00Z", "how": "used"}
	more := map[string]string{"name": "Phone", "left": "3", "in_a_row": "10", "how": "cancelled"}
	cancel := func(reset string) string { return "https://id.example.com/reset/cancel?token=" + reset }
	add("help@example.com", "", "192.0.2.1", cancel, told)
	add("", "cli:0", "192.0.2.1", cancel, told)
	add("", "", "", nil, more)
	add("", "cli:0", "", nil, nil)
	return all
}

package notice

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"text/template"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// letters are the templates of letters.txt.
var letters = template.Must(template.New("").Option("missingkey=zero").Parse(letterText))

//go:embed letters.txt
var letterText string

// facts is what the templates may tell.
type facts struct {
	Name, Host, Contact string
	Username            string
	When                string
	Where               string // the visitor's address
	Operator            bool   // it was not the user's doing
	Due, Cancel         string // of a planned reset
	Detail              map[string]string
}

// letter writes the notice to the address that the user has now.
func (s *Sender) letter(ctx context.Context, n Notice) (Message, error) {
	user, err := s.Outbox.Account(ctx, n.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Message{}, errNobody
	case err != nil:
		return Message{}, err
	}
	l := Message{ID: n.ID, To: n.Recipient}
	if l.To == "" {
		l.To = user.Email
	}
	if _, err := mail.ParseAddress(l.To); err != nil {
		return l, errNobody
	}
	if l.Subject, l.Body, err = write(n.Kind, s.facts(user, n)); err != nil {
		return l, &Fault{text: "the letter cannot be written", cause: err, letter: true}
	}
	return l, nil
}

func (s *Sender) facts(user account.Account, n Notice) facts {
	f := facts{
		Name: s.Name, Host: s.Host, Contact: s.Contact, Username: quotable(user.Username),
		When: inWords(n.Time), Where: quotable(n.Address), Operator: n.Actor != "", Detail: map[string]string{},
	}
	for name, value := range n.Detail {
		f.Detail[name] = quotable(value)
	}
	f.Detail["name"] = defused(n.Detail["name"])
	if n.Kind != audit.EventAdminResetPlanned {
		return f
	}
	f.Due = n.Detail["due"]
	if due, err := time.Parse(time.RFC3339, f.Due); err == nil {
		f.Due = inWords(due)
	}
	if s.Cancel != nil {
		f.Cancel = s.Cancel(n.Detail["reset"])
	}
	return f
}

func inWords(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04") + " UTC" }

// quotable is what users chose, in one short line.
func quotable(text string) string {
	line := []rune(oneLine(text))
	if len(line) > 100 {
		line = append(line[:100], '…')
	}
	return string(line)
}

// write returns the subject and the body of a mail. The subject has nothing in it that a user chose.
func write(name string, f facts) (subject, body string, err error) {
	var text bytes.Buffer
	if err := letters.ExecuteTemplate(&text, name, f); err != nil {
		return "", "", fmt.Errorf("write mail: %w", err)
	}
	subject, body, _ = strings.Cut(text.String(), "\n")
	return f.Name + ": " + subject, body, nil
}

// Test is a letter that says only that it has arrived.
func Test(name, host, to string) (Message, error) {
	m := Message{ID: rand.Text(), To: to}
	var err error
	m.Subject, m.Body, err = write("test", facts{Name: name, Host: host})
	return m, err
}

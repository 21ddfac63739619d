package main

import (
	"bytes"
	"context"
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
	"vestibule/storage"
)

// letters are the templates of notice.txt.
var letters = template.Must(template.New("").Option("missingkey=zero").Parse(noticeText))

//go:embed notice.txt
var noticeText string

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
func (p *sender) letter(ctx context.Context, n storage.Notice) (message, error) {
	user, err := p.store.Account(ctx, n.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return message{}, errNobody
	case err != nil:
		return message{}, err
	}
	l := message{id: n.ID, to: n.Recipient}
	if l.to == "" {
		l.to = user.Email
	}
	if _, err := mail.ParseAddress(l.to); err != nil {
		return l, errNobody
	}
	if l.subject, l.body, err = write(n.Kind, p.facts(user, n)); err != nil {
		return l, &mailFault{text: "the letter cannot be written", cause: err, letter: true}
	}
	return l, nil
}

func (p *sender) facts(user account.Account, n storage.Notice) facts {
	f := facts{
		Name: p.name, Host: p.host, Contact: p.contact, Username: quotable(user.Username),
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
	if p.cancel != nil {
		f.Cancel = p.cancel(n.Detail["reset"])
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

package notice

import (
	"bytes"
	"cmp"
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
	"vestibule/web/catalogue"
)

// letters are the templates of letters.txt. write gives them a language.
var letters = template.Must(template.New("").Option("missingkey=zero").Funcs(functions(nil)).Parse(letterText))

//go:embed letters.txt
var letterText string

// functions are what the templates say texts with, in that language.
func functions(l *catalogue.Language) template.FuncMap {
	return template.FuncMap{
		"t": func(id string, pairs ...any) (string, error) {
			values, err := catalogue.Pairs(id, pairs)
			return l.Text(id, values), err
		},
		"label": func(text string) string { return fmt.Sprintf("%-7s", text) }, // as wide as the longest in English
	}
}

// facts is what the templates may tell.
type facts struct {
	language            *catalogue.Language
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
	l := Message{ID: n.ID, To: n.Recipient, Language: cmp.Or(s.Language, english()).Lang}
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
	l := cmp.Or(s.Language, english())
	f := facts{
		language: l, Name: s.Name, Host: s.Host, Contact: s.Contact, Username: quotable(user.Username),
		When: l.Moment(n.Time), Where: quotable(n.Address), Operator: n.Actor != "", Detail: map[string]string{},
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
		f.Due = l.Moment(due)
	}
	if s.Cancel != nil {
		f.Cancel = s.Cancel(n.Detail["reset"])
	}
	return f
}

// english is the language of whoever has said no other.
func english() *catalogue.Language {
	set, err := catalogue.Default()
	if err != nil {
		panic(err) // what comes with the program is not whole
	}
	return set.Choose("", "")
}

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
	spoken, err := letters.Clone()
	if err == nil {
		err = spoken.Funcs(functions(f.language)).ExecuteTemplate(&text, name, f)
	}
	if err != nil {
		return "", "", fmt.Errorf("write mail: %w", err)
	}
	subject, body, _ = strings.Cut(text.String(), "\n")
	return f.language.Text("mail.subject", catalogue.Values{"product": f.Name, "subject": subject}), body, nil
}

// Test is a letter that says, in the language, only that it has arrived; nil: in English.
func Test(l *catalogue.Language, name, host, to string) (Message, error) {
	l = cmp.Or(l, english())
	m := Message{ID: rand.Text(), To: to, Language: l.Lang}
	var err error
	m.Subject, m.Body, err = write("test", facts{language: l, Name: name, Host: host})
	return m, err
}

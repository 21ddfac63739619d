package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/config"
)

// mailTest sends a letter that says only that it has arrived.
func mailTest(w *env) *cli.Command {
	return &cli.Command{
		Name: "test", ArgsUsage: "ADDRESS", Usage: "send a test mail, and say what is wrong if that fails", Flags: settingsFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := w.settings(c, "issuer", "name", "mail_server", "mail_from", "mail_tls", "mail_username", "mail_password", "mail_ca_file")
			if err != nil {
				return err
			}
			return w.sendTest(ctx, s, c.Args().First())
		},
	}
}

func (w *env) sendTest(ctx context.Context, s config.Config, to string) error {
	m, err := newMailer(s, time.Now)
	switch {
	case err != nil:
		return err
	case m == nil:
		return errors.New("no mail is sent: set VESTIBULE_MAIL_SERVER and VESTIBULE_MAIL_FROM")
	}
	l := message{id: rand.Text(), to: to}
	if l.subject, l.body, err = write("test", facts{Name: s.Name, Host: hostOf(s.Issuer)}); err != nil {
		return err
	}
	if err := m.send(ctx, l); err != nil {
		return fmt.Errorf("%s does not take mail to %s: %w", m.server, printable(to), err)
	}
	_, err = fmt.Fprintf(w.stdout, "%s has taken a mail to %s; see whether it arrives, and not among the spam\n", m.server, printable(to))
	return err
}

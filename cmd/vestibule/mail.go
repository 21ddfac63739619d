package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/web/catalogue"
	"vestibule/web/notice"
)

// mailTest sends a letter that says only that it has arrived.
func mailTest(w *env) *cli.Command {
	return &cli.Command{
		Name: "test", ArgsUsage: "ADDRESS", Usage: "send a test mail, and say what is wrong if that fails", Flags: settingsFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			to := c.Args().First()
			if a, err := mail.ParseAddress(to); err != nil || a.Address != to { // whatever the settings are
				return fmt.Errorf("no mail is sent to %s: it is not an e-mail address", terminal.Printable(to))
			}
			s, err := w.settings(c, "issuer", "name", "mail_server", "mail_from", "mail_tls", "mail_username", "mail_password", "mail_ca_file")
			if err != nil {
				return err
			}
			return w.sendTest(ctx, s, to)
		},
	}
}

func (w *env) sendTest(ctx context.Context, s config.Config, to string) error {
	m, err := server.Mailer(s, time.Now)
	switch {
	case err != nil:
		return err
	case m == nil:
		return errors.New("no mail is sent: set VESTIBULE_MAIL_SERVER and VESTIBULE_MAIL_FROM")
	}
	l, err := notice.Test(w.Voice().Language(), s.Name, notice.HostOf(s.Issuer), to)
	if err != nil {
		return err
	}
	if err := m.Send(ctx, l); err != nil {
		return fmt.Errorf("%s does not take mail to %s: %w", m.Server, terminal.Printable(to), err)
	}
	return w.Tell(w.Stdout, "command.mail.taken", catalogue.Values{"server": m.Server, "address": terminal.Printable(to)})
}

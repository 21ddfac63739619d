package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/web/notice"
)

// mailTest sends a letter that says only that it has arrived.
func mailTest(f *flag.FlagSet) action {
	load := settingsFlags(f, "issuer", "name", "mail_server", "mail_from", "mail_tls", "mail_username", "mail_password", "mail_ca_file")
	return func(ctx context.Context, w *env, args []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		m, err := server.Mailer(c, time.Now)
		switch {
		case err != nil:
			return err
		case m == nil:
			return errors.New("no mail is sent: set VESTIBULE_MAIL_SERVER and VESTIBULE_MAIL_FROM")
		}
		l, err := notice.Test(c.Name, notice.HostOf(c.Issuer), args[0])
		if err != nil {
			return err
		}
		if err := m.Send(ctx, l); err != nil {
			return fmt.Errorf("%s does not take mail to %s: %w", m.Server, printable(args[0]), err)
		}
		_, err = fmt.Fprintf(w.stdout, "%s has taken a mail to %s; see whether it arrives, and not among the spam\n", m.Server, printable(args[0]))
		return err
	}
}

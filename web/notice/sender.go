package notice

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/outbox"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

const (
	// Every is how often the outbox should be looked at.
	Every = 2 * time.Second
	// Life is how long a letter is tried that cannot be sent.
	Life = 3 * 24 * time.Hour

	batch = 20
	taken = 5 * time.Minute // for whoever takes a notice to send it; then another may try
)

var pace = outbox.Pace{First: 30 * time.Second, Later: time.Hour, Life: Life}

// Notice is a mail that is still to be sent, and the event that it tells of. Of the event it keeps ID, Time, Kind,
// Subject, Address, Actor and Detail.
type Notice struct {
	audit.Event
	Recipient string    // empty: the address that the user has when it is sent
	Due       time.Time // of the next try
}

// Outbox keeps notices until they are sent, and knows whom they are for. noticetest.TestOutbox says what it promises.
type Outbox interface {
	// AddNotice keeps the notice until DeleteNotice. Inside Atomic it is part of that commit, so that there is a mail
	// of what has happened and of nothing else.
	AddNotice(ctx context.Context, n Notice) error
	// DueNotices returns at most limit notices whose time has come, the one that waits longest first.
	DueNotices(ctx context.Context, now time.Time, limit int) ([]Notice, error)
	// MoveNotice sets the time of the next try. store.ErrConflict if it is not the one that the caller has read:
	// another process tries, or has sent it.
	MoveNotice(ctx context.Context, id string, from, to time.Time) error
	// DeleteNotice forgets a notice that was sent, or never will be.
	DeleteNotice(ctx context.Context, id string) error
	// Account returns the user, store.ErrNotFound if there is none.
	Account(ctx context.Context, subject string) (account.Account, error)
}

// Sender sends the notices of the outbox.
type Sender struct {
	Outbox   Outbox
	Mailer   *Mailer
	Name     string                    // of the server, as users know it
	Host     string                    // of the issuer: all that a letter tells of where the server is
	Contact  string                    // whom users may ask for help; may be empty
	Cancel   func(reset string) string // the address at which a user stops a planned reset; nil: there is none
	Language *catalogue.Language       // of the letters, as accounts have none; nil: English
	Count    func(result string)       // told of each try: sent, failed or dropped; nil: nobody is
	Log      *slog.Logger
	Now      func() time.Time
}

// Send sends what is due. It ends at the first failure that is not the letter's own: others would only fail too.
func (s *Sender) Send(ctx context.Context) error {
	for ctx.Err() == nil {
		due, err := s.Outbox.DueNotices(ctx, s.Now(), batch)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, n := range due {
			goOn, err := s.deliver(ctx, n)
			if err != nil || !goOn {
				return err
			}
		}
	}
	return nil
}

// deliver takes the notice, sends it and only then deletes it: should the process end in between, it is sent again,
// under the same message id.
func (s *Sender) deliver(ctx context.Context, n Notice) (goOn bool, err error) {
	if ctx.Err() != nil {
		return false, nil
	}
	until := s.Now().Add(taken)
	switch err := s.Outbox.MoveNotice(ctx, n.ID, n.Due, until); {
	case errors.Is(err, store.ErrConflict): // another process has it
		return true, nil
	case err != nil:
		return false, err
	}
	n.Due = until
	l, err := s.letter(ctx, n)
	if err == nil {
		err = s.Mailer.Send(ctx, l)
	}
	stopped := err != nil && ctx.Err() != nil
	ctx = context.WithoutCancel(ctx) // a server that stops must not forget what it has just done
	switch {
	case stopped: // another process may try at once
		return false, s.Outbox.MoveNotice(ctx, n.ID, n.Due, s.Now())
	case err != nil:
		return s.failed(ctx, n, l.To, err)
	}
	s.told("sent")
	s.Log.InfoContext(ctx, "notice sent", "notice", n.ID, "kind", n.Kind, "user_id", n.Subject)
	return true, s.Outbox.DeleteNotice(ctx, n.ID)
}

// errNobody is a notice that there is nobody to send to.
var errNobody = errors.New("the account is gone, or has no e-mail address")

// failed puts the notice off, for as long as it has been waiting already, or gives it up.
func (s *Sender) failed(ctx context.Context, n Notice, to string, err error) (goOn bool, _ error) {
	var fault *Fault
	if !errors.As(err, &fault) && !errors.Is(err, errNobody) {
		return false, errors.Join(err, s.Outbox.MoveNotice(ctx, n.ID, n.Due, s.Now().Add(pace.First)))
	}
	log := s.Log.With("notice", n.ID, "kind", n.Kind, "user_id", n.Subject, "error", without(err.Error(), to))
	next, again := pace.Next(n.Time, s.Now())
	switch {
	case errors.Is(err, errNobody):
		s.told("dropped")
		log.WarnContext(ctx, "notice to nobody")
		return true, s.Outbox.DeleteNotice(ctx, n.ID)
	case !again:
		s.told("dropped")
		log.ErrorContext(ctx, "notice given up", "age", s.Now().Sub(n.Time).String())
		return true, s.Outbox.DeleteNotice(ctx, n.ID)
	}
	s.told("failed")
	log.WarnContext(ctx, "notice not sent", "next_try", next.UTC())
	return fault.letter, s.Outbox.MoveNotice(ctx, n.ID, n.Due, next)
}

// without keeps the address, which servers like to repeat, out of the log.
func without(text, address string) string {
	if address == "" {
		return text
	}
	return strings.ReplaceAll(text, address, "the user's address")
}

func (s *Sender) told(result string) {
	if s.Count != nil {
		s.Count(result)
	}
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"vestibule/config"
	"vestibule/provider/store"
	"vestibule/storage"
)

const (
	noticeEvery = 2 * time.Second // how often the outbox is looked at
	noticeBatch = 20
	noticeTaken = 5 * time.Minute  // for whoever takes a notice to send it; then another may try
	noticeFirst = 30 * time.Second // the shortest time between two tries
	noticeLater = time.Hour        // the longest
	noticeLife  = 3 * 24 * time.Hour
)

// composeMail gives the server a postman, and its auditor notices to write, if the settings name a mail server.
func (a *app) composeMail(c config.Config, events *auditor) error {
	m, err := newMailer(c, a.now)
	if err != nil || m == nil {
		return err
	}
	events.hooks = append(events.hooks, noticeHook(a.store))
	a.sender = &sender{
		store: a.store, mailer: m, name: c.Name, host: hostOf(c.Issuer), contact: c.Contact, cancel: a.cancelLink,
		now: a.now, log: a.log,
	}
	return nil
}

// notify is the part of the server that sends notices; without a mail server it does nothing until ctx ends.
func (a *app) notify(ctx context.Context) error {
	if a.sender == nil {
		<-ctx.Done()
		return nil
	}
	return a.sender.run(ctx)
}

// sender sends the notices of the outbox. Any number of processes may have one.
type sender struct {
	store   *storage.Store
	mailer  *mailer
	name    string // of the server, as users know it
	host    string
	contact string
	cancel  func(reset string) string // the address at which a user stops a planned reset; nil: there is none
	count   func(result string)       // told of each try: sent, failed or dropped; nil: nobody is
	now     func() time.Time
	log     *slog.Logger
}

// run sends until ctx ends. A fault is not the end of the server.
func (p *sender) run(ctx context.Context) error {
	return every(ctx, noticeEvery, func() {
		if err := p.round(ctx); err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "notices", "error", err)
		}
	})
}

// round sends what is due. It ends at the first failure that is not the letter's own: others would only fail too.
func (p *sender) round(ctx context.Context) error {
	for ctx.Err() == nil {
		due, err := p.store.DueNotices(ctx, p.now(), noticeBatch)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, n := range due {
			goOn, err := p.deliver(ctx, n)
			if err != nil || !goOn {
				return err
			}
		}
	}
	return nil
}

// deliver takes the notice, sends it and only then deletes it: should the process end in between, it is sent again,
// under the same message id.
func (p *sender) deliver(ctx context.Context, n storage.Notice) (goOn bool, err error) {
	if ctx.Err() != nil {
		return false, nil
	}
	taken := p.now().Add(noticeTaken)
	switch err := p.store.MoveNotice(ctx, n.ID, n.Due, taken); {
	case errors.Is(err, store.ErrConflict): // another process has it
		return true, nil
	case err != nil:
		return false, err
	}
	n.Due = taken
	l, err := p.letter(ctx, n)
	if err == nil {
		err = p.mailer.send(ctx, l)
	}
	stopped := err != nil && ctx.Err() != nil
	ctx = context.WithoutCancel(ctx) // a server that stops must not forget what it has just done
	switch {
	case stopped: // another process may try at once
		return false, p.store.MoveNotice(ctx, n.ID, n.Due, p.now())
	case err != nil:
		return p.failed(ctx, n, l.to, err)
	}
	p.told("sent")
	p.log.InfoContext(ctx, "notice sent", "notice", n.ID, "kind", n.Kind, "user_id", n.Subject)
	return true, p.store.DeleteNotice(ctx, n.ID)
}

// errNobody is a notice that there is nobody to send to.
var errNobody = errors.New("the account is gone, or has no e-mail address")

// failed puts the notice off, for as long as it has been waiting already, or gives it up.
func (p *sender) failed(ctx context.Context, n storage.Notice, to string, err error) (goOn bool, _ error) {
	var fault *mailFault
	if !errors.As(err, &fault) && !errors.Is(err, errNobody) {
		return false, errors.Join(err, p.store.MoveNotice(ctx, n.ID, n.Due, p.now().Add(noticeFirst)))
	}
	log := p.log.With("notice", n.ID, "kind", n.Kind, "user_id", n.Subject, "error", without(err.Error(), to))
	age := p.now().Sub(n.Time)
	switch {
	case errors.Is(err, errNobody):
		p.told("dropped")
		log.WarnContext(ctx, "notice to nobody")
		return true, p.store.DeleteNotice(ctx, n.ID)
	case age >= noticeLife:
		p.told("dropped")
		log.ErrorContext(ctx, "notice given up", "age", age.String())
		return true, p.store.DeleteNotice(ctx, n.ID)
	}
	p.told("failed")
	next := p.now().Add(min(max(age, noticeFirst), noticeLater))
	log.WarnContext(ctx, "notice not sent", "next_try", next.UTC())
	return fault.letter, p.store.MoveNotice(ctx, n.ID, n.Due, next)
}

// without keeps the address, which servers like to repeat, out of the log.
func without(text, address string) string {
	if address == "" {
		return text
	}
	return strings.ReplaceAll(text, address, "the user's address")
}

func (p *sender) told(result string) {
	if p.count != nil {
		p.count(result)
	}
}

package backchannel

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/outbox"
	"vestibule/provider/store"
)

const (
	// Every is how often Send should be called, whether an earlier call has returned or not.
	Every = time.Second

	atOnce = 16          // clients
	batch  = 50          // notices that are read at once
	taken  = time.Minute // for whoever takes a notice to tell the client; then another may try
)

// Results of a try, for Sender.Count.
const (
	ResultSent    = "sent"
	ResultFailed  = "failed"  // there will be another
	ResultRefused = "refused" // there will be none
	ResultGivenUp = "given_up"
	ResultDropped = "dropped" // there is nobody to tell any more
)

// Sender tells clients what is in the outbox. All fields but those that say so must be set.
type Sender struct {
	Issuer  string
	Outbox  Outbox
	Clients Clients
	Signer  Signer
	Journal audit.Journal       // has the notices that were told to nobody
	Life    time.Duration       // how long one is tried
	Guarded Guarded             // tells clients that have registered themselves; nil: they are told nothing
	Count   func(result string) // told of each try: one of the Results; nil: nobody is
	Log     *slog.Logger
	Now     func() time.Time

	once   sync.Once
	client *http.Client

	mu   sync.Mutex
	busy map[string]bool // clients that are being told something
}

// pace is quick at first: a client that is started anew is back within seconds.
func (s *Sender) pace() outbox.Pace {
	return outbox.Pace{First: 5 * time.Second, Later: 15 * time.Minute, Life: s.Life}
}

func (s *Sender) http() *http.Client {
	s.once.Do(func() { s.client = newHTTP() })
	return s.client
}

// Send tells clients what is due, each by itself, and returns when it has. It may be called again before: a client that is
// being told something is left alone then, so that one that answers slowly, or not, holds up no other.
func (s *Sender) Send(ctx context.Context) error {
	clients, err := s.Outbox.DueClients(ctx, s.Now(), 4*atOnce)
	if err != nil {
		return err
	}
	faults := make([]error, len(clients))
	var all sync.WaitGroup
	for i, id := range clients {
		if !s.enter(id) {
			continue
		}
		all.Go(func() {
			defer s.leave(id)
			faults[i] = s.tell(ctx, id)
		})
	}
	all.Wait()
	return errors.Join(faults...)
}

// enter reports false if the client is being told something, or too many others are.
func (s *Sender) enter(client string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[client] || len(s.busy) >= atOnce {
		return false
	}
	if s.busy == nil {
		s.busy = map[string]bool{}
	}
	s.busy[client] = true
	return true
}

func (s *Sender) leave(client string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, client)
}

// tell tells one client all that is due. It ends when the client cannot be reached: the others would only fail too.
func (s *Sender) tell(ctx context.Context, client string) error {
	for ctx.Err() == nil {
		due, err := s.Outbox.DueLogouts(ctx, client, s.Now(), batch)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, n := range due {
			if goOn, err := s.deliver(ctx, n); err != nil || !goOn {
				return err
			}
		}
	}
	return nil
}

// deliver takes the notice, tells it and only then deletes it: should the process end in between, it is told again.
func (s *Sender) deliver(ctx context.Context, n Notice) (goOn bool, err error) {
	if ctx.Err() != nil {
		return false, nil
	}
	now := s.Now()
	first := n.First
	if first.IsZero() {
		first = now
	}
	switch err := s.Outbox.MoveLogout(ctx, n, first, now.Add(taken)); {
	case errors.Is(err, store.ErrConflict): // another process has it
		return true, nil
	case err != nil:
		return false, err
	}
	n.First, n.Due = first, now.Add(taken)
	c, err := s.Clients.Client(ctx, n.Client)
	gone := errors.Is(err, store.ErrNotFound) || err == nil && (c.Registration != n.Registration || c.BackchannelLogoutURI == "")
	switch {
	case gone:
		s.told(ResultDropped)
		return true, s.Outbox.DeleteLogout(ctx, n)
	case err != nil:
		return false, err
	}
	return s.send(ctx, c, n, now)
}

// send makes the token, and settles what comes of it.
func (s *Sender) send(ctx context.Context, c client.Client, n Notice, now time.Time) (goOn bool, err error) {
	token, err := s.Signer.SignLogoutToken(ctx, c, s.claims(n, now))
	if err != nil {
		return false, err
	}
	err = s.post(ctx, c, token)
	stopped := err != nil && ctx.Err() != nil
	ctx = context.WithoutCancel(ctx) // a server that stops must not forget what it has just done
	switch {
	case stopped: // another process may try at once
		return false, s.Outbox.MoveLogout(ctx, n, n.First, s.Now())
	case err != nil:
		return s.failed(ctx, n, err)
	}
	s.told(ResultSent)
	s.Log.InfoContext(ctx, "logout token sent", "client_id", n.Client, "session", n.Session)
	return true, s.Outbox.DeleteLogout(ctx, n)
}

// failed puts off the notice or gives it up; all others for the client too, unless its answer was about this one.
func (s *Sender) failed(ctx context.Context, n Notice, cause error) (goOn bool, err error) {
	now := s.Now()
	log := s.Log.With("client_id", n.Client, "session", n.Session, "error", cause)
	next, again := s.pace().Next(n.First, now)
	switch {
	case errors.Is(cause, errRefused):
		s.told(ResultRefused)
		log.WarnContext(ctx, "logout token refused")
		return true, s.giveUp(ctx, n, "refused")
	case !again && errors.Is(cause, errOfOne):
		return true, s.abandon(ctx, n, cause)
	case !again:
		return false, errors.Join(s.abandon(ctx, n, cause), s.abandonOthers(ctx, n.Client, now, cause))
	}
	s.told(ResultFailed)
	log.WarnContext(ctx, "logout token not sent", "next_try", next.UTC())
	if errors.Is(cause, errOfOne) {
		return true, s.Outbox.MoveLogout(ctx, n, n.First, next)
	}
	return false, errors.Join(s.Outbox.MoveLogout(ctx, n, n.First, next), s.Outbox.PutOffLogouts(ctx, n.Client, now, next))
}

// abandon gives up a notice whose time is over.
func (s *Sender) abandon(ctx context.Context, n Notice, cause error) error {
	s.told(ResultGivenUp)
	s.Log.ErrorContext(ctx, "logout token given up", "client_id", n.Client, "session", n.Session, "error", cause, "age", s.Now().Sub(n.First).String())
	reason := "unreachable"
	if errors.Is(cause, errOfOne) {
		reason = "refused"
	}
	return s.giveUp(ctx, n, reason)
}

// abandonOthers gives up all that has waited as long for the client, which does not answer, and puts off the rest.
func (s *Sender) abandonOthers(ctx context.Context, client string, now time.Time, cause error) error {
	for {
		due, err := s.Outbox.DueLogouts(ctx, client, now, batch)
		if err != nil {
			return err
		}
		over := 0
		for _, n := range due {
			if _, again := s.pace().Next(n.First, now); again || n.First.IsZero() {
				continue
			}
			over++
			switch err := s.Outbox.MoveLogout(ctx, n, n.First, now.Add(taken)); {
			case errors.Is(err, store.ErrConflict): // another process has it
				continue
			case err != nil:
				return err
			}
			if err := s.abandon(ctx, n, cause); err != nil {
				return err
			}
		}
		if over == 0 {
			return s.Outbox.PutOffLogouts(ctx, client, now, now.Add(s.pace().First))
		}
	}
}

// giveUp records that the client may not know of the end of the session.
func (s *Sender) giveUp(ctx context.Context, n Notice, reason string) error {
	e := audit.Event{
		Kind: audit.EventLogoutFailed, Outcome: audit.OutcomeFailed, Subject: n.Subject, Client: n.Client, Session: n.Session,
		Actor: "system", Detail: map[string]string{"reason": reason},
	}
	return s.Journal.RecordWith(ctx, []audit.Event{e}, func(ctx context.Context) error { return s.Outbox.DeleteLogout(ctx, n) })
}

func (s *Sender) told(result string) {
	if s.Count != nil {
		s.Count(result)
	}
}

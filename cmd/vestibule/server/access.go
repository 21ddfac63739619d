package server

import (
	"cmp"
	"context"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/operator"
	"vestibule/provider/outbox"
	"vestibule/storage"
)

// EndAccess ends all that a user has open, whoever keeps the account: sessions, sign-ins under way, codes, tokens, remembered
// browsers, set-ups and links, in one commit with the event that tells of it. actor is who does it, as the audit log
// has it, such as "wiki:admin"; empty: the server itself. The user sees the reason. An *operator.Invalid has happened to
// nobody. To end what somebody may be about to open, disable the account or change its password first.
//
// Where sign-ins come from a Hydra its sessions and tokens end too: at once or, if it does not answer, as soon as it does,
// by Work. That is no error.
func (s *Server) EndAccess(ctx context.Context, subject, actor, reason string) error {
	o := operator.New(s.store, s.audit, cmp.Or(actor, "system"))
	o.Now = s.now
	if _, err := o.EndAccess(ctx, subject, reason); err != nil {
		return err
	}
	if s.hydra != nil {
		if err := s.revoke(ctx); err != nil {
			s.log.WarnContext(ctx, "Hydra has not ended what a user has open there, and is asked again", "error", err)
		}
	}
	return nil
}

// revoke has Hydra end what was ended here.
func (s *Server) revoke(ctx context.Context) error {
	return s.hydra.Admin.Revoke(ctx, s.store, s.now())
}

// revokeAgain is how long after an ending Hydra is told once more. A browser that had the answers to a login and a consent
// before may follow them for as long as Hydra waits, and Hydra makes a session and tokens of them.
const revokeAgain = hydraTime + 5*time.Minute

// RevocationHook has a Hydra told of whoever has nothing open any more, and of clients that can do nothing any more for somebody.
// Where there is none, what nobody takes is purged.
func RevocationHook(db *storage.Store) audit.Hook {
	return func(ctx context.Context, e audit.Event) error {
		r := outbox.Revocation{ID: e.ID, Subject: e.Subject}
		switch {
		case operator.RevokesConsent(e): // once: the user may have allowed the client something anew by then
			r.Client = e.Client
			return db.AddRevocation(ctx, r, e.Time, e.Time)
		case !operator.EndsAccess(e):
			return nil
		}
		if err := db.AddRevocation(ctx, r, e.Time, e.Time); err != nil {
			return err
		}
		r.ID += "-again"
		return db.AddRevocation(ctx, r, e.Time, e.Time.Add(revokeAgain))
	}
}

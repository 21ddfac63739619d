package storage

import (
	"context"
	"errors"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// What gives authority checks in its commit what it rests on, and locks that: the account in its epoch
// (RequireAccount, NoteSignIn), the session (RequireSession, UseSession), the family of tokens (Exchange), the factors by their
// generation. What ends authority changes the same row before it deletes anything. So either it finds what the other has
// committed, or the other finds that it has ended.

// EndAccess ends all that the subject has open, in one commit: sessions, sign-ins under way by the epoch, codes, tokens,
// remembered browsers, set-ups and links. Of an account that is kept elsewhere it is counted, for account.Elsewhere to add
// to the epoch.
func (s *Store) EndAccess(ctx context.Context, subject string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.raiseEpoch(ctx, subject); err != nil {
			return err
		}
		if err := s.end(ctx, nil, `subject = $1`, `subject = $1`, subject); err != nil {
			return err
		}
		return s.endPreparations(ctx, subject)
	})
}

// endPreparations ends what the subject has begun or was given that would be worth something later: set-ups, remembered browsers
// and links.
func (s *Store) endPreparations(ctx context.Context, subject string) error {
	if err := s.exec(ctx, nil, `DELETE FROM setup WHERE subject = $1`, subject); err != nil {
		return err
	}
	return s.endFavours(ctx, subject)
}

// raiseEpoch has the commit of ctx wait for those that rest on the account, wherever it is kept, and fail those that come
// later.
func (s *Store) raiseEpoch(ctx context.Context, subject string) error {
	err := s.lock(ctx, accountRank, nil, `UPDATE account SET epoch = epoch + 1 WHERE subject = $1`, subject)
	if err != nil {
		return err
	}
	return s.lock(ctx, accountRank, nil, `INSERT INTO account_elsewhere (subject, endings)
		SELECT $1, 1 WHERE NOT EXISTS (SELECT 1 FROM account WHERE subject = $1)
		ON CONFLICT (subject) DO UPDATE SET endings = account_elsewhere.endings + 1`, subject)
}

// Endings implements account.Endings.
func (s *Store) Endings(ctx context.Context, subject string) (int64, error) {
	n, err := s.number(ctx, `SELECT endings FROM account_elsewhere WHERE subject = $1`, subject)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return n, err
}

// RequireEndings implements account.Endings. There must be a row to lock, before the first ending too.
func (s *Store) RequireEndings(ctx context.Context, subject string, n int64) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.lock(ctx, accountRank, nil, `INSERT INTO account_elsewhere (subject, endings) VALUES ($1, 0)
			ON CONFLICT (subject) DO NOTHING`, subject)
		if err != nil {
			return err
		}
		return s.lock(ctx, accountRank, account.ErrPassword, `SELECT 1 FROM account_elsewhere
			WHERE subject = $1 AND endings = $2`+forShare, subject, n)
	})
}

// EndOthers ends all that the subject has open elsewhere, in one commit: sessions other than the one of that sid, sign-ins
// under way other than in that session, and the codes and tokens of all other sessions. It returns the epoch that the
// account is in from then on, which what the session rests on has to follow: the one after the given one or, of an account
// that is kept elsewhere, that one. account.ErrPassword if the account is disabled or in another epoch by now.
func (s *Store) EndOthers(ctx context.Context, subject string, epoch int64, sid string) (next int64, err error) {
	ours, err := s.keepsAccount(ctx, subject)
	if err != nil {
		return 0, err
	}
	if next = epoch; ours {
		next++
	}
	return next, s.Atomic(ctx, func(ctx context.Context) error {
		if ours {
			if err := s.nextEpoch(ctx, subject, epoch, next); err != nil {
				return err
			}
			if err := s.exec(ctx, nil, `UPDATE browser SET epoch = $2 WHERE subject = $1`, subject, next); err != nil { // they stay remembered
				return err
			}
		}
		return s.end(ctx, nil, `subject = $1 AND sid <> $2`, `subject = $1 AND session <> $2`, subject, sid) // also codes of sessions that are over
	})
}

// EndAllElse ends all that the subject has open but the session of that sid, in one commit: what EndOthers ends, the codes and
// tokens of that session too, remembered browsers, set-ups and links. Families that have refresh tokens are spared if told so.
// The epoch that it returns is the next one, of an account that is kept elsewhere too. account.ErrPassword if the account is
// disabled or in another epoch by now, interaction.ErrSessionEnded if there is no such session.
func (s *Store) EndAllElse(ctx context.Context, subject string, epoch int64, sid string, spareOffline bool) (next int64, err error) {
	ours, err := s.keepsAccount(ctx, subject)
	if err != nil {
		return 0, err
	}
	which := ""
	if spareOffline {
		which = ` AND (used = FALSE OR offline = FALSE)`
	}
	next = epoch + 1
	return next, s.Atomic(ctx, func(ctx context.Context) error {
		raise := func() error { return s.nextEpoch(ctx, subject, epoch, next) }
		if !ours {
			raise = func() error { return s.raiseEpoch(ctx, subject) }
		}
		if err := raise(); err != nil {
			return err
		}
		// Before its codes, as all that end a session do.
		err := s.lock(ctx, sessionRank, interaction.ErrSessionEnded, `UPDATE session SET version = version WHERE subject = $1 AND sid = $2`, subject, sid)
		if err != nil {
			return err
		}
		if err := s.end(ctx, nil, `subject = $1 AND sid <> $2`, `subject = $1 AND session <> $2`+which, subject, sid); err != nil {
			return err
		}
		if err := s.revoke(ctx, `subject = $1 AND session = $2`+which, subject, sid); err != nil {
			return err
		}
		return s.endPreparations(ctx, subject)
	})
}

// nextEpoch has the account go on in the next epoch. account.ErrPassword if it is disabled or in another one by now.
func (s *Store) nextEpoch(ctx context.Context, subject string, epoch, next int64) error {
	return s.lock(ctx, accountRank, account.ErrPassword, `UPDATE account SET epoch = $3
		WHERE subject = $1 AND epoch = $2 AND disabled = FALSE`, subject, epoch, next)
}

// keepsAccount reports whether the account is one of this store. That never changes, unless it is removed with all that it
// has open.
func (s *Store) keepsAccount(ctx context.Context, subject string) (bool, error) {
	n, err := s.number(ctx, `SELECT count(*) FROM account WHERE subject = $1`, subject)
	return n > 0, err
}

// endFavours ends what would spare the subject a code, or a proof for a new factor: remembered browsers and links.
func (s *Store) endFavours(ctx context.Context, subject string) error {
	for _, query := range []string{
		`DELETE FROM browser WHERE subject = $1`,
		`UPDATE enrol_link SET expires_at = created_at WHERE subject = $1 AND used_at = 0`, // its page can still say so
	} {
		if err := s.exec(ctx, nil, query, subject); err != nil {
			return err
		}
	}
	return nil
}

// RequireSession makes the commit of ctx rest on the session of that sid: interaction.ErrSessionEnded, and nothing of the
// commit, if it has ended.
func (s *Store) RequireSession(ctx context.Context, sid string) error {
	return s.lockApart(ctx, sessionRank, interaction.ErrSessionEnded, `SELECT 1 FROM session WHERE sid = $1`+forShare, sid)
}

// UseSession makes the commit of ctx rest on the session of that id and sid, and notes that it was in use:
// interaction.ErrSessionEnded, and nothing of the commit, if there is none, if its end is not after now, or if it was last used
// no later than since. The last use is never set back.
func (s *Store) UseSession(ctx context.Context, id []byte, sid string, now, since time.Time) error {
	return s.lockApart(ctx, sessionRank, interaction.ErrSessionEnded, `UPDATE session
		SET seen_at = CASE WHEN seen_at < $3 THEN $3 ELSE seen_at END
		WHERE id = $1 AND sid = $2 AND expires_at > $3 AND seen_at > $4`, id, sid, micros(now), micros(since))
}

// EndSession ends the session of that sid, in one commit with what rests on it: its codes, and its tokens but for those
// of a family that has refresh tokens. No such session is no error.
func (s *Store) EndSession(ctx context.Context, sid string) error {
	return s.end(ctx, nil, `sid = $1`, `session = $1 AND (used = FALSE OR offline = FALSE)`, sid)
}

// EndSessionOf ends the session of the subject with that sid, in one commit with all that has come of it: its codes, and all
// tokens. store.ErrNotFound if there is no such session.
func (s *Store) EndSessionOf(ctx context.Context, subject, sid string) error {
	return s.end(ctx, store.ErrNotFound, `subject = $1 AND sid = $2`, `subject = $1 AND session = $2`, subject, sid)
}

// end ends the sessions that fit the one condition, and the families whose code fits the other. It is the only way in which a
// session ends but by its time, and notes in the same commit which clients are to hear of it: those that have had an answer
// in it and want to. Whoever ends a session too waits for its lock, and finds it gone. What a client was being answered at that moment is
// found, for its commit holds the session or the code, which is asked for here first. missed is the error if there is no such
// session; nil: none.
func (s *Store) end(ctx context.Context, missed error, sessions, codes string, args ...any) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, sessionRank, missed, `UPDATE session SET version = version + 1 WHERE `+sessions, args...); err != nil {
			return err
		}
		if err := s.revoke(ctx, codes, args...); err != nil {
			return err
		}
		err := s.exec(ctx, nil, `INSERT INTO logout_notice (session, client, registration, subject, first_at, due_at)
			SELECT DISTINCT session, client, registration, subject, 0, 0 FROM code
			WHERE used = TRUE AND session IN (SELECT sid FROM session WHERE `+sessions+`) AND EXISTS
				(SELECT 1 FROM client WHERE client.id = code.client AND client.registration = code.registration AND client.hears_logouts = TRUE)
			ON CONFLICT (session, client) DO NOTHING`, args...)
		if err != nil {
			return err
		}
		return s.exec(ctx, nil, `DELETE FROM session WHERE `+sessions, args...)
	})
}

package storage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vestibule/consent"
)

// mayLive is true of a family that was not revoked, whose refresh token or session is not over at that time.
func mayLive(now string) string {
	return `revoked = FALSE AND (refresh_expires_at > ` + now + `
		OR EXISTS (SELECT 1 FROM session WHERE session.sid = code.session AND session.expires_at > ` + now + `))`
}

// Accesses returns what clients can do for the subject: those with a consent that is remembered, and those with tokens that may
// live, which they do while their refresh token does, or the session that they come from.
func (s *Store) Accesses(ctx context.Context, subject string, now time.Time) ([]consent.Access, error) {
	ctx, granted := along(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent WHERE subject = $1 AND `+notGone, subject)
	held, err := all(ctx, s, scanHolding, `SELECT client, registration, scopes, min(CASE WHEN lives THEN created_at END), max(used_at),
			max(CASE WHEN lives AND refreshes THEN 1 ELSE 0 END)
		FROM (SELECT client, registration, scopes, created_at,
				CASE WHEN refresh_made_at > created_at THEN refresh_made_at ELSE created_at END AS used_at, refresh_expires_at > $2 AS refreshes,
				`+mayLive("$2")+` AS lives
			FROM code WHERE subject = $1 AND used = TRUE AND `+registered+`) families
		GROUP BY client, registration, scopes`, subject, micros(now))
	if err != nil {
		return nil, err
	}
	grants, err := granted(ctx)
	return join(grants, held), err
}

// holding is what a client has had for some scopes.
type holding struct {
	client  consent.Client
	scopes  []string
	since   time.Time // when the first of it that lives began; zero: nothing lives
	used    time.Time // when it last got a code or a token
	offline bool      // a refresh token lives
}

func scanHolding(r row) (holding, error) {
	var h holding
	var scopes string
	var since *int64
	var used, offline int64
	err := r.Scan(&h.client.ID, &h.client.Registration, &scopes, &since, &used, &offline)
	h.scopes, h.used, h.offline = wordsOf(scopes), instant(used), offline == 1
	if since != nil {
		h.since = instant(*since)
	}
	return h, err
}

// join is what clients can do, by their ids.
func join(grants []consent.Grant, held []holding) []consent.Access {
	var joined []consent.Access
	for _, g := range grants {
		joined = append(joined, consent.Access{Client: g.Client, Scopes: g.Scopes, Allowed: g.Created, Remembered: true})
	}
	for _, h := range held {
		if !h.since.IsZero() {
			joined = gain(joined, h)
		}
	}
	for i := range joined {
		for _, h := range held { // what is over tells of the last use as well
			if a := &joined[i]; h.client == a.Client && h.used.After(a.Used) {
				a.Used = h.used
			}
		}
	}
	slices.SortFunc(joined, func(a, b consent.Access) int { return cmp.Compare(a.Client.ID, b.Client.ID) })
	return joined
}

// gain adds what lives.
func gain(joined []consent.Access, h holding) []consent.Access {
	i := slices.IndexFunc(joined, func(a consent.Access) bool { return a.Client == h.client })
	if i < 0 {
		i, joined = len(joined), append(joined, consent.Access{Client: h.client, Allowed: h.since})
	}
	a := &joined[i]
	a.Scopes = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Scopes, h.scopes))))
	a.Offline = a.Offline || h.offline
	if h.since.Before(a.Allowed) {
		a.Allowed = h.since
	}
	return joined
}

// RevokeAccess ends what the client can do for the subject: the consent, and the codes and tokens that the subject's sign-ins
// gave it. To the client, the sessions in which it has tokens have ended: it is noted that it is to hear of that.
// consent.ErrNotFound if there is nothing to end. A sign-in under way that counts on the consent rests on the account, so that it
// comes before this, or finds the consent gone.
func (s *Store) RevokeAccess(ctx context.Context, subject, id string, now time.Time) error {
	all, err := s.Accesses(ctx, subject, now)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a consent.Access) bool { return a.Client.ID == id })
	if i < 0 {
		return consent.ErrNotFound
	}
	const whose = `subject = $1 AND client = $2`
	goes := consent.ErrNotFound // of what was found, one thing at least must be there to end: else another call has ended it
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lockAccount(ctx, subject); err != nil {
			return err
		}
		if all[i].Remembered {
			if err := s.exec(ctx, goes, `DELETE FROM consent WHERE `+whose+` AND `+notGone, subject, id); err != nil {
				return err
			}
			goes = nil
		}
		if err := s.oweLogouts(ctx, whose+` AND `+mayLive("$3"), subject, id, micros(now)); err != nil {
			return err
		}
		return s.revokeOr(ctx, goes, whose, subject, id)
	})
}

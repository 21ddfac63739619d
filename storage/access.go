package storage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"vestibule/consent"
)

// outlives is how long after a code was made or a refresh token was over something that came of it may live at most: longer than
// a code and an access token together.
const outlives = 48 * time.Hour

// recent is true of a family of which something may live, or may come, unless it was revoked, and of some others: those that are long
// over, of which a user may have tens of thousands, need not be looked at. It asks for the row alone, so that it is as true once
// its lock was waited for.
const recent = `(created_at > $3 OR refresh_expires_at > $3)`

// lives is true of such a family if it was not revoked, and something of it lives at $2: the code, the refresh token, or an access token.
const lives = recent + ` AND revoked = FALSE AND (used = FALSE AND expires_at > $2 OR refresh_expires_at > $2
	OR EXISTS (SELECT 1 FROM access_token t WHERE t.family = code.family AND t.generation = code.generation AND t.ended = FALSE AND t.expires_at > $2))`

// Accesses returns what clients can do for the subject: those with a consent that is remembered, and those of whose codes and
// tokens something lives.
func (s *Store) Accesses(ctx context.Context, subject string, now time.Time) ([]consent.Access, error) {
	ctx, granted := along(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent WHERE subject = $1 AND `+notGone, subject)
	held, err := all(ctx, s, scanHolding, `SELECT client, registration, allowed, min(CASE WHEN lives THEN created_at END), max(used_at),
			max(CASE WHEN lives AND refreshes THEN 1 ELSE 0 END)
		FROM (SELECT client, registration, allowed, created_at,
				CASE WHEN used = FALSE THEN 0 WHEN refresh_made_at > created_at THEN refresh_made_at ELSE created_at END AS used_at, refresh_expires_at > $2 AS refreshes,
				`+lives+` AS lives
			FROM code WHERE subject = $1 AND `+registered+`) families
		GROUP BY client, registration, allowed`, subject, micros(now), micros(now.Add(-outlives)))
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
// gave it. consent.ErrNotFound if there is nothing to end. A sign-in under way that counts on the consent, or makes one, rests on
// the account, so that it comes before this, or finds the consent gone.
func (s *Store) RevokeAccess(ctx context.Context, subject, id string, now time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lockAccount(ctx, subject); err != nil {
			return err
		}
		err := s.exec(ctx, consent.ErrNotFound, `SELECT 1 WHERE EXISTS (SELECT 1 FROM consent WHERE subject = $1 AND client = $4 AND `+notGone+`)
			OR EXISTS (SELECT 1 FROM code WHERE subject = $1 AND client = $4 AND `+registered+` AND `+lives+`)`,
			subject, micros(now), micros(now.Add(-outlives)), id)
		if err != nil {
			return err
		}
		if err := s.exec(ctx, nil, `DELETE FROM consent WHERE subject = $1 AND client = $2`, subject, id); err != nil {
			return err
		}
		return s.revoke(ctx, `subject = $1 AND client = $2 AND `+recent, subject, id, micros(now.Add(-outlives)))
	})
}

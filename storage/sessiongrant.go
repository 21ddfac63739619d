package storage

import (
	"bytes"
	"context"
	"errors"

	"vestibule/consent"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// sessionGrant is what the subject of a session has allowed a client, which comes with the session.
type sessionGrant struct {
	id     []byte // of the session
	client consent.Client
	found  []consent.Grant
	known  bool // found is the answer
}

type sessionGrantKey struct{}

// SessionGrantAlong has what the subject of the session has allowed the client come with the session, in one statement, when
// Session is called with the context that it returns. found returns that: consent.ErrNotFound also if there is no such session.
// It asks by itself if Session was not called, or has failed.
func (s *Store) SessionGrantAlong(ctx context.Context, session []byte, client consent.Client) (context.Context, func(context.Context) (consent.Grant, error)) {
	g := &sessionGrant{id: session, client: client}
	return context.WithValue(ctx, sessionGrantKey{}, g), func(ctx context.Context) (consent.Grant, error) {
		if !g.known {
			if _, err := g.session(ctx, s); !g.known {
				return consent.Grant{}, err
			}
		}
		return only(g.found, nil)
	}
}

// grantAlong is what comes with the session of that id, once; nil: nothing does.
func grantAlong(ctx context.Context, id []byte) *sessionGrant {
	g, _ := ctx.Value(sessionGrantKey{}).(*sessionGrant)
	if g == nil || g.known || !bytes.Equal(g.id, id) {
		return nil
	}
	return g
}

// session is Store.Session, which also finds the grant.
func (g *sessionGrant) session(ctx context.Context, s *Store) (interaction.Session, error) {
	found, err := one(ctx, s, g.scan, `SELECT `+sessionColumns+`, consent.subject, consent.scopes, consent.created_at, consent.updated_at
		FROM session LEFT JOIN consent ON consent.subject = session.subject AND consent.client = $2 AND consent.registration = $3
			AND `+notGone+`
		WHERE session.id = $1`, g.id, g.client.ID, g.client.Registration)
	g.known = err == nil || errors.Is(err, store.ErrNotFound)
	return found, err
}

func (g *sessionGrant) scan(r row) (interaction.Session, error) {
	var found sessionScan
	var subject, scopes *string // nil: there is no consent
	var created, updated *int64
	if err := r.Scan(append(found.dest(), &subject, &scopes, &created, &updated)...); err != nil {
		return found.Session, err
	}
	g.found = nil
	if subject != nil {
		g.found = []consent.Grant{newGrant(*subject, g.client, *scopes, *created, *updated)}
	}
	return found.session()
}

package storage

import (
	"context"
	"fmt"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/dpop"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// A family is one row: that of its code, which has the one refresh token that is live. To refresh is to put another one there,
// and that generation of the family is all that tells live access tokens from dead ones. So a refresh costs as much in the
// ten-thousandth generation as in the first, and whoever ends the family waits for it at that row.

// split tells the refresh token among the new tokens from the others; the zero value: there is none.
func split(made []tokens.Token) (access []tokens.Token, refresh tokens.Token) {
	for _, t := range made {
		if t.Kind == tokens.RefreshToken {
			refresh = t
		} else {
			access = append(access, t)
		}
	}
	return access, refresh
}

// setRefresh puts a refresh token into the row of its family. The arguments are those of refreshArgs, the first of them the
// one of that number.
func setRefresh(first int) string {
	return fmt.Sprintf(`refresh = $%d, refresh_data = $%d, refresh_made_at = $%d, refresh_expires_at = $%d,
		keep_until = CASE WHEN keep_until < $%[4]d THEN $%[4]d ELSE keep_until END`, first, first+1, first+2, first+3)
}

func refreshArgs(t tokens.Token) []any {
	return []any{t.Signature, t.Data, micros(t.Created), micros(t.Expires)}
}

// isLive is true of the family whose refresh token has that signature ($1), family ($2) and generation ($3): it was not used,
// nor revoked, and its client is the one that it was made for.
const isLive = `refresh = $1 AND family = $2 AND generation = $3 AND revoked = FALSE AND ` + registered

// Rotate puts the new refresh token in the place of the used one and inserts the new access token with the answer to give
// again, if any, all or nothing. The access tokens of before are of an older generation from then on. store.ErrConflict if the
// used one was that before, or is gone.
func (s *Store) Rotate(ctx context.Context, used tokens.Key, replay []byte, made []tokens.Token) error {
	access, refresh := split(made)
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.execOne(ctx, store.ErrConflict, `UPDATE code SET generation = $4, `+setRefresh(5)+` WHERE `+isLive,
			used.Signature, append([]any{used.Family, used.Generation, used.Generation + 1}, refreshArgs(refresh)...)...)
		if err != nil {
			return err
		}
		return s.insertAccess(ctx, access, used.Generation+1, used.Signature, replay)
	})
}

// Renew gives a live refresh token another end and inserts the new access tokens, all or nothing. store.ErrConflict if it was
// used before or is gone.
func (s *Store) Renew(ctx context.Context, key tokens.Key, expires time.Time, made []tokens.Token) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.execOne(ctx, store.ErrConflict, `UPDATE code SET refresh_expires_at = $4,
			keep_until = CASE WHEN keep_until < $4 THEN $4 ELSE keep_until END WHERE `+isLive,
			key.Signature, key.Family, key.Generation, micros(expires))
		if err != nil {
			return err
		}
		return s.insertAccess(ctx, made, key.Generation, "", nil)
	})
}

// insertAccess inserts the tokens, one statement in a commit. spent is the refresh token that was used up for them, replay the
// answer to that.
func (s *Store) insertAccess(ctx context.Context, made []tokens.Token, generation int64, spent string, replay []byte) error {
	for _, t := range made {
		err := s.insert(ctx, `INSERT INTO access_token (signature, family, generation, data, created_at, expires_at, ended, spent, replay)`,
			t.Signature, t.Family, generation, t.Data, micros(t.Created), micros(t.Expires), false, spent, replay)
		if err != nil {
			return err
		}
	}
	return nil
}

// UseProof uses up the proof of that id, and keeps that until then at least. dpop.ErrReplayed if it was used before.
func (s *Store) UseProof(ctx context.Context, id string, until time.Time) error {
	return s.exec(ctx, dpop.ErrReplayed, `INSERT INTO used_proof (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`,
		id, micros(until))
}

// RevokeFamily ends all tokens of a family for good: none can be added to it any more, not by a slow
// exchange of its code either. A family without tokens is no error.
func (s *Store) RevokeFamily(ctx context.Context, family string) error {
	return s.revoke(ctx, `family = $1`, family)
}

// RevokeAccessToken ends one access token and nothing else. One that is gone is no error. Its row stays until its end: it may
// have the answer to a refresh token that comes again.
func (s *Store) RevokeAccessToken(ctx context.Context, signature string) error {
	return s.exec(ctx, nil, `UPDATE access_token SET ended = TRUE WHERE signature = $1`, signature)
}

// revoke ends the families whose code fits the condition. The mark comes first: it waits for an exchange or a refresh under way,
// whose access token the deletion then sees.
func (s *Store) revoke(ctx context.Context, condition string, args ...any) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		for _, query := range []string{
			`UPDATE code SET revoked = TRUE, refresh_data = NULL WHERE revoked = FALSE AND ` + condition,
			`DELETE FROM access_token WHERE family IN (SELECT family FROM code WHERE ` + condition + `)`,
		} {
			if err := s.exec(ctx, nil, query, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// found is how a token is looked for by its key: what is asked, of which tables, on which condition.
type found struct {
	columns, tables, condition string
	args                       []any
}

// living is the row of a family that was not revoked, and the client that it was made for.
const living = `code JOIN client ON client.id = code.client AND client.registration = code.registration AND code.revoked = FALSE`

// find says how. What the table has of a refresh token that was used are the generation after it and, for a minute or two, the
// answer to it.
func find(k tokens.Key) found {
	const whose = `code.family, code.client, code.subject, code.session, client.updated_at, `
	if k.Kind == tokens.AccessToken {
		return found{
			whose + `t.data, t.created_at, t.expires_at, FALSE, 0, NULL`,
			living + ` JOIN access_token t ON t.family = code.family AND t.generation = code.generation`,
			`t.signature = $1 AND t.ended = FALSE`, []any{k.Signature}}
	}
	return found{
		whose + `code.refresh_data, code.refresh_made_at, code.refresh_expires_at, code.generation > $3, COALESCE(t.created_at, 0), t.replay`,
		living + ` LEFT JOIN access_token t ON t.family = code.family AND t.generation = $4 AND t.spent = $1`,
		`code.family = $2 AND (code.generation > $3 OR code.generation = $3 AND code.refresh = $1) AND code.refresh <> ''`,
		[]any{k.Signature, k.Family, k.Generation, k.Generation + 1}}
}

// tokenScan takes in the columns of found.
type tokenScan struct {
	tokens.Token
	created, expires, used, changed int64
}

func newTokenScan(k tokens.Key) *tokenScan {
	return &tokenScan{Token: tokens.Token{Kind: k.Kind, Signature: k.Signature, Generation: k.Generation}}
}

func (t *tokenScan) dest() []any {
	return []any{&t.Family, &t.Client, &t.Subject, &t.Session, &t.changed, &t.Data, &t.created, &t.expires, &t.Used, &t.used, &t.Replay}
}

func (t *tokenScan) token() tokens.Token {
	t.Created, t.Expires, t.UsedAt, t.Changed = instant(t.created), instant(t.expires), instant(t.used), instant(t.changed)
	return t.Token
}

// scanToken reads the token of that key.
func scanToken(k tokens.Key) func(row) (tokens.Token, error) {
	return func(r row) (tokens.Token, error) {
		t := newTokenScan(k)
		err := r.Scan(t.dest()...)
		return t.token(), err
	}
}

// Token returns the token, used or expired or not, or store.ErrNotFound: one that was revoked is none.
func (s *Store) Token(ctx context.Context, k tokens.Key) (tokens.Token, error) {
	f := find(k)
	return one(ctx, s, scanToken(k), `SELECT `+f.columns+` FROM `+f.tables+` WHERE `+f.condition, f.args...)
}

// TokenFor is Token for a client that asks about a token: store.ErrNotFound also if the asking client was removed.
func (s *Store) TokenFor(ctx context.Context, k tokens.Key, asker client.Client) (tokens.Token, error) {
	f := find(k)
	n := len(f.args)
	return one(ctx, s, scanToken(k), `SELECT `+f.columns+` FROM `+f.tables+fmt.Sprintf(`
		JOIN client asker ON asker.id = $%d AND asker.registration = $%d WHERE `, n+1, n+2)+f.condition,
		append(f.args, asker.ID, asker.Registration)...)
}

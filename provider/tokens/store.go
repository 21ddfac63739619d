// Package tokens is what a store keeps of authorization codes and tokens, so that each is spent once over any number of
// processes. Of a token only the signature is stored: nobody can make one from its row.
package tokens

import (
	"context"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/client"
)

// Code is an authorization code, with its PKCE challenge and OpenID Connect session in one row.
type Code struct {
	Signature string // the part of the code after the last dot; the key
	Family    string // that all tokens which come of this code are of
	Client    string
	Subject   string
	Session   string   // the sid
	Allowed   []string // by the user, as Interaction.ToRemember has it; no token that comes of it is for more
	Data      []byte   // the request and the session as JSON
	Created   time.Time
	Expires   time.Time
	Changed   time.Time // when the client was last changed, as it is registered now; read only
	Used      bool      // it was exchanged, or stands for an answer without a code
	Revoked   bool      // what it rested on has ended; nobody has to have used it
}

// Token kinds.
const (
	AccessToken  = "access"
	RefreshToken = "refresh"
)

// Token is an access or refresh token. Only the signature is stored: nobody can make the token from the row.
type Token struct {
	Kind      string // AccessToken or RefreshToken; part of the key
	Signature string
	Family    string
	Client    string
	Subject   string
	Session   string // the sid
	Data      []byte // the request and the session as JSON; of a used refresh token those of the one that came of it last
	Created   time.Time
	Expires   time.Time // for a refresh token the earlier of its idle and absolute ends
	Changed   time.Time // when the client was last changed, as it is registered now; read only

	Generation int64     // refresh: how many its family had before
	Used       bool      // refresh: it was rotated
	UsedAt     time.Time // refresh: when, if that was so short a time ago that it is known; else zero
	Replay     []byte    // refresh: the answer to its first use, sealed with a key only its holder can derive; nil as UsedAt
}

// Key is what a token says of itself.
type Key struct {
	Kind       string
	Signature  string
	Family     string // of a refresh token; like Generation, so that one of long ago is known without a row of its own
	Generation int64
}

// Key is that of the token.
func (t Token) Key() Key { return Key{t.Kind, t.Signature, t.Family, t.Generation} }

// Store keeps codes and tokens. Each method that spends something is atomic over any number of processes.
type Store interface {
	// SaveCode inserts a code, or one that is Used for an answer that was given without one. It and all tokens that come of
	// it belong to that registration of the client: they are none once the client is removed, also if its id is registered
	// anew. client.ErrChanged if the client is not registered as given any more; ErrConflict if the family has a code.
	SaveCode(ctx context.Context, code Code, of client.Client) error
	// Code returns the code, used, revoked or expired or not, or ErrNotFound.
	Code(ctx context.Context, signature string) (Code, error)
	// SessionClients returns the ids of the clients that have had an answer in the session of that sid: whose code was
	// exchanged, or saved as used. One that is not registered any more as it was then is not among them.
	SessionClients(ctx context.Context, session string) ([]string, error)
	// Exchange marks the code used and inserts the tokens, all or nothing: one access token, and the first refresh token of
	// the family or none. ErrConflict if the code was used before, or is revoked or gone.
	Exchange(ctx context.Context, code string, made []Token) error
	// SaveClientToken inserts an access token that a client has got for itself, as a family of its own that ends with it.
	// client.ErrChanged if the client is not registered as given any more; it is none once that registration is removed.
	SaveClientToken(ctx context.Context, made Token, of client.Client) error
	// Token returns the token, used or expired or not, or ErrNotFound: one that was revoked is none. A refresh token of an
	// earlier generation than its family is in was used, whoever made sure that the key is one that we have given out.
	Token(ctx context.Context, key Key) (Token, error)
	// TokenFor is Token for a client that asks about somebody's token: ErrNotFound also if the asking client is not the
	// one that is registered under its id now.
	TokenFor(ctx context.Context, key Key, asker client.Client) (Token, error)
	// Rotate puts the refresh token among the new tokens in the place of the used one, as that of the next generation,
	// ends the access tokens that the family had, and inserts the new one with the answer to give again, if any, all or
	// nothing. That is kept for two minutes. ErrConflict if the token was used before, or is revoked or gone.
	Rotate(ctx context.Context, used Key, replay []byte, made []Token) error
	// Renew gives a refresh token that is live another end, and inserts the new access tokens, all or nothing. It uses nothing up.
	// ErrConflict if the token was used before, or is revoked or gone.
	Renew(ctx context.Context, key Key, expires time.Time, made []Token) error
	// RevokeFamily ends a family for good: its code, and all tokens that it has or will have. A family without tokens is
	// no error.
	RevokeFamily(ctx context.Context, family string) error
	// RevokeAccessToken ends one access token and nothing else. One that is gone is no error.
	RevokeAccessToken(ctx context.Context, signature string) error
}

// UserStore is a Store that keeps the accounts of users too.
type UserStore interface {
	// UserToken is Token with the account of its subject, as both are at one instant and by one question. ErrNotFound also
	// if the token is nobody's, or there is no such account.
	UserToken(ctx context.Context, key Key) (Token, account.Account, error)
}

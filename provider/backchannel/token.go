package backchannel

import (
	"time"

	"vestibule/provider/spelling"
)

// Type is the typ of a logout token (Back-Channel Logout 1.0 section 2.4): it is taken for no ID token.
const Type = "logout+jwt"

// Event is the member of events that makes a JWT a logout token.
const Event = "http://schemas.openid.net/event/backchannel-logout"

// life is how long a token is good: the two minutes that section 2.4 recommends at most.
const life = 2 * time.Minute

// Claims are those of a logout token. There never is a nonce.
type Claims struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience []string            `json:"aud"`
	IssuedAt int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	TokenID  string              `json:"jti"`
	Session  string              `json:"sid"`
	Events   map[string]struct{} `json:"events"`
}

// claims are those of a token that is made now. A second try has a jti of its own: a client that has seen the first may
// refuse that one as used, and would be asked for ever.
func (s *Sender) claims(n Notice, now time.Time) Claims {
	return Claims{
		Issuer: s.Issuer, Subject: n.Subject, Audience: []string{n.Client}, IssuedAt: now.Unix(), Expires: now.Add(life).Unix(),
		TokenID: spelling.RandomID(), Session: n.Session, Events: map[string]struct{}{Event: {}},
	}
}

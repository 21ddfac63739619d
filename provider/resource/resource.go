package resource

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"vestibule/provider/dpop"
)

// Config is what a Guard needs.
type Config struct {
	// Resource identifies the API (RFC 8707): an https address, or http on a loopback address, without query and fragment,
	// that is registered for it at the server. Tokens that are not for it are refused. Empty: the server alone decides,
	// which tells an API nothing of a token that is for another.
	Resource string
	// Issuer is the server's, as its metadata have it. Empty: tokens are not held against it; Keys needs it, and Metadata.
	Issuer string
	// Endpoint is the introspection endpoint of the server: introspection_endpoint in its metadata. Only on a
	// loopback address may it be plain http. Empty, with Keys: no token is good but a JWT.
	Endpoint string
	// ClientID and ClientSecret are the API's own: it is a client that may introspect. With Keys alone it needs none.
	ClientID, ClientSecret string
	// Keys is where the server publishes its public keys, jwks_uri in its metadata. With it access tokens that are JWTs
	// (RFC 9068) are verified here and the server is not asked about them: one that is revoked, or whose user was disabled,
	// counts until it expires. Empty: the server is asked about JWTs too. Only on a loopback address may it be plain http.
	Keys string
	// Name and Scopes are for Metadata: what people call the API, and what clients may ask for; empty: it is silent about
	// them.
	Name   string
	Scopes []string
	// Cache is how long an answer about a good token may be used again, at most MaxCache. A token that is revoked is
	// let through for that long. 0: the server is asked each time.
	Cache time.Duration
	// Levels are the values of acr that the server knows, lowest first, those of one level beside each other; nil: the
	// names that Vestibule has where nobody gives others, aal1, aal2 and phr. A token of a higher level meets a Rule that
	// asks for a lower one.
	Levels [][]string
	// Address is where apps reach the API, such as https://api.example.com, with the beginning of the path that a proxy in
	// front may take away: a DPoP proof (RFC 9449) says which address it is for, and the Host of a request is whatever its
	// sender likes. Empty: tokens that are bound to a key are refused.
	Address string
	// Proofs checks DPoP proofs. The zero value takes them with any of dpop.Algorithms and without a nonce, and remembers
	// in this process alone which were used: processes that serve one API should share a Once.
	Proofs dpop.Checker
	// Certificate returns what the client has shown in TLS, its own certificate first, for tokens that are bound to one (RFC
	// 8705). Behind a proxy that ends TLS it is the Read of a certificate.Reader, which knows the proxy and its header. nil:
	// that of the connection.
	Certificate func(*http.Request) ([]*x509.Certificate, error)
	// Client does the requests; nil: one that gives up after 5 seconds. Redirects are never followed.
	Client *http.Client
	// Log gets the reasons when the server cannot be asked; nil: slog.Default().
	Log *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// MaxCache is the longest Config.Cache: for longer, a revoked token would count for good.
const MaxCache = 10 * time.Second

const (
	answerTime = 5 * time.Second
	maxAnswer  = 64 << 10 // bytes of an answer of the server
	maxToken   = 4 << 10  // bytes of a token
)

// Guard checks access tokens. It is safe for use by any number of goroutines.
type Guard struct {
	resource    string
	issuer      string
	endpoint    string // empty: there is none
	id, secret  string
	keys        *keySet // nil: JWTs are asked about as others are
	about       []byte  // the metadata; nil: there are none
	aboutPath   string
	aboutURL    string
	levels      levels
	address     string
	proofs      *dpop.Checker
	certificate func(*http.Request) ([]*x509.Certificate, error)
	client      *http.Client
	log         *slog.Logger
	now         func() time.Time
	cache       *cache
}

// New returns a Guard. It asks the server nothing yet.
func New(c Config) (*Guard, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := checkOwnAddress(c.Address); err != nil {
		return nil, err
	}
	g := &Guard{resource: c.Resource, issuer: c.Issuer, endpoint: c.Endpoint, id: c.ClientID, secret: c.ClientSecret,
		levels: c.Levels, address: c.Address, certificate: c.Certificate, client: direct(c.Client), log: c.Log, now: c.Now}
	if err := g.levels.check(); err != nil {
		return nil, err
	}
	if g.levels == nil {
		g.levels = defaultLevels
	}
	if g.log == nil {
		g.log = slog.Default()
	}
	if g.now == nil {
		g.now = time.Now
	}
	if g.certificate == nil {
		g.certificate = ofConnection
	}
	g.proofs = withDefaults(c.Proofs, g.now)
	if c.Cache > 0 {
		g.cache = &cache{life: c.Cache}
	}
	if c.Keys != "" {
		g.keys = &keySet{address: c.Keys, client: g.client, now: g.now}
	}
	return g, g.describe(c)
}

// direct returns a client that hands a redirect back: the credentials are for the endpoint alone.
func direct(given *http.Client) *http.Client {
	own := http.Client{Timeout: answerTime}
	if given != nil {
		own = *given
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Rule is what a request must bring. The zero value wants a good token and nothing else.
type Rule struct {
	// Scopes must all have been granted.
	Scopes []string
	// ACR are the acceptable values of acr, the best liked first; none: any will do. A value of Config.Levels stands for
	// that level and all above it. The server answers with the name that the app asked with, so list every name that your
	// apps use, here or in Config.Levels.
	ACR []string
	// MaxAge is how old the oldest proof of the user may be that amr and acr rest on, in whole seconds; 0: however old. A
	// user who has to prove all of it anew needs a minute or two for that. With one below 0 every request is refused with
	// ErrUnavailable.
	MaxAge time.Duration
}

// check returns what the token lacks. Scopes come first: a step-up would not help a token that lacks them.
func (rule Rule) check(t Token, order levels, now time.Time) error {
	for _, scope := range rule.Scopes {
		if !slices.Contains(t.Scopes, scope) {
			return ErrScope
		}
	}
	switch {
	case len(rule.ACR) > 0 && !order.reach(t.ACR, rule.ACR):
		return ErrLevel
	case rule.MaxAge > 0 && (t.AuthTime.IsZero() || now.Unix()-t.AuthTime.Unix() > int64(rule.MaxAge/time.Second)):
		return ErrAge
	}
	return nil
}

// Outcomes of Guard.Check.
var (
	// ErrToken reports a token that is no access token of the server, expired or revoked.
	ErrToken = errors.New("the access token is malformed, expired or revoked")
	// ErrKey reports a token that is bound to a key which was not proved.
	ErrKey = errors.New("the access token is bound to a key: send it by the scheme DPoP, with a proof by that key")
	// ErrCertificate reports a token that is bound to a certificate which was not shown.
	ErrCertificate = errors.New("the access token is bound to a certificate: show that in TLS")
	// ErrScope reports a token that lacks a scope.
	ErrScope = errors.New("the access token lacks a scope")
	// ErrLevel reports a user who has proved too little.
	ErrLevel = errors.New("the user must sign in with more steps")
	// ErrAge reports a user one of whose proofs is too old.
	ErrAge = errors.New("the user must sign in again")
	// ErrUnavailable reports that the server could not be asked, so that nothing is known about the token.
	ErrUnavailable = errors.New("the access token cannot be checked now")
)

// Check returns what the server says about an access token, and an error unless that meets the rule. The token is there
// with ErrScope, ErrLevel and ErrAge too. One that is bound to a key or a certificate gets ErrKey or ErrCertificate:
// only Require sees the proof that it needs.
func (g *Guard) Check(ctx context.Context, access string, rule Rule) (Token, error) {
	return g.check(ctx, access, shown{}, rule)
}

// check is Check for a token that comes with the proof of a key, or over a connection with a certificate, or with neither.
func (g *Guard) check(ctx context.Context, access string, with shown, rule Rule) (Token, error) {
	if rule.MaxAge < 0 {
		return Token{}, fmt.Errorf("%w: MaxAge of the rule is %s; it should be 0, for any age, or longer", ErrUnavailable, rule.MaxAge)
	}
	t, err := g.ask(ctx, access)
	if err == nil {
		err = g.confirm(ctx, t, with)
	}
	if err != nil {
		return Token{}, err
	}
	return t, rule.check(t, g.levels, g.now())
}

// ask returns a token that is good now.
func (g *Guard) ask(ctx context.Context, access string) (Token, error) {
	if !wellFormed(access) {
		return Token{}, ErrToken
	}
	now := g.now()
	t, known := g.cache.find(access, now)
	if !known {
		var err error
		if t, err = g.look(ctx, access); err != nil {
			return Token{}, err
		}
	}
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Token{}, ErrToken
	}
	if !known {
		g.cache.keep(access, t, now)
	}
	return t, nil
}

// look reads the token here, if it is a JWT and there are keys for that, and else asks the server.
func (g *Guard) look(ctx context.Context, access string) (Token, error) {
	switch {
	case g.keys != nil && isJWT(access):
		return g.verify(ctx, access)
	case g.endpoint == "":
		return Token{}, ErrToken
	}
	return g.introspect(ctx, access)
}

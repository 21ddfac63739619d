package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/ory/fosite"
)

// Client is a relying party.
type Client struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`                         // shown on the consent page
	Public       bool      `json:"public"`                       // has no secret; must use PKCE
	SecretHash   string    `json:"-"`                            // HashClientSecret's form; empty for a public client
	RedirectURIs []string  `json:"redirect_uris"`                // compared exactly, but for the port of a loopback address (RFC 8252 section 7.3)
	Scopes       []string  `json:"scopes"`                       // the most that it may ask for
	IDTokenAlg   string    `json:"id_token_signed_response_alg"` // RS256 or ES256; empty: the server's
	Created      time.Time `json:"created"`
	Updated      time.Time `json:"updated"`
}

// Scopes that the provider knows. Others may be registered for a client; they go into its access tokens.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeOffline = "offline_access"
)

// sha256Prefix tells the hash of a secret with full entropy from a slow one.
const sha256Prefix = "sha256:"

// NewClientSecret returns a secret of 256 random bits and its hash.
func NewClientSecret() (secret, hash string) {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, fastHash(secret)
}

// fastHash needs no salt and no slowness: nobody can guess 256 random bits.
func fastHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return sha256Prefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// HashClientSecret returns the hash of a secret that somebody else chose. A long one is taken for random; a
// shorter one gets a slow hash.
func HashClientSecret(ctx context.Context, h *Hasher, secret string) (string, error) {
	if len(secret) < 16 {
		return "", errors.New("a client secret must have at least 16 characters; leave it out to have one made")
	}
	if len(secret) >= 43 {
		return fastHash(secret), nil
	}
	return h.Hash(ctx, secret)
}

// checkSecret reports whether the secret is the client's. A client without a hash has no right secret.
func (c Client) checkSecret(ctx context.Context, h *Hasher, secret string) (bool, error) {
	switch {
	case c.SecretHash == "" || secret == "":
		return false, nil
	case strings.HasPrefix(c.SecretHash, sha256Prefix):
		return subtle.ConstantTimeCompare([]byte(fastHash(secret)), []byte(c.SecretHash)) == 1, nil
	}
	ok, _, err := h.Check(ctx, c.SecretHash, secret)
	return ok, err
}

// CheckClient reports every fault of a client that somebody wants to register.
func CheckClient(c Client) error {
	var faults []error
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, errors.New(text))
		}
	}
	fault(!isPlain(c.ID) || len(c.ID) > 128, "the client id must be 1 to 128 letters, digits or any of -._~")
	fault(len(c.Name) > 200 || strings.ContainsFunc(c.Name, misleading), "the name must be at most 200 bytes, without control or text direction characters")
	fault(c.Public == (c.SecretHash != ""), "a public client has no secret, any other client has one")
	fault(len(c.RedirectURIs) == 0, "a client needs at least one redirect URI")
	fault(c.IDTokenAlg != "" && c.IDTokenAlg != RS256 && c.IDTokenAlg != ES256, "ID tokens can be signed with RS256 or ES256")
	for _, uri := range c.RedirectURIs {
		if err := checkRedirectURI(uri, c.Public); err != nil {
			faults = append(faults, fmt.Errorf("redirect URI %q: %w", uri, err))
		}
	}
	for _, scope := range c.Scopes {
		fault(!isScope(scope), fmt.Sprintf("scope %q must be lower-case letters, digits or any of -._:/", scope))
	}
	return errors.Join(faults...)
}

func isPlain(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	})
}

// isScope is narrower than RFC 6749 appendix A.4: fosite compares some scopes without regard to case.
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:/", r))
	})
}

// misleading finds characters that could make a name look like another.
func misleading(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// checkRedirectURI allows https, http on a loopback address, and for a public client a private scheme with a
// dot in it (RFC 8252 sections 7.1 to 7.3).
func checkRedirectURI(raw string, public bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URI")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return errors.New("must not have a fragment")
	case u.User != nil:
		return errors.New("must not have a user name")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f }):
		return errors.New("must be ASCII without spaces or backslashes; encode other characters with %")
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errors.New("must be https; http is for loopback addresses only")
	case strings.Contains(u.Scheme, "."):
		if public {
			return nil
		}
		return errors.New("a private scheme is for public clients only")
	}
	return errors.New("must be https, http on a loopback address, or a private scheme in reverse domain form such as com.example.app")
}

// isLoopback reports whether host is localhost or a loopback IP address.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// allows reports whether raw is one of the client's redirect URIs: the same string, or the same but for
// the port where both are http on the same loopback IP address. fosite compares decoded paths and overlooks a
// user name, which is too kind.
func (c Client) allows(raw string) bool {
	if slices.Contains(c.RedirectURIs, raw) {
		return true
	}
	asked, err := url.Parse(raw)
	if err != nil || asked.Scheme != "http" || net.ParseIP(asked.Hostname()) == nil || !isLoopback(asked.Hostname()) {
		return false
	}
	return slices.ContainsFunc(c.RedirectURIs, func(registered string) bool {
		u, err := url.Parse(registered)
		return err == nil && u.Scheme == "http" && u.Hostname() == asked.Hostname() && dropPort(registered, u) == dropPort(raw, asked)
	})
}

// dropPort returns the URI as it was written but for its port.
func dropPort(raw string, u *url.URL) string {
	if u.Port() == "" {
		return raw
	}
	return strings.Replace(raw, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1)
}

// relyingParty shows a Client to fosite.
type relyingParty struct{ Client }

func (c relyingParty) GetID() string                      { return c.ID }
func (c relyingParty) GetHashedSecret() []byte            { return nil } // authenticateClient does not ask fosite
func (c relyingParty) GetRedirectURIs() []string          { return c.RedirectURIs }
func (c relyingParty) GetGrantTypes() fosite.Arguments    { return grantTypes }
func (c relyingParty) GetResponseTypes() fosite.Arguments { return responseTypes }
func (c relyingParty) GetScopes() fosite.Arguments        { return c.Scopes }
func (c relyingParty) IsPublic() bool                     { return c.Public }
func (c relyingParty) GetAudience() fosite.Arguments      { return nil }
func (c relyingParty) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

var (
	grantTypes    = fosite.Arguments{"authorization_code", "refresh_token"}
	responseTypes = fosite.Arguments{"code"}
)

// clientCache remembers clients for a few seconds, so that a busy client costs no statement. A client that
// was deleted gets nothing meanwhile: its codes and tokens went with it, and new ones have no row to refer to.
type clientCache struct {
	store Clients
	now   func() time.Time
	mu    sync.Mutex
	known map[string]cachedClient
}

type cachedClient struct {
	Client
	until time.Time
}

const (
	clientCacheTime = 3 * time.Second
	clientCacheSize = 1024
)

func newClientCache(store Clients, now func() time.Time) *clientCache {
	return &clientCache{store: store, now: now, known: map[string]cachedClient{}}
}

// Client returns the client, or ErrNotFound. Unknown ids are not remembered.
func (c *clientCache) Client(ctx context.Context, id string) (Client, error) {
	now := c.now()
	c.mu.Lock()
	hit, ok := c.known[id]
	c.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.Client, nil
	}
	client, err := c.store.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= clientCacheSize {
		clear(c.known)
	}
	c.known[id] = cachedClient{client, now.Add(clientCacheTime)}
	return client, nil
}

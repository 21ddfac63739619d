package resource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/dpop"
)

type tokenKey struct{}

// FromContext returns the token of a request that Require has let through.
func FromContext(ctx context.Context) (Token, bool) {
	t, ok := ctx.Value(tokenKey{}).(Token)
	return t, ok
}

// Require lets requests through to next that bring an access token in the Authorization header which meets the rule, and
// with it the proof of the key, or the certificate, that it is bound to, if it is.
func (g *Guard) Require(rule Rule, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := g.bring(r)
		if err == nil {
			var t Token
			if t, err = g.admit(w, r, b, rule); err == nil {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tokenKey{}, t)))
				return
			}
		}
		if errors.Is(err, ErrUnavailable) && r.Context().Err() == nil {
			g.log.ErrorContext(r.Context(), "access token not checked", "error", err)
		}
		g.refuse(w, b, rule, err)
	})
}

var (
	errNone  = errors.New("send an access token in the Authorization header")
	errTwice = errors.New("the Authorization header was sent twice")

	errUnread = errors.New("the client certificate cannot be read")
)

// brought is an access token as a request brings it.
type brought struct {
	access string
	dpop   bool // by the scheme DPoP
}

// bring takes the token from the one place where it does not end up in logs (RFC 6750 section 2.1, RFC 9449 section 7.1).
func (g *Guard) bring(r *http.Request) (brought, error) {
	lines := r.Header.Values("Authorization")
	if len(lines) > 1 {
		return brought{}, errTwice
	}
	scheme, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	b := brought{strings.TrimSpace(access), g.address != "" && strings.EqualFold(scheme, "DPoP")}
	if !b.dpop && !strings.EqualFold(scheme, "Bearer") {
		return b, errNone
	}
	return b, nil
}

// admit returns the token of a request that may pass.
func (g *Guard) admit(w http.ResponseWriter, r *http.Request, b brought, rule Rule) (Token, error) {
	var proof *dpop.Proof
	if b.dpop {
		var err error
		if proof, err = g.proof(w, r, b.access); err != nil {
			return Token{}, err
		}
	}
	return g.check(r.Context(), b.access, shown{proof, r}, rule)
}

// refusal is how an error is answered (RFC 6750 section 3.1, RFC 9470 section 3).
type refusal struct {
	err    error
	status int
	code   string
}

var refusals = []refusal{
	{errNone, http.StatusUnauthorized, ""}, // nothing was tried, so that nothing is wrong
	{errTwice, http.StatusBadRequest, "invalid_request"},
	{ErrToken, http.StatusUnauthorized, "invalid_token"},
	{ErrKey, http.StatusUnauthorized, "invalid_token"},
	{ErrCertificate, http.StatusUnauthorized, "invalid_token"},
	{errUnread, http.StatusBadRequest, "invalid_request"},
	{ErrScope, http.StatusForbidden, "insufficient_scope"},
	{ErrLevel, http.StatusUnauthorized, "insufficient_user_authentication"},
	{ErrAge, http.StatusUnauthorized, "insufficient_user_authentication"},
}

// refuse answers with a challenge, or 503 if it is not known what is wrong.
func (g *Guard) refuse(w http.ResponseWriter, b brought, rule Rule, err error) {
	w.Header().Set("Cache-Control", "no-store")
	var proof *dpop.Error
	if errors.As(err, &proof) {
		g.challenge(w, b, rule, refusal{errors.New(proof.Text), http.StatusUnauthorized, proof.Code})
		return
	}
	for _, known := range refusals {
		if errors.Is(err, known.err) {
			g.challenge(w, b, rule, known)
			return
		}
	}
	w.Header().Set("Retry-After", "5")
	http.Error(w, ErrUnavailable.Error(), http.StatusServiceUnavailable)
}

// challenge answers by the scheme that was used, and where no token is good by the other too.
func (g *Guard) challenge(w http.ResponseWriter, b brought, rule Rule, known refusal) {
	text := g.parameters(rule, known)
	if b.dpop {
		w.Header().Set("WWW-Authenticate", "DPoP "+strings.TrimPrefix(text+", "+g.algorithms(), ", "))
	} else {
		w.Header().Set("WWW-Authenticate", strings.TrimSpace("Bearer "+text))
		if g.address != "" && known.status == http.StatusUnauthorized {
			w.Header().Add("WWW-Authenticate", "DPoP "+g.algorithms())
		}
	}
	http.Error(w, known.err.Error(), known.status)
}

// parameters tell all that the rule wants of the sign-in, so that one step-up is enough, and where a client finds out how
// to get a token (RFC 9728 section 5.1).
func (g *Guard) parameters(rule Rule, known refusal) string {
	text := ""
	if known.code != "" {
		text = fmt.Sprintf("error=%s, error_description=%s", quoted(known.code), quoted(known.err.Error()))
	}
	switch known.err {
	case ErrScope:
		text += ", scope=" + quoted(strings.Join(rule.Scopes, " "))
	case ErrLevel, ErrAge:
		if len(rule.ACR) > 0 {
			text += ", acr_values=" + quoted(strings.Join(rule.ACR, " "))
		}
		if rule.MaxAge > 0 {
			text += ", max_age=" + quoted(strconv.FormatInt(int64(rule.MaxAge/time.Second), 10))
		}
	}
	return g.pointed(text, known, rule)
}

// pointed adds where the API's metadata are and, for a client that has no token yet, what to ask for.
func (g *Guard) pointed(text string, known refusal, rule Rule) string {
	if g.about == nil {
		return text
	}
	if text != "" {
		text += ", "
	}
	text += "resource_metadata=" + quoted(g.aboutURL)
	if known.err == errNone && len(rule.Scopes) > 0 {
		text += ", scope=" + quoted(strings.Join(rule.Scopes, " "))
	}
	return text
}

// quoted is a quoted-string (RFC 9110 section 5.6.4).
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

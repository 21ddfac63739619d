package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ory/fosite"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/clientauth"
	"vestibule/provider/dpop"
	"vestibule/provider/spelling"
)

// DPoP is what proofs of clients must be like (RFC 9449).
type DPoP struct {
	Algorithms []string // that they may be signed with, some of dpop.Algorithms; nil: all
	NeedNonce  bool     // they must have a nonce of ours, which a client learns by a refusal; false: they may
}

func (p *Provider) newProofs(c Config) (*dpop.Checker, error) {
	nonces, err := dpop.NewNonces(c.Secrets...)
	return &dpop.Checker{Algorithms: c.DPoP.Algorithms, Nonces: nonces, NeedNonce: c.DPoP.NeedNonce, Once: c.Store, Now: p.now}, err
}

// within reports whether the list has nothing but some of all.
func within(list, all []string) bool {
	return !slices.ContainsFunc(list, func(one string) bool { return !slices.Contains(all, one) })
}

// confirmation is what a code or token is bound to (RFC 7800 section 3.1): a key (RFC 9449 section 6.1) or a certificate
// (RFC 8705 section 3.1). The zero value: to nothing, whoever has it can use it.
type confirmation struct {
	Key         string `json:"jkt,omitempty"`      // its thumbprint
	Certificate string `json:"x5t#S256,omitempty"` // likewise
}

// text tells it from any other; empty: of nothing.
func (c confirmation) text() string {
	if c.Certificate != "" {
		return "x5t#S256 " + c.Certificate
	}
	return c.Key
}

// tokenType is that of an access token (RFC 6749 section 7.1).
func (c confirmation) tokenType() string {
	if c.Key == "" {
		return "Bearer"
	}
	return "DPoP"
}

// isThumbprint reports whether the text is what a SHA-256 thumbprint looks like (RFC 7638).
func isThumbprint(text string) bool { return spelling.IsOpaque(text, 32) }

// proof returns the proof that a request to the endpoint brings, or nil if it brings none, and puts the nonce for the next
// one into the answer. The address is ours as clients know it, whatever a proxy has made of it. An error is a *dpop.Error.
func (p *Provider) proof(w http.ResponseWriter, r *http.Request, endpoint string) (*dpop.Proof, error) {
	addresses := p.addresses(endpoint)
	proof, err := p.proofs.Check(r, addresses[0], addresses[1:]...)
	p.proofs.Nonce(w.Header(), err)
	return proof, err
}

// proofFault makes an error of the token endpoint of a proof that is refused, and leaves any other error alone.
func proofFault(err error) error {
	var refusal *dpop.Error
	if errors.As(err, &refusal) {
		return &fosite.RFC6749Error{ErrorField: refusal.Code, DescriptionField: refusal.Text, CodeField: http.StatusBadRequest}
	}
	return err
}

// key is the thumbprint of the key that the request has proved, or empty.
func (u *unit) key() string {
	if u.proof == nil {
		return ""
	}
	return u.proof.Thumbprint
}

var (
	errKey         = fosite.ErrInvalidGrant.WithHint("The code or refresh token is bound to a key: send a DPoP proof by that key.")
	errCertificate = fosite.ErrInvalidGrant.WithHint("The refresh token is bound to a certificate: show that.")
	errBoth        = fosite.ErrInvalidRequest.WithHint("The client binds its tokens to certificates: leave out the DPoP proof.")
	errNoShown     = fosite.ErrInvalidRequest.WithHint("The client binds its tokens to certificates, and the request comes without one" + clientauth.WhereToShow)
)

// bind decides what the tokens of the request are bound to: what the client registers, and what its refresh token is. It
// returns what is missing for that.
func (u *unit) bind(c client.Client) error {
	u.bound = confirmation{}
	switch certificate := c.CertificateBound || u.grant != nil && u.grant.Bound.Certificate != ""; {
	case certificate && u.proof != nil:
		return errBoth
	case certificate && u.certificate == "":
		return errNoShown
	case certificate:
		u.bound = confirmation{Certificate: u.certificate}
	case c.BoundTokens && u.proof == nil:
		return proofFault(dpop.ErrMissing)
	case u.proof != nil:
		u.bound = confirmation{Key: u.proof.Thumbprint}
	}
	return nil
}

// checkKey refuses a code or refresh token that is bound to something else than the request has proved, and a request that
// does not prove what the client must. fosite is told that there is no such code or token, so that it does not take it for
// used twice: whoever cannot use it must not end the family.
func (u *unit) checkKey(c client.Client) error {
	missing := u.bind(c)
	switch bound := u.grant.Bound; {
	case missing == errBoth:
		u.refusal = missing
	case bound.Key != "" && bound.Key != u.key():
		u.refusal = errKey
	case bound.Certificate != "" && bound.Certificate != u.certificate:
		u.refusal = errCertificate
	case missing != nil:
		u.refusal = missing
	default:
		return nil
	}
	return fosite.ErrNotFound
}

// refuseKey returns why the code or refresh token is refused, and records that it was.
func (p *Provider) refuseKey(ctx context.Context, u *unit) error {
	if u.refusal != errKey && u.refusal != errCertificate {
		return u.refusal
	}
	var signature string
	if u.refresh != nil {
		signature = u.refresh.Signature
	} else {
		signature = u.code.Signature
	}
	if err := p.reportKey(ctx, u.event(audit.EventTokenKeyRefused), signature); err != nil {
		return err
	}
	return u.refusal
}

// reportEvery is how often it is recorded that one code or token came without a proof of its key, or one client with the
// certificate of somebody else: whoever does that can try as often as they like.
const reportEvery = time.Hour

// reportKey records that what is known by that signature came without a proof of its key: perhaps it was stolen.
func (p *Provider) reportKey(ctx context.Context, e audit.Event, signature string) error {
	err := p.store.Atomic(ctx, func(ctx context.Context) error {
		if err := p.store.UseProof(ctx, "refused "+signature, p.now().Add(reportEvery)); err != nil {
			return err
		}
		return p.audit.Record(ctx, e)
	})
	if err != nil && !errors.Is(err, dpop.ErrReplayed) {
		return fmt.Errorf("record a refused key: %w", err)
	}
	return nil
}

// bindCode has the code that comes of a pushed request be for the key that its proof is of (RFC 9449 section 10.1). The proof
// gives nothing: it is not used up.
func bindCode(form url.Values, proof *dpop.Proof) error {
	switch named := form.Get("dpop_jkt"); {
	case proof == nil:
	case named != "" && named != proof.Thumbprint:
		return fosite.ErrInvalidRequest.WithHint("dpop_jkt is not the thumbprint of the key of the DPoP proof.")
	default:
		form.Set("dpop_jkt", proof.Thumbprint)
	}
	return nil
}

// useProof commits what write does, and that the proof of the request, if it has one, is used: dpop.ErrReplayed, and nothing
// of the commit, if it was before. So only whoever can use a code or token writes anything, and no commit is added.
func (p *Provider) useProof(ctx context.Context, u *unit, write func(context.Context) error) error {
	if u.proof == nil {
		return write(ctx)
	}
	return p.store.Atomic(ctx, func(ctx context.Context) error {
		if err := p.proofs.Use(ctx, u.proof); err != nil {
			return err
		}
		return write(ctx)
	})
}

package provider

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"

	"github.com/ory/fosite"

	"vestibule/provider/audit"
	"vestibule/provider/certificate"
	"vestibule/provider/client"
	"vestibule/provider/keyset"
	"vestibule/provider/spelling"
)

// MutualTLS is how clients show certificates (RFC 8705). The zero value: they show none.
type MutualTLS struct {
	On        bool                   // certificate.Of finds those that they show
	Authority *certificate.Authority // vouches for clients; nil: none authenticates by tls_client_auth
	Origin    string                 // an address beside the issuer's, without a path, where they are asked for certificates; empty: the issuer's does
}

// addresses are those by which clients know an endpoint.
func (p *Provider) addresses(endpoint string) []string {
	all := []string{p.issuer + endpoint}
	if p.mutualTLS.Origin != "" {
		all = append(all, p.mutualTLS.Origin+p.path+endpoint)
	}
	return all
}

// authMethods are those of client.AuthMethods that clients can use here.
func (p *Provider) authMethods() []string {
	return slices.DeleteFunc(slices.Clone(client.AuthMethods), func(method string) bool {
		return method == client.AuthSelfSignedTLS && !p.mutualTLS.On ||
			method == client.AuthTLS && (!p.mutualTLS.On || p.mutualTLS.Authority == nil)
	})
}

// mutualTLSMetadata is what the metadata say of it (RFC 8705 sections 3.3 and 5).
func (p *Provider) mutualTLSMetadata() map[string]any {
	said := map[string]any{}
	if p.mutualTLS.On {
		said["tls_client_certificate_bound_access_tokens"] = true
	}
	if p.mutualTLS.On && p.mutualTLS.Origin != "" {
		aliases := map[string]string{}
		for name, path := range map[string]string{
			"token_endpoint": "/token", "revocation_endpoint": "/revoke", "introspection_endpoint": "/introspect", "userinfo_endpoint": "/userinfo",
			"pushed_authorization_request_endpoint": "/par", "device_authorization_endpoint": "/device_authorization",
		} {
			aliases[name] = p.mutualTLS.Origin + p.path + path
		}
		said["mtls_endpoint_aliases"] = aliases
	}
	return said
}

// shown returns the certificates that the client has shown, its own first; nil: it has shown none. One that cannot be read is
// never taken for none: then a proxy does not do what the settings say, and any visitor may have written it.
func (p *Provider) shown(r *http.Request) ([]*x509.Certificate, error) {
	if !p.mutualTLS.On {
		return nil, nil
	}
	chain, err := certificate.Of(r)
	if err != nil {
		p.unreadable.Do(func() {
			p.log.WarnContext(r.Context(), "a client certificate cannot be read: no such request is answered", "reason", err.Error())
		})
		return nil, fosite.ErrInvalidRequest.WithHintf("The client certificate cannot be read: %v.", err)
	}
	return chain, nil
}

// thumbprint is that of the client's own certificate; empty: it has shown none.
func thumbprint(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return ""
	}
	return certificate.Thumbprint(chain[0])
}

// whereToShow ends a sentence about a certificate that is missing.
const whereToShow = ": show it in TLS, at the mtls_endpoint_aliases of the metadata if there are any."

// authenticateByCertificate checks that the client has shown a certificate of its own (RFC 8705 section 2). Its key was proved
// in TLS.
func (p *Provider) authenticateByCertificate(ctx context.Context, r *http.Request, c client.Client, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return fosite.ErrInvalidClient.WithHint("The client is registered to authenticate by a certificate, and the request comes without one" + whereToShow)
	}
	err := p.checkCertificate(ctx, c, chain)
	if err == nil {
		return nil
	}
	reason, words := certificateFault(err)
	switch {
	case words == nil:
		return storeFault{err}
	case reason != "":
		e := audit.Event{Kind: audit.EventCertificateRefused, Outcome: audit.OutcomeFailed, Client: c.ID, Address: spelling.HostOf(r.RemoteAddr),
			Detail: map[string]string{"method": c.AuthMethod(), "reason": reason, "certificate": thumbprint(chain)}}
		if err := p.reportKey(ctx, e, "certificate of "+c.ID); err != nil {
			return storeFault{err}
		}
	}
	return fosite.ErrInvalidClient.WithHintf("The client certificate is not accepted: %v.", words)
}

// certificateFault returns what a client hears of an error of checkCertificate, and the reason that the audit log gets; no
// reason: nothing was compared; no words: the fault is ours.
func certificateFault(err error) (reason string, words error) {
	switch {
	case errors.Is(err, certificate.ErrExpired):
		return "expired", err
	case errors.Is(err, certificate.ErrUsage):
		return "usage", err
	case errors.Is(err, certificate.ErrAuthority):
		return "authority", err
	case errors.Is(err, certificate.ErrSubject):
		return "subject", err
	case errors.Is(err, keyset.ErrKey):
		return "key", errors.New("it is not among the keys that the client has registered")
	case errors.Is(err, keyset.ErrUnavailable):
		return "", errors.New("the keys at the jwks_uri of the client cannot be fetched")
	}
	return "", nil
}

// checkCertificate checks it by the method that the client is registered for: who vouches for it and what it says, or its key.
func (p *Provider) checkCertificate(ctx context.Context, c client.Client, chain []*x509.Certificate) error {
	if c.AuthenticatesBy(client.AuthTLS) {
		return p.mutualTLS.Authority.Verify(chain, c.CertificateSubject(), p.now())
	}
	if err := certificate.CheckTime(chain[0], p.now()); err != nil {
		return err
	}
	return p.documentsOf(c).keys.HasCertificate(ctx, keysOf(c), chain[0])
}

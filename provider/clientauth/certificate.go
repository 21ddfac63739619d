package clientauth

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"

	"vestibule/provider/audit"
	"vestibule/provider/certificate"
	"vestibule/provider/client"
	"vestibule/provider/keyset"
	"vestibule/provider/spelling"
)

// Shown returns the certificates that the client has shown, its own first; nil: it has shown none. One that cannot be read is
// never taken for none: then a proxy does not do what the settings say, and any visitor may have written it. An error is an *Error.
func (a *Authenticator) Shown(r *http.Request) ([]*x509.Certificate, error) {
	if a.Certificates == nil {
		return nil, nil
	}
	chain, err := a.Certificates(r)
	if err != nil {
		a.unreadable.Do(func() {
			a.Log.WarnContext(r.Context(), "a client certificate cannot be read: no such request is answered", "reason", err.Error())
		})
		return nil, invalidRequest("The client certificate cannot be read: %v.", err)
	}
	return chain, nil
}

// WhereToShow ends a sentence about a certificate that is missing.
const WhereToShow = ": show it in TLS, at the mtls_endpoint_aliases of the metadata if there are any."

// byCertificate checks that the client has shown a certificate of its own (RFC 8705 section 2). Its key was proved
// in TLS.
func (a *Authenticator) byCertificate(ctx context.Context, r *http.Request, c client.Client, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return invalidClient("The client is registered to authenticate by a certificate, and the request comes without one%s", WhereToShow)
	}
	err := a.checkCertificate(ctx, c, chain)
	if err == nil {
		return nil
	}
	reason, words := certificateFault(err)
	switch {
	case words == nil:
		return err
	case reason != "":
		e := audit.Event{Kind: audit.EventCertificateRefused, Outcome: audit.OutcomeFailed, Client: c.ID, Address: spelling.HostOf(r.RemoteAddr),
			Detail: map[string]string{"method": c.AuthMethod(), "reason": reason, "certificate": certificate.Thumbprint(chain[0])}}
		if err := a.Report(ctx, e, "certificate of "+c.ID); err != nil {
			return err
		}
	}
	return invalidClient("The client certificate is not accepted: %v.", words)
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
		return "", keyset.Explain(err)
	}
	return "", nil
}

// checkCertificate checks it by the method that the client is registered for: who vouches for it and what it says, or its key.
func (a *Authenticator) checkCertificate(ctx context.Context, c client.Client, chain []*x509.Certificate) error {
	if c.AuthenticatesBy(client.AuthTLS) {
		return a.Authority.Verify(chain, c.CertificateSubject(), a.Now())
	}
	if err := certificate.CheckTime(chain[0], a.Now()); err != nil {
		return err
	}
	return a.Keys(c).HasCertificate(ctx, c.KeySource(), chain[0])
}

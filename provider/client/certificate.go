package client

import (
	"errors"

	"vestibule/provider/certificate"
)

// ShowsCertificate reports whether the client authenticates by a certificate.
func (c Client) ShowsCertificate() bool {
	return c.AuthenticatesBy(AuthTLS) || c.AuthenticatesBy(AuthSelfSignedTLS)
}

// CertificateSubject is what its certificate must say, if it authenticates by AuthTLS.
func (c Client) CertificateSubject() certificate.Subject {
	return certificate.Subject{DN: c.TLSSubjectDN, DNS: c.TLSDNS, URI: c.TLSURI, IP: c.TLSIP, Email: c.TLSEmail}
}

// checkCertificate says what is wrong with what a client registers of its certificate.
func checkCertificate(c Client) error {
	hasKeys := len(c.JWKS) > 0 || c.JWKSURI != ""
	var faults faults
	faults.when(c.AuthenticatesBy(AuthSelfSignedTLS) && !hasKeys, "a client that authenticates by self_signed_tls_client_auth needs its certificate, or the key of that, among its public keys: jwks, or jwks_uri")
	faults.when(!c.AuthenticatesBy(AuthTLS) && c.CertificateSubject() != certificate.Subject{}, "what stands in a certificate is for clients that authenticate by tls_client_auth")
	faults.when(c.BoundTokens && c.CertificateBound, "tokens are bound to keys, by DPoP, or to certificates, and not to both")
	if c.AuthenticatesBy(AuthTLS) {
		faults.add("", c.CertificateSubject().Check())
	}
	return errors.Join(faults.found...)
}

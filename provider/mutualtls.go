package provider

import (
	"slices"

	"vestibule/provider/certificate"
	"vestibule/provider/client"
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

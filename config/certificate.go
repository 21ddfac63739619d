package config

import (
	"net/url"
	"slices"
	"strings"
)

// certificateRules leave the other settings of client certificates alone while client_certificate_format is empty.
func certificateRules(c Config) []rule {
	format := c.ClientCertificateFormat
	const alone = "is set without client_certificate_format"
	passed := format != "" && format != "connection"
	return []rule{
		{"client_certificate_format", format != "" && !slices.Contains([]string{"pem", "base64", "xfcc", "rfc9440", "connection"}, format), "should be pem, base64, xfcc, rfc9440 or connection"},
		{"client_certificate_format", passed && len(c.TrustedProxies) == 0, "names a header, which nobody would be believed to send; name your proxies in trusted_proxies"},
		{"client_certificate_header", format == "" && c.ClientCertificateHeader != "", alone},
		{"client_certificate_header", format == "connection" && c.ClientCertificateHeader != "", "is set, but with the format connection no header counts; leave it out"},
		{"client_certificate_header", (format == "pem" || format == "base64") && c.ClientCertificateHeader == "", "is missing; name the header that your proxy puts certificates into, such as X-Client-Cert"},
		{"client_certificate_header", c.ClientCertificateHeader != "" && !headerName(c.ClientCertificateHeader), "is not the name of a header, of letters, digits and hyphens"},
		{"client_certificate_ca_file", format == "" && c.ClientCertificateCAFile != "", alone},
		{"client_certificate_ca_file", c.ClientCertificateCAFile != "" && !certificates(c.ClientCertificateCAFile), "is not the path of a readable file of certificates in PEM"},
		{"mtls_origin", format == "" && c.MTLSOrigin != "", alone},
		{"mtls_origin", c.MTLSOrigin != "" && !isOrigin(c.MTLSOrigin), "is not an https address without a path; write it like https://mtls.id.example.com"},
		{"mtls_origin", c.MTLSOrigin != "" && (c.Issuer == c.MTLSOrigin || strings.HasPrefix(c.Issuer, c.MTLSOrigin+"/")), "is the address of the issuer; leave it out, for clients find that by itself"},
	}
}

// headerName reports whether the text names a header that all proxies pass on: some drop those with underscores.
func headerName(text string) bool {
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isOrigin takes what issuerRules take, without a path.
func isOrigin(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && address == u.Scheme+"://"+u.Host && u.Host == strings.ToLower(u.Host) &&
		(u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
}

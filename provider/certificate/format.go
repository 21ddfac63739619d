package certificate

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"vestibule/provider/spelling"
)

// Formats of headers.
const (
	PEM        = "pem"        // one certificate in PEM, percent-encoded, or with spaces for the ends of its lines
	Base64     = "base64"     // certificates in DER, each in base64, with commas between
	XFCC       = "xfcc"       // Envoy's x-forwarded-client-cert
	RFC9440    = "rfc9440"    // a byte sequence of RFC 8941, as RFC 9440 has it
	Connection = "connection" // none: the program ends TLS itself
)

// Formats are all of them.
var Formats = []string{PEM, Base64, XFCC, RFC9440, Connection}

// formats are how each is read, and in which header it usually comes. A value that says that there is no certificate gives
// none.
var formats = map[string]struct {
	header string // empty: there is no usual one
	parse  func(string) ([]*x509.Certificate, error)
}{
	PEM:     {"", parsePEM},
	Base64:  {"", parseBase64},
	XFCC:    {"X-Forwarded-Client-Cert", parseXFCC},
	RFC9440: {"Client-Cert", parseRFC9440},
}

const (
	maxValue = 64 << 10 // bytes of a header, more than any server takes by itself
	maxChain = 10
)

var (
	errLong   = fmt.Errorf("it is longer than %d bytes", maxValue)
	errMany   = fmt.Errorf("it has more than %d certificates", maxChain)
	errBase64 = errors.New("it is not base64")
	errChain  = errors.New("its certificates are no chain, the client's own first and then who has issued the one before: has a client written a part of it?")
	errParse  = errors.New("it holds no X.509 certificate")
)

// errPEM tells the form that Read takes from the many that there are.
var errPEM = errors.New("it is not exactly one certificate between BEGIN CERTIFICATE and END CERTIFICATE")

// none reports whether proxies mean by the value that the client has shown nothing: Apache writes the last two.
func none(value string) bool { return value == "" || value == "(null)" || value == "-" }

func parsePEM(value string) ([]*x509.Certificate, error) {
	if none(value) {
		return nil, nil
	}
	all, err := decodePEM(value)
	if err == nil && len(all) != 1 {
		err = errPEM
	}
	return all, err
}

const begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"

// decodePEM reads certificates and nothing beside them. A plus sign is one, and no space: PEM has many.
func decodePEM(value string) ([]*x509.Certificate, error) {
	value, err := percentDecoded(value)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for rest := strings.TrimSpace(value); rest != ""; {
		body, ok := strings.CutPrefix(rest, begin)
		body, after, closed := strings.Cut(body, end)
		switch {
		case !ok || !closed:
			return nil, errPEM
		case len(all) == maxChain:
			return nil, errMany
		}
		one, err := decodeDER(strings.Join(strings.Fields(body), ""))
		if err != nil {
			return nil, err
		}
		all, rest = append(all, one), strings.TrimSpace(after)
	}
	return all, nil
}

// parseBase64 reads what Traefik, HAProxy and Caddy send; older ones of Traefik percent-encode it.
func parseBase64(value string) ([]*x509.Certificate, error) {
	if none(value) {
		return nil, nil
	}
	value, err := percentDecoded(value)
	if err != nil {
		return nil, err
	}
	parts := strings.Split(value, ",")
	if len(parts) > maxChain {
		return nil, errMany
	}
	all, err := decodeAll(parts)
	if err == nil && !isChain(all) {
		err = errChain
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// isChain reports whether each certificate was issued by the one behind it. Nobody else can make one that has issued another's:
// what a client has written itself is found out where a proxy has put its own value behind that.
func isChain(all []*x509.Certificate) bool {
	for i := 1; i < len(all); i++ {
		if all[i-1].CheckSignatureFrom(all[i]) != nil {
			return false
		}
	}
	return true
}

// percentDecoded is a value as it was before a proxy percent-encoded it, if one has.
func percentDecoded(value string) (string, error) {
	switch {
	case len(value) > maxValue:
		return "", errLong
	case !strings.Contains(value, "%"):
		return value, nil
	}
	decoded, err := url.PathUnescape(value)
	if err != nil {
		return "", errors.New("its percent-encoding is wrong")
	}
	return decoded, nil
}

func decodeAll(parts []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, part := range parts {
		one, err := decodeDER(part)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func decodeDER(text string) (*x509.Certificate, error) {
	der, err := spelling.DecodeBase64(base64.StdEncoding, text)
	if err != nil {
		return nil, errBase64
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errParse
	}
	return c, nil
}

// parseRFC9440 reads one byte sequence (RFC 8941 section 3.3.5).
func parseRFC9440(value string) ([]*x509.Certificate, error) {
	if value == "" {
		return nil, nil
	}
	all, err := parseByteSequences([]string{value})
	if err == nil && len(all) != 1 {
		err = errors.New("it is not exactly one certificate")
	}
	return all, err
}

// parseByteSequences reads a list of byte sequences, over as many lines as it may be (RFC 8941 section 3.1).
func parseByteSequences(lines []string) ([]*x509.Certificate, error) {
	list := strings.Join(lines, ",")
	if len(list) > maxValue {
		return nil, errLong
	}
	parts := strings.Split(list, ",")
	if len(parts) > maxChain {
		return nil, errMany
	}
	for i, part := range parts {
		part = strings.Trim(part, " \t")
		if len(part) < 2 || part[0] != ':' || part[len(part)-1] != ':' {
			return nil, errors.New("it is not a byte sequence between colons")
		}
		parts[i] = part[1 : len(part)-1]
	}
	return decodeAll(parts)
}

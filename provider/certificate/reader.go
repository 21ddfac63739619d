package certificate

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"sync"
)

// Reader finds the certificate that a client has shown. The zero value takes that of the connection.
type Reader struct {
	Format  string         // one of Formats: how proxies that end TLS pass it on; empty, or Connection: none does
	Header  string         // in which they do; empty: the usual one of the format
	Proxies []netip.Prefix // those that are believed; the header counts for nothing if anybody else sends it
}

// Read returns the certificate that the client has shown, and those behind it that vouch for it; nil: it has shown none. The
// header must be there once, and be what the format says: any other is an error, which says what is wrong in words for
// operators and quotes nothing of it. A proxy's own certificate is not the client's.
func (c Reader) Read(r *http.Request) ([]*x509.Certificate, error) {
	if c.Format == "" || c.Format == Connection {
		return ofConnection(r), nil
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !c.believes(peer.Addr().Unmap().WithZone("")) {
		return ofConnection(r), nil
	}
	header := c.header()
	lines := r.Header.Values(header)
	switch {
	case len(lines) > 1:
		return nil, errors.New("the header " + header + " was sent twice: the proxy must overwrite what its visitors send")
	case len(lines) == 0:
		return nil, nil
	}
	chain, err := formats[c.Format].parse(lines[0])
	if err != nil {
		return nil, errors.New("the header " + header + " is not in the format " + c.Format + ": " + err.Error())
	}
	return c.withChain(r, chain)
}

// withChain adds what RFC 9440 section 2.3 has in a header of its own.
func (c Reader) withChain(r *http.Request, chain []*x509.Certificate) ([]*x509.Certificate, error) {
	const header = "Client-Cert-Chain"
	lines := r.Header.Values(header)
	if c.Format != RFC9440 || len(chain) == 0 || len(lines) == 0 {
		return chain, nil
	}
	rest, err := parseByteSequences(lines)
	if err != nil {
		return nil, errors.New("the header " + header + " is not in the format " + c.Format + ": " + err.Error())
	}
	if len(chain)+len(rest) > maxChain {
		return nil, errMany
	}
	return append(chain, rest...), nil
}

func (c Reader) header() string {
	if c.Header != "" {
		return c.Header
	}
	return formats[c.Format].header
}

func (c Reader) believes(peer netip.Addr) bool {
	return slices.ContainsFunc(c.Proxies, func(network netip.Prefix) bool { return network.Contains(peer) })
}

// ofConnection are those of a connection whose TLS ends here: the handshake has proved that the client has the key.
func ofConnection(r *http.Request) []*x509.Certificate {
	if r.TLS == nil {
		return nil
	}
	return r.TLS.PeerCertificates
}

type shownKey struct{}

// Handler has Of find what Read returns for the request as it comes here, where its peer is still the proxy, whatever is made
// of it on the way to next. Nothing is read before somebody asks.
func (c Reader) Handler(next http.Handler) http.Handler {
	if c.Format == "" || c.Format == Connection { // of which there is one, and Of finds it
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came := *r
		read := sync.OnceValues(func() ([]*x509.Certificate, error) { return c.Read(&came) })
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), shownKey{}, read)))
	})
}

// Of returns what the Reader has read whose Handler the request came through, and without one the certificates of the
// connection.
func Of(r *http.Request) ([]*x509.Certificate, error) {
	if read, ok := r.Context().Value(shownKey{}).(func() ([]*x509.Certificate, error)); ok {
		return read()
	}
	return ofConnection(r), nil
}

// Thumbprint is the x5t#S256 of the certificate (RFC 8705 section 3.1).
func Thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

package webauthn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// ErrIssuer reports an issuer for whose pages browsers have no keys.
var ErrIssuer = errors.New("browsers use no passkeys or security keys there")

// relyingParty returns the RP ID and the origin of an issuer's pages (WebAuthn section 5.1.3 step 7). Keys belong to the
// RP ID for ever: a key that was made for one host does not answer for another.
func relyingParty(issuer string) (id, origin string, err error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return "", "", fmt.Errorf("%w: the issuer %q is no address of a page", ErrIssuer, issuer)
	}
	host := strings.ToLower(u.Hostname())
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{isAddress(host), "it should have a name in place of an IP address"},
		{!isName(host), "its host is not a domain name in ASCII letters, digits and hyphens"},
		{u.Scheme != "https" && (u.Scheme != "http" || !isLocal(host)), "it should begin with https, or be on localhost"},
	} {
		if rule.broken {
			return "", "", fmt.Errorf("%w: issuer %s: %s", ErrIssuer, issuer, rule.text)
		}
	}
	return host, u.Scheme + "://" + host + port(u), nil
}

// isAddress reports whether a browser takes the host for an IP address: that is whatever ends in a number, such as 127.1.
func isAddress(host string) bool {
	if net.ParseIP(host) != nil || strings.Contains(host, ":") {
		return true
	}
	last := host[strings.LastIndex(host, ".")+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || last != "" && strings.Trim(last, "0123456789") == ""
}

// isName reports whether the host is a domain name as browsers write it.
func isName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		strange := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != ""
		if label == "" || len(label) > 63 || strange {
			return false
		}
	}
	return len(host) <= 253
}

// isLocal reports whether a browser takes the host for this machine, so that plain http is as safe.
func isLocal(host string) bool { return host == "localhost" || strings.HasSuffix(host, ".localhost") }

// port is that of an origin, which leaves the usual one out (RFC 6454 section 6.2).
func port(u *url.URL) string {
	p := u.Port()
	if p == "" || u.Scheme == "https" && p == "443" || u.Scheme == "http" && p == "80" {
		return ""
	}
	return ":" + p
}

package client

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"vestibule/provider/spelling"
)

// checkRedirectURI allows https, http on a loopback address, and for a public client a private scheme (RFC 8252 sections 7.1
// to 7.3), with a dot in it or without as vscode has it. What a request sends is compared with it byte for byte, and browsers change
// what is not in its normal form (RFC 3986 section 6.2.2): one that no request can have, or that leads elsewhere than
// it says, is refused here.
func checkRedirectURI(raw string, public bool) error {
	u, err := url.Parse(raw)
	switch {
	case strings.Contains(raw, "*"):
		return errors.New("must not have a wildcard: addresses are compared byte for byte; register each one")
	case err != nil:
		return errors.New("not a URI")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return errors.New("must not have a fragment")
	case u.User != nil:
		return errors.New("must not have a user name")
	case answers(u.Query()):
		return errors.New("must not have a parameter that the answer has: code, state, iss, error")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("\\\"<>^`{|}", r) }):
		return errors.New("must be ASCII without spaces, backslashes or any of \"<>^`{|}; encode other characters with %")
	}
	if err := checkScheme(u, public); err != nil {
		return err
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		if err := checkHost(u); err != nil {
			return err
		}
	}
	return checkNormal(raw, u)
}

func checkScheme(u *url.URL, public bool) error {
	switch {
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && IsLoopback(strings.ToLower(u.Hostname())):
		return nil
	case u.Scheme == "http":
		return errors.New("must be https; http is for loopback addresses only")
	case u.Scheme == "https" || u.Scheme == "":
		return errors.New("must be https, http on a loopback address, or the private scheme of an app such as com.example.app")
	case isBrowsers(u.Scheme):
		return fmt.Errorf("%s: is what a browser would run or open itself; no app has it for its own", u.Scheme)
	case !public:
		return errors.New("a private scheme is for public clients only")
	}
	return nil
}

// browserSchemes are what browsers run, show or hand to a program of another purpose.
var browserSchemes = []string{
	"about", "android-app", "blob", "chrome", "content", "data", "devtools", "edge", "feed", "file", "filesystem", "ftp", "intent", "jar",
	"javascript", "livescript", "mailto", "mhtml", "mocha", "moz-extension", "ms-its", "resource", "sftp", "shell", "sms", "ssh", "tel", "telnet",
	"urn", "vbscript", "view-source", "wais", "ws", "wss", "wyciwyg",
}

// isBrowsers reports whether a scheme is one of browserSchemes or begins with one: what stands behind a dot or a plus has
// been cut off by programs before.
func isBrowsers(scheme string) bool {
	first, _, _ := strings.Cut(scheme, ".")
	first, _, _ = strings.Cut(first, "+")
	return slices.Contains(browserSchemes, scheme) || slices.Contains(browserSchemes, first)
}

// hostForm is a host name, which may have an underscore and end in a dot as some do.
var hostForm = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.?$`)

// checkHost wants the host and the port as browsers write them.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	numeric := strings.Trim(labels[len(labels)-1], "0123456789") == "" || strings.HasPrefix(labels[len(labels)-1], "0x")
	switch {
	case host != strings.ToLower(host):
		return fmt.Errorf("write the host in lower case: %s", strings.ToLower(host))
	case err == nil && ip.WithZone("").Unmap().String() != host:
		return fmt.Errorf("write the address as %s", ip.WithZone("").Unmap())
	case err != nil && numeric:
		return fmt.Errorf("%s is no address; write four numbers from 0 to 255 with dots between", host)
	case err != nil && (!hostForm.MatchString(host) || len(host) > 253 || !isASCIIForm(host)):
		return fmt.Errorf("%s is no host name; write one of other scripts in its ASCII form (xn--)", host)
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("leave the colon out, or write a port behind it")
	}
	return checkPort(u)
}

// isASCIIForm reports whether a host name stands for one that there can be: not each xn-- does.
func isASCIIForm(host string) bool {
	ascii, err := idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false)).ToASCII(host)
	return err == nil && ascii == host
}

// checkPort wants a port from 1 to 65535 that is not the usual one of the scheme, which browsers leave out.
func checkPort(u *url.URL) error {
	port := u.Port()
	if port == "" {
		return nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || n == 0:
		return fmt.Errorf("the port %s is not from 1 to 65535", port)
	case strconv.FormatUint(n, 10) != port:
		return fmt.Errorf("write the port as %d", n)
	case u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80:
		return fmt.Errorf("leave out the port %d, which is the usual one of %s", n, u.Scheme)
	}
	return nil
}

// checkNormal wants the normal form of what stands behind the host. An empty path may stay: the parameter redirect_uri
// is compared as a text, and its client writes it.
func checkNormal(raw string, u *url.URL) error {
	scheme, _, _ := strings.Cut(raw, ":")
	if scheme != u.Scheme {
		return fmt.Errorf("write the scheme in lower case: %s", u.Scheme)
	}
	for i := range len(raw) {
		if raw[i] != '%' {
			continue
		}
		code, err := hex.DecodeString(raw[i+1 : min(i+3, len(raw))])
		switch {
		case err != nil || len(code) != 1:
			return errors.New("a % of its own is written as %25; behind any other stand two hex digits")
		case spelling.IsPlain(string(code)):
			return fmt.Errorf("write %s instead of %s", code, raw[i:i+3])
		}
	}
	if _, err := url.ParseQuery(u.RawQuery); err != nil {
		return errors.New("the query must be name=value, with & between several")
	}
	if strings.Contains(u.RawQuery, "'") {
		return errors.New("write %27 instead of ' in the query")
	}
	for segment := range strings.SplitSeq(u.EscapedPath()+"/"+u.Opaque, "/") {
		if segment == "." || segment == ".." {
			return errors.New("the segments . and .. must not be in the path")
		}
	}
	return nil
}

func answers(query url.Values) bool {
	return slices.ContainsFunc([]string{"code", "state", "iss", "error"}, query.Has)
}

// IsLoopback reports whether host is localhost or a loopback IP address.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Allows reports whether raw is one of the client's redirect URIs: the same string, or the same but for
// the port where both are http on the same loopback IP address or, for a public client, on localhost: a native app takes the
// port that is free (RFC 8252 section 7.3). fosite compares decoded paths and overlooks a user name, which is too kind.
func (c Client) Allows(raw string) bool { return c.isAmong(c.RedirectURIs, raw) }

// AllowsAfterLogout is Allows for the addresses after a sign-out (RP-Initiated Logout 1.0 section 3).
func (c Client) AllowsAfterLogout(raw string) bool { return c.isAmong(c.PostLogoutRedirectURIs, raw) }

func (c Client) isAmong(uris []string, raw string) bool {
	if slices.Contains(uris, raw) {
		return true
	}
	asked, err := url.Parse(raw)
	if err != nil || asked.Scheme != "http" || !c.anyPort(asked.Hostname()) || checkPort(asked) != nil {
		return false
	}
	return slices.ContainsFunc(uris, func(registered string) bool {
		u, err := url.Parse(registered)
		return err == nil && u.Scheme == "http" && u.Hostname() == asked.Hostname() && dropPort(registered, u) == dropPort(raw, asked)
	})
}

// anyPort reports whether the port of that host may be another than the one that is registered.
func (c Client) anyPort(host string) bool {
	return IsLoopback(host) && (c.Public || host != "localhost")
}

// dropPort returns the URI as it was written but for its port.
func dropPort(raw string, u *url.URL) string {
	if u.Port() == "" {
		return raw
	}
	return strings.Replace(raw, u.Host, strings.TrimSuffix(u.Host, ":"+u.Port()), 1)
}

package dpop

import (
	"errors"
	"net/url"
	"strings"
)

var errAddress = errors.New("no address of a web server")

// normal is an address without its query and fragment, in the one form that it has by RFC 3986 sections 6.2.2 and 6.2.3.
func normal(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return "", errAddress
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	usual, ok := map[string]string{"https": "443", "http": "80"}[scheme]
	if !ok || host == "" {
		return "", errAddress
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != usual {
		host += ":" + port
	}
	return scheme + "://" + host + normalPath(u), nil
}

// normalPath is the path without dot segments, and with each character in its one spelling.
func normalPath(u *url.URL) string {
	plain := &url.URL{Scheme: u.Scheme, Host: u.Host}
	if err := setPath(plain, spelled(u.EscapedPath())); err != nil {
		return u.EscapedPath()
	}
	path := plain.ResolveReference(plain).EscapedPath()
	if path == "" {
		return "/"
	}
	return path
}

func setPath(u *url.URL, escaped string) (err error) {
	u.RawPath = escaped
	u.Path, err = url.PathUnescape(escaped)
	return err
}

// spelled writes what is percent-encoded in capitals, and the unreserved characters as they are.
func spelled(path string) string {
	var text strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			text.WriteByte(path[i])
			continue
		}
		code := strings.ToUpper(path[i : i+3])
		if c, err := url.PathUnescape(code); err == nil && unreserved(c[0]) {
			code = c
		}
		text.WriteString(code)
		i += 2
	}
	return text.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

package certificate

import (
	"bytes"
	"crypto/x509"
	"errors"
	"strings"
)

var errXFCC = errors.New("it is not a list of KEY=VALUE with semicolons between")

// parseXFCC reads one element of Envoy's header: what the proxy itself has seen. More of them would be of connections between
// proxies, or made up by the client, and nobody can tell which.
func parseXFCC(value string) ([]*x509.Certificate, error) {
	if value == "" {
		return nil, nil
	}
	keys, err := splitXFCC(value)
	if err != nil {
		return nil, err
	}
	cert, chain := keys["cert"], keys["chain"]
	if cert == "" {
		return nil, errors.New("it has no Cert: have the proxy set that, and Chain if it likes")
	}
	own, err := parsePEM(cert)
	if err != nil || chain == "" {
		return own, err
	}
	all, err := decodePEM(chain)
	switch {
	case err != nil:
		return nil, err
	case len(all) == 0 || len(own) == 0 || !bytes.Equal(all[0].Raw, own[0].Raw):
		return nil, errors.New("its Chain does not begin with its Cert")
	}
	return all, nil
}

// splitXFCC returns the values of the element by key, in small letters. Each key may be there once, but for those of names of
// the certificate, which mean nothing here.
func splitXFCC(value string) (map[string]string, error) {
	keys := map[string]string{}
	for rest := value; ; {
		key, after, ok := strings.Cut(rest, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !ok || key == "" || strings.ContainsAny(key, `;,"`) {
			return nil, errXFCC
		}
		text, after, err := cutXFCC(after)
		if err != nil {
			return nil, err
		}
		if _, twice := keys[key]; twice && (key == "cert" || key == "chain") {
			return nil, errors.New("it has " + key + " twice")
		}
		keys[key] = text
		switch {
		case after == "":
			return keys, nil
		case after[0] == ',':
			return nil, errors.New("it tells of more than one connection: have the proxy replace what it is sent (SANITIZE_SET)")
		}
		rest = after[1:]
	}
}

// cutXFCC takes a value off, which may be quoted. What is left begins with the mark that ends it.
func cutXFCC(rest string) (value, after string, err error) {
	if !strings.HasPrefix(rest, `"`) {
		i := strings.IndexAny(rest, `;,"`)
		switch {
		case i < 0:
			return rest, "", nil
		case rest[i] == '"':
			return "", "", errXFCC
		}
		return rest[:i], rest[i:], nil
	}
	var text strings.Builder
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && i+1 < len(rest):
			i++
			text.WriteByte(rest[i])
		case rest[i] != '"':
			text.WriteByte(rest[i])
		case i+1 == len(rest) || rest[i+1] == ';' || rest[i+1] == ',':
			return text.String(), rest[i+1:], nil
		default:
			return "", "", errXFCC
		}
	}
	return "", "", errXFCC
}

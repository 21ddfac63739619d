package keyset

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"vestibule/provider/spelling"
)

var (
	// ErrKey reports that no key of the client fits: it has none of that name, or none for the algorithm.
	ErrKey = errors.New("no key of the client fits")
	// ErrSignature reports a signature that is wrong.
	ErrSignature = errors.New("the signature is wrong")
)

// None is the algorithm of a JWT that nobody has signed.
const None = "none"

// Token is a JWT in compact form, read but not believed.
type Token struct {
	Algorithm string
	KeyID     string
	Type      string // typ
	Claims    []byte // what was signed, in JSON; not to be believed before Verify
	raw       string
	signature []byte
}

// ParseToken reads a JWT, signed or not. It is refused if it is written in any other way than RFC 7515 section 7.1 has it.
func ParseToken(raw string) (*Token, error) {
	parts := strings.Split(raw, ".")
	if len(parts) == 5 {
		return nil, errors.New("it is encrypted, which is not supported; send a signed JWT")
	}
	if !spelling.IsJWT(raw) {
		return nil, errors.New("it is no JWT in compact form")
	}
	header, _ := spelling.DecodeOpaque(parts[0])
	var h map[string]json.RawMessage // not a struct, whose fields would be found in capitals too
	if err := json.Unmarshal(header, &h); err != nil {
		return nil, errors.New("its header is no JSON object")
	}
	t := &Token{raw: raw}
	for name, field := range map[string]*string{"alg": &t.Algorithm, "kid": &t.KeyID, "typ": &t.Type} {
		if value, ok := h[name]; ok && json.Unmarshal(value, field) != nil {
			return nil, fmt.Errorf("%s in its header is no string", name)
		}
	}
	if h["crit"] != nil || h["b64"] != nil {
		return nil, errors.New("its header asks for extensions that are not known here")
	}
	t.Claims, _ = spelling.DecodeOpaque(parts[1])
	t.signature, _ = spelling.DecodeOpaque(parts[2])
	if (t.Algorithm == None) != (len(t.signature) == 0) {
		return nil, errors.New("it has no signature, or one that its header does not tell of")
	}
	return t, nil
}

// SignedWith reports whether the token says that it is signed with an algorithm that may be registered, by either name.
func (t *Token) SignedWith(algorithms ...string) bool {
	return slices.ContainsFunc(algorithms, func(one string) bool { return same(one, t.Algorithm) })
}

// Verify checks the signature with the keys of the set: ErrKey or ErrSignature.
func (s *Set) Verify(t *Token) error {
	candidates := s.candidates(t.KeyID, t.Algorithm)
	if len(candidates) == 0 {
		return ErrKey
	}
	for _, key := range candidates {
		if t.signedBy(key) {
			return nil
		}
	}
	return ErrSignature
}

func (t *Token) signedBy(key jose.JSONWebKey) bool {
	if public, ok := key.Key.(ed25519.PublicKey); ok { // the library knows one of the two names
		return ed25519.Verify(public, []byte(t.raw[:strings.LastIndexByte(t.raw, '.')]), t.signature)
	}
	signed, err := jose.ParseSignedCompact(t.raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.Algorithm)})
	if err != nil {
		return false
	}
	_, err = signed.Verify(key.Key)
	return err == nil
}

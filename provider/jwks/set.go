package jwks

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/spelling"
)

// set is the signing keys, opened. It does not change after it was loaded.
type set struct {
	signers  map[string]signer  // by algorithm
	known    jose.JSONWebKeySet // all public keys: an old ID token still is a good hint
	document []byte             // those that are published, in JSON
	count    int                // how many those are
	made     string             // what it was made of
}

// openKeys unseals the keys that sign.
func openKeys(rows []SealedKey, sealer Sealer, now time.Time) (*set, error) {
	terms := Terms(rows, now)
	s := &set{signers: map[string]signer{}, made: fingerprint(terms, now)}
	var published jose.JSONWebKeySet
	for _, t := range terms {
		var public jose.JSONWebKey
		if err := json.Unmarshal(t.Public, &public); err != nil {
			return nil, fmt.Errorf("public part of %s: %w", t.ID, err)
		}
		if t.State != StateRetired {
			s.known.Keys = append(s.known.Keys, public)
		}
		if t.published(now) {
			published.Keys = append(published.Keys, public)
		}
		if t.State != StateSigning {
			continue
		}
		signer, err := t.open(sealer)
		if err != nil {
			return nil, fmt.Errorf("private part of %s: %w", t.ID, err)
		}
		s.signers[t.Algorithm] = signer
	}
	var err error
	s.count = len(published.Keys)
	s.document, err = json.Marshal(published)
	return s, err
}

// fingerprint tells sets apart: what is in the table, and what each key is for.
func fingerprint(terms []Term, now time.Time) string {
	var all []any
	for _, t := range terms {
		all = append(all, t.ID, t.KeyID, t.State, t.published(now))
	}
	return fmt.Sprint(all...)
}

// signer signs with one key.
type signer struct {
	key jose.SigningKey
	jwt jose.Signer // of the usual type, of which there are far more than of all others
}

func newSigner(key jose.SigningKey) (s signer, err error) {
	s.key = key
	s.jwt, err = s.of(usualType)
	return s, err
}

// usualType is the typ of a JWT that says no more of itself (RFC 7519 section 5.1).
const usualType = "JWT"

// of returns what signs tokens of that type.
func (s signer) of(kind string) (jose.Signer, error) {
	if kind == usualType && s.jwt != nil {
		return s.jwt, nil
	}
	return jose.NewSigner(s.key, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
}

// open returns what signs with the key.
func (k SealedKey) open(sealer Sealer) (signer, error) {
	plain, err := sealer.Open(k.KeyID, k.Private, k.AAD())
	if err != nil {
		return signer{}, err
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(plain, &key); err != nil {
		return signer{}, errors.New("not a JSON Web Key") // the cause could hold key material
	}
	return newSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(k.Algorithm), Key: key})
}

// sign returns the claims as a compact JWT of that type.
func (s *set) sign(kind, algorithm string, claims any) (string, error) {
	key, ok := s.signers[algorithm]
	if !ok {
		return "", fmt.Errorf("%s: %w", algorithm, errNoSigner)
	}
	signs, err := key.of(kind)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims) // jwt.Signed would read it into a map and write it once more
	if err != nil {
		return "", err
	}
	signed, err := signs.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// errStrangeKey reports a token that was signed with a key that is not in the set.
var errStrangeKey = errors.New("the token was signed with a key that is not ours")

// errNoSigner reports that no key signs with an algorithm.
var errNoSigner = errors.New("no key signs with the algorithm")

// errType reports a token that says that it is something else.
var errType = errors.New("the token is of another type")

// verify checks the signature of a JWT of that type that we made, with any key that was not removed, and reads its
// claims. It does not look at the times: an expired ID token is a good hint.
func (s *set) verify(kind, token string, claims any) error {
	if !spelling.IsJWT(token) {
		return spelling.ErrBase64
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil {
		return err
	}
	if parsed.Headers[0].ExtraHeaders[jose.HeaderType] != kind {
		return errType
	}
	keys := s.known.Key(parsed.Headers[0].KeyID)
	if len(keys) != 1 || keys[0].Algorithm != parsed.Headers[0].Algorithm {
		return errStrangeKey
	}
	return parsed.Claims(keys[0], claims)
}

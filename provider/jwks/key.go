package jwks

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// SealedKey is a signing key at rest.
type SealedKey struct {
	ID        string // kid
	Algorithm string // RS256 or ES256
	Public    []byte // JWK
	KeyID     string // which secret key sealed Private
	Private   []byte // JWK, sealed, bound to ID
	Created   time.Time
	Retired   time.Time // zero while it signs; published until it is deleted
}

// Store keeps signing keys.
type Store interface {
	// SigningKeys returns all keys, newest first.
	SigningKeys(ctx context.Context) ([]SealedKey, error)
	// AddSigningKey inserts the key if there is no key of its algorithm that is not retired, and
	// fails with ErrConflict if there is: two processes that start at once agree on one.
	AddSigningKey(ctx context.Context, key SealedKey) error
}

// Sealer encrypts private keys, which must not lie in the database in the clear.
type Sealer interface {
	// Seal encrypts plaintext, bound to about, and names the key that it used.
	Seal(plaintext []byte, about string) (keyID string, sealed []byte, err error)
	// Open decrypts what Seal made of the same about.
	Open(keyID string, sealed []byte, about string) ([]byte, error)
}

// Algorithms of the keys (RFC 7518): each has one that signs.
const (
	rs256 = string(jose.RS256)
	es256 = string(jose.ES256)
)

// set is the signing keys, opened. It does not change after it was loaded.
type set struct {
	signers  map[string]jose.Signer // by algorithm
	public   jose.JSONWebKeySet     // also of retired keys
	document []byte                 // public as it is published
	made     string                 // what it was made of
}

// loadKeys returns the keys of the store. It makes what is missing; when another process makes one at the same
// time, both take the one that was stored first.
func loadKeys(ctx context.Context, kept Store, sealer Sealer, now time.Time) (*set, error) {
	for range 5 {
		rows, err := kept.SigningKeys(ctx)
		if err != nil {
			return nil, err
		}
		missing := missingAlgorithms(rows)
		if len(missing) == 0 {
			return openKeys(rows, sealer, now)
		}
		for _, algorithm := range missing {
			key, err := newSealedKey(algorithm, sealer, now)
			if err != nil {
				return nil, err
			}
			if err := kept.AddSigningKey(ctx, key); err != nil && !errors.Is(err, store.ErrConflict) {
				return nil, err
			}
		}
	}
	return nil, errors.New("the keys that were added cannot be read back")
}

func missingAlgorithms(rows []SealedKey) []string {
	live := map[string]bool{}
	for _, row := range rows {
		live[row.Algorithm] = live[row.Algorithm] || row.Retired.IsZero()
	}
	var missing []string
	for _, algorithm := range []string{rs256, es256} {
		if !live[algorithm] {
			missing = append(missing, algorithm)
		}
	}
	return missing
}

// newSealedKey makes a key. Its id is the RFC 7638 thumbprint.
func newSealedKey(algorithm string, sealer Sealer, now time.Time) (SealedKey, error) {
	private, err := generate(algorithm)
	if err != nil {
		return SealedKey{}, fmt.Errorf("make %s key: %w", algorithm, err)
	}
	key := jose.JSONWebKey{Key: private, Algorithm: algorithm, Use: "sig"}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return SealedKey{}, err
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(print)
	plain, err := json.Marshal(key)
	if err != nil {
		return SealedKey{}, err
	}
	public, err := json.Marshal(key.Public())
	if err != nil {
		return SealedKey{}, err
	}
	row := SealedKey{ID: key.KeyID, Algorithm: algorithm, Public: public, Created: now}
	row.KeyID, row.Private, err = sealer.Seal(plain, keyPurpose(key.KeyID))
	return row, err
}

func generate(algorithm string) (crypto.PrivateKey, error) {
	if algorithm == es256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

func keyPurpose(id string) string { return "signing key|" + id }

// AAD is what Private is bound to.
func (k SealedKey) AAD() string { return keyPurpose(k.ID) }

// openKeys unseals the keys that sign and publishes all. Rows come newest first.
func openKeys(rows []SealedKey, sealer Sealer, now time.Time) (*set, error) {
	set := &set{signers: map[string]jose.Signer{}, made: keysOf(rows, now)}
	for _, row := range rows {
		var public jose.JSONWebKey
		if err := json.Unmarshal(row.Public, &public); err != nil {
			return nil, fmt.Errorf("public part of %s: %w", row.ID, err)
		}
		set.public.Keys = append(set.public.Keys, public)
	}
	for _, algorithm := range []string{rs256, es256} {
		var err error
		if set.signers[algorithm], err = openFirst(candidates(rows, algorithm, now), sealer); err != nil {
			return nil, err
		}
	}
	var err error
	set.document, err = json.Marshal(set.public)
	return set, err
}

// announceTime is how long a new key is published before it signs. All processes read the table several times in it, so
// that whoever asks any of them for the key of a token finds it. A client that does not ask again when it lacks one waits
// for the five minutes that it may keep the answer.
const announceTime = 10 * time.Second

// candidates are the keys of an algorithm that may sign, the best first. While the live one is new, that is the one
// before it: it was retired a moment ago, and is still published.
func candidates(rows []SealedKey, algorithm string, now time.Time) []SealedKey {
	var live, old []SealedKey
	for _, row := range rows {
		switch {
		case row.Algorithm != algorithm:
		case row.Retired.IsZero():
			live = append(live, row)
		default:
			old = append(old, row)
		}
	}
	if len(live) > 0 && now.Sub(live[0].Created) < announceTime {
		return append(old[:min(1, len(old))], live...)
	}
	return live
}

// openFirst returns the first key that can be opened. One that is retired may be sealed with a key that is gone.
func openFirst(rows []SealedKey, sealer Sealer) (jose.Signer, error) {
	var faults []error
	for _, row := range rows {
		plain, err := sealer.Open(row.KeyID, row.Private, keyPurpose(row.ID))
		if err == nil {
			var signer jose.Signer
			if signer, err = newSigner(row.Algorithm, plain); err == nil {
				return signer, nil
			}
		}
		faults = append(faults, fmt.Errorf("private part of %s: %w", row.ID, err))
	}
	return nil, errors.Join(faults...)
}

// keysOf tells sets apart: what is in the table, and which of it signs.
func keysOf(rows []SealedKey, now time.Time) string {
	var all []any
	for _, row := range rows {
		all = append(all, row.ID, row.KeyID, row.Retired.IsZero())
	}
	for _, algorithm := range []string{rs256, es256} {
		for _, row := range candidates(rows, algorithm, now) {
			all = append(all, algorithm, row.ID)
		}
	}
	return fmt.Sprint(all...)
}

func newSigner(algorithm string, private []byte) (jose.Signer, error) {
	var key jose.JSONWebKey
	if err := json.Unmarshal(private, &key); err != nil {
		return nil, errors.New("not a JSON Web Key") // the cause could hold key material
	}
	return jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: key},
		(&jose.SignerOptions{}).WithType("JWT"))
}

// sign returns the claims as a compact JWT.
func (s *set) sign(algorithm string, claims any) (string, error) {
	signer := s.signers[algorithm]
	if signer == nil {
		return "", fmt.Errorf("%s: %w", algorithm, errNoSigner)
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}

// errStrangeKey reports a token that was signed with a key that is not in the set.
var errStrangeKey = errors.New("the token was signed with a key that is not ours")

// errNoSigner reports that no key signs with an algorithm.
var errNoSigner = errors.New("no key signs with the algorithm")

// verify checks the signature of a JWT that we made, with any key that is still published, and reads its
// claims. It does not look at the times: an expired ID token is a good hint.
func (s *set) verify(token string, claims any) error {
	if !spelling.IsJWT(token) {
		return spelling.ErrOpaque
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return err
	}
	keys := s.public.Key(parsed.Headers[0].KeyID)
	if len(keys) != 1 || keys[0].Algorithm != parsed.Headers[0].Algorithm {
		return errStrangeKey
	}
	return parsed.Claims(keys[0], claims)
}

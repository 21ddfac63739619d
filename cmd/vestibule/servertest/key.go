package servertest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"vestibule/mfa"
	"vestibule/provider/client"
	"vestibule/provider/jwks"
)

// rsaKey is the RSA key of all sites of a process: to make one costs more than all else that most tests do.
var rsaKey = sync.OnceValues(func() (jose.JSONWebKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	key := jose.JSONWebKey{Key: private, Algorithm: client.RS256, Use: "sig"}
	print, err := key.Thumbprint(crypto.SHA256)
	key.KeyID = base64.RawURLEncoding.EncodeToString(print)
	return key, err
})

// addSigningKey gives the site a key before its first server would make one. Keys of other algorithms cost nothing.
func (s *Site) addSigningKey() {
	s.T.Helper()
	key, err := rsaKey()
	plain, plainErr := json.Marshal(key)
	public, publicErr := json.Marshal(key.Public())
	keys, keysErr := mfa.ParseKeyring(s.Config.SecretKeys)
	if err := errors.Join(err, plainErr, publicErr, keysErr); err != nil {
		s.T.Fatalf("signing key: %v", err)
	}
	row := jwks.SealedKey{ID: key.KeyID, Algorithm: client.RS256, Public: public, Created: s.Clock.Now()}
	if row.KeyID, row.Private, err = keys.Seal(plain, row.AAD()); err == nil {
		err = s.Store.AddSigningKey(s.T.Context(), row)
	}
	if err != nil {
		s.T.Fatalf("signing key: %v", err)
	}
}

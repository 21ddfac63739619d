package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"

	"vestibule/provider/spelling"
)

// Algorithms are those that a proof can be signed with (RFC 7518, RFC 8037).
var Algorithms = []string{"ES256", "PS256", "RS256", "EdDSA"}

const (
	maxProof = 8 << 10 // bytes of a proof: one of an RSA key of 8,192 bits has less than half of it
	maxID    = 256     // bytes of a jti
	minRSA   = 2048    // bits
	maxRSA   = 8192    // bits: more would cost us, and nobody else
)

// Proof is a DPoP proof whose signature is right, by the key that it brings.
type Proof struct {
	// Thumbprint names the key: its jkt, SHA-256 in base64url (RFC 7638).
	Thumbprint string

	algorithm string
	claims    claims
}

// claims of a proof (RFC 9449 section 4.2). Pointers: whether it is there makes a difference.
type claims struct {
	ID        string   `json:"jti"`
	Method    string   `json:"htm"`
	Address   string   `json:"htu"`
	Issued    *float64 `json:"iat"`
	NotBefore *float64 `json:"nbf"`
	Expires   *float64 `json:"exp"`
	TokenHash string   `json:"ath"`
	Nonce     string   `json:"nonce"`
}

// Parse reads a proof and verifies its signature, which must be by one of the algorithms (RFC 9449 section 4.3, numbers 2
// to 7). An error is an *Error.
func Parse(text string, algorithms []string) (*Proof, error) {
	if len(text) > maxProof {
		return nil, refuse("The DPoP proof is longer than %d bytes.", maxProof)
	}
	if err := checkHeader(text, algorithms); err != nil {
		return nil, err
	}
	signed, err := jose.ParseSignedCompact(text, known(algorithms))
	if err != nil {
		return nil, errForm
	}
	header := signed.Signatures[0].Protected
	if header.JSONWebKey == nil || !fits(header.JSONWebKey.Key, header.Algorithm) {
		return nil, refuse("The jwk of the DPoP proof is no public key for its algorithm: P-256 for ES256, Ed25519 for EdDSA, or RSA of %d to %d bits.", minRSA, maxRSA)
	}
	payload, err := signed.Verify(header.JSONWebKey)
	if err != nil {
		return nil, refuse("The signature of the DPoP proof is not by the key of its jwk.")
	}
	thumbprint, err := header.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errForm
	}
	p := &Proof{Thumbprint: base64.RawURLEncoding.EncodeToString(thumbprint), algorithm: header.Algorithm}
	if err := json.Unmarshal(payload, &p.claims); err != nil {
		return nil, refuse("The claims of the DPoP proof are no JSON object with the types of RFC 9449 section 4.2.")
	}
	return p, p.complete()
}

var errForm = refuse("The DPoP proof is no JWT in the compact form, with the header parameters typ, alg and jwk.")

// checkHeader looks at the header as it was sent: of a key with private members the library would leave out some.
func checkHeader(text string, algorithms []string) error {
	if !spelling.IsJWT(text) {
		return errForm
	}
	encoded, _, _ := strings.Cut(text, ".")
	data, _ := spelling.DecodeOpaque(encoded) // as all three parts are
	var header struct {
		Type      string                     `json:"typ"`
		Algorithm string                     `json:"alg"`
		Key       map[string]json.RawMessage `json:"jwk"`
		Critical  json.RawMessage            `json:"crit"`
	}
	if err := json.Unmarshal(data, &header); err != nil {
		return errForm
	}
	switch {
	case header.Type != "dpop+jwt":
		return refuse("The typ of the DPoP proof must be dpop+jwt.")
	case !slices.Contains(algorithms, header.Algorithm):
		return refuse("The alg of the DPoP proof must be one of %s.", strings.Join(algorithms, ", "))
	case header.Key == nil:
		return refuse("The DPoP proof has no jwk in its header.")
	case header.Critical != nil:
		return refuse("The DPoP proof has a crit in its header; none is understood.")
	}
	for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
		if _, ok := header.Key[name]; ok {
			return refuse("The jwk of the DPoP proof has private members: send the public key alone, and make a new one, as this one is known now.")
		}
	}
	return nil
}

func known(algorithms []string) []jose.SignatureAlgorithm {
	var list []jose.SignatureAlgorithm
	for _, name := range algorithms {
		list = append(list, jose.SignatureAlgorithm(name))
	}
	return list
}

// fits reports whether the key is a public one that the algorithm is for.
func fits(key any, algorithm string) bool {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && key.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	case *rsa.PublicKey:
		return (algorithm == "PS256" || algorithm == "RS256") && key.N.BitLen() >= minRSA && key.N.BitLen() <= maxRSA
	}
	return false
}

// complete refuses a proof that lacks what each must have.
func (p *Proof) complete() error {
	c := p.claims
	switch {
	case c.ID == "" || len(c.ID) > maxID:
		return refuse("The jti of the DPoP proof must have 1 to %d bytes.", maxID)
	case c.Method == "" || c.Address == "" || c.Issued == nil:
		return refuse("The DPoP proof must have htm, htu and iat.")
	}
	return nil
}

// By says whether the proof, if there is one, is signed by one of the algorithms, for a client that may use fewer than others;
// nil: any will do. An error is an *Error.
func (p *Proof) By(algorithms []string) error {
	if p == nil || algorithms == nil || slices.Contains(algorithms, p.algorithm) {
		return nil
	}
	return refuse("The alg of the DPoP proof must be one of %s.", strings.Join(algorithms, ", "))
}

// For says whether the proof is for a request with that access token (RFC 9449 section 4.3, number 12). An error is an *Error.
func (p *Proof) For(accessToken string) error {
	sum := sha256.Sum256([]byte(accessToken))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(p.claims.TokenHash), []byte(want)) != 1 {
		return refuse("The ath of the DPoP proof is not the SHA-256 of the access token in base64url.")
	}
	return nil
}

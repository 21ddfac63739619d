package hydratest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
)

const keyID = "hydra.openid.id-token"

func (h *Hydra) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": h.URL, "authorization_endpoint": h.URL + "/oauth2/auth", "token_endpoint": h.URL + "/oauth2/token",
		"userinfo_endpoint": h.URL + "/userinfo", "jwks_uri": h.URL + "/.well-known/jwks.json", "end_session_endpoint": h.URL + "/oauth2/sessions/logout",
		"device_authorization_endpoint": h.URL + "/oauth2/device/auth", "response_types_supported": []string{"code"},
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (h *Hydra) jwks(w http.ResponseWriter, _ *http.Request) {
	exponent := big.NewInt(int64(h.key.E)).Bytes()
	answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID,
		"n": base64.RawURLEncoding.EncodeToString(h.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(exponent),
	}}})
}

// sign makes a JWT.
func (h *Hydra) sign(claims map[string]any) string {
	text := segment(map[string]string{"alg": "RS256", "typ": "JWT", "kid": keyID}) + "." + segment(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, h.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is our own, and long enough
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func segment(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON, or is plain
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// hinted returns the claims of an ID token of ours, expired or not; nil: it is none.
func (h *Hydra) hinted(token string) map[string]any {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&h.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil
	}
	var claims map[string]any
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return nil
	}
	return claims
}

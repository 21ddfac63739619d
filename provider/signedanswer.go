package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"vestibule/provider/client"
)

// Types of answers that are JWTs.
const (
	mediaJWT           = "application/jwt"                     // OIDC Core section 5.3.2
	mediaIntrospection = "application/token-introspection+jwt" // RFC 9701 section 5
	typeIntrospection  = "token-introspection+jwt"             // its typ, so that it is taken for no access token
)

// answerUserInfo tells the client the claims: as a JWT if it has registered that it wants one (OIDC Core section 5.3.2). That
// says for whom it is and has no time in it: it is taken for no ID token here.
func (p *Provider) answerUserInfo(w http.ResponseWriter, r *http.Request, c client.Client, told map[string]any) error {
	if c.UserInfoAlg == "" {
		writeJSON(w, http.StatusOK, told)
		return nil
	}
	claims := maps.Clone(told)
	claims["iss"], claims["aud"] = p.issuer, c.ID
	token, err := p.keys.Sign(r.Context(), c.UserInfoAlg, claims)
	if err != nil {
		return fmt.Errorf("sign userinfo: %w", err)
	}
	writeTyped(w, http.StatusOK, mediaJWT, []byte(token))
	return nil
}

// signedIntrospection is the claims of an answer about a token (RFC 9701 section 5). What it says of the token is in a claim of
// its own: nobody may take the answer for the token.
type signedIntrospection struct {
	Issuer   string          `json:"iss"`
	Audience string          `json:"aud"`
	IssuedAt int64           `json:"iat"`
	Token    json.RawMessage `json:"token_introspection"` // JSON already, for the library that signs knows no omitzero
}

// answerIntrospection says what the token stands for, as JSON or, if the client asks for one, as a JWT for this client.
func (p *Provider) answerIntrospection(ctx context.Context, w http.ResponseWriter, r *http.Request, c client.Client, answer any) error {
	w.Header().Add("Vary", "Accept")
	if !prefers(r.Header.Values("Accept"), mediaIntrospection, "application/json") {
		writeJSON(w, http.StatusOK, answer)
		return nil
	}
	data, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	token, err := p.keys.SignAs(ctx, typeIntrospection, c.SignedBy(c.IntrospectionAlg, p.algorithm),
		signedIntrospection{Issuer: p.issuer, Audience: c.ID, IssuedAt: p.now().Unix(), Token: data})
	if err != nil {
		return fmt.Errorf("sign introspection: %w", err)
	}
	writeTyped(w, http.StatusOK, mediaIntrospection, []byte(token))
	return nil
}

// prefers reports whether the fields of an Accept header name the one type, and not with less weight than the other (RFC 9110
// section 12.5.1). A wildcard names neither: whoever wants what is not usual says so.
func prefers(accept []string, one, other string) bool {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight, err := strconv.ParseFloat(cmp.Or(parameters["q"], "1"), 64)
		if err == nil {
			weights[kind] = max(weights[kind], weight)
		}
	}
	return weights[one] > 0 && weights[one] >= weights[other]
}

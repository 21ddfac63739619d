package provider

import (
	"context"
	"strings"

	"github.com/ory/fosite"
	"github.com/ory/fosite/token/hmac"

	"vestibule/provider/spelling"
)

// Prefixes of codes and tokens. They tell people and secret scanners what a string is, and keep the kinds apart.
const (
	codePrefix    = "vst_ac_"
	accessPrefix  = "vst_at_"
	refreshPrefix = "vst_rt_"
	devicePrefix  = "vst_dc_"
)

// tokenStrategy makes random codes and tokens that end in their own HMAC (fosite's oauth2.CoreStrategy). The
// store keeps only the HMAC. It checks no times: the rows have them.
type tokenStrategy struct{ hmac *hmac.HMACStrategy }

func (s *tokenStrategy) generate(ctx context.Context, prefix string) (token, signature string, err error) {
	token, signature, err = s.hmac.Generate(ctx)
	return prefix + token, signature, err
}

// tokenSize is how many bytes each half of a token has: TokenEntropy, and a SHA-512/256.
const tokenSize = 32

// halves returns the random half of a token and its HMAC, if it is of that kind and in the one spelling that it was
// given out in: fosite would take others, and the row and the answer to a retry belong to the token as it is written.
func halves(token, prefix string) (random, mac string, ok bool) {
	rest, ok := strings.CutPrefix(token, prefix)
	random, mac, _ = strings.Cut(rest, ".")
	return random, mac, ok && spelling.IsOpaque(random, tokenSize) && spelling.IsOpaque(mac, tokenSize)
}

// signature returns the key under which the store has the token, or "" if it is not of that kind.
func (s *tokenStrategy) signature(token, prefix string) string {
	_, mac, ok := halves(token, prefix)
	if !ok {
		return ""
	}
	return mac
}

func (s *tokenStrategy) validate(ctx context.Context, token, prefix string) error {
	random, mac, ok := halves(token, prefix)
	if !ok {
		return fosite.ErrInvalidTokenFormat
	}
	return s.hmac.Validate(ctx, random+"."+mac)
}

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy.
func (s *tokenStrategy) AuthorizeCodeSignature(_ context.Context, token string) string {
	return s.signature(token, codePrefix)
}

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (s *tokenStrategy) GenerateAuthorizeCode(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	return s.generate(ctx, codePrefix)
}

// ValidateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (s *tokenStrategy) ValidateAuthorizeCode(ctx context.Context, _ fosite.Requester, token string) error {
	return s.validate(ctx, token, codePrefix)
}

// AccessTokenSignature implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) AccessTokenSignature(_ context.Context, token string) string {
	return s.signature(token, accessPrefix)
}

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) GenerateAccessToken(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	return s.generate(ctx, accessPrefix)
}

// ValidateAccessToken implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) ValidateAccessToken(ctx context.Context, _ fosite.Requester, token string) error {
	return s.validate(ctx, token, accessPrefix)
}

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy.
func (s *tokenStrategy) RefreshTokenSignature(_ context.Context, token string) string {
	return s.signature(token, refreshPrefix)
}

// GenerateRefreshToken implements oauth2.RefreshTokenStrategy.
func (s *tokenStrategy) GenerateRefreshToken(ctx context.Context, _ fosite.Requester) (token, signature string, err error) {
	return s.generate(ctx, refreshPrefix)
}

// ValidateRefreshToken implements oauth2.RefreshTokenStrategy.
func (s *tokenStrategy) ValidateRefreshToken(ctx context.Context, _ fosite.Requester, token string) error {
	return s.validate(ctx, token, refreshPrefix)
}

package provider

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
	"sync"

	"github.com/ory/fosite"

	"vestibule/provider/spelling"
	"vestibule/provider/tokens"
)

// Prefixes of codes and tokens. They tell people and secret scanners what a string is, and keep the kinds apart.
const (
	codePrefix    = "vst_ac_"
	accessPrefix  = "vst_at_"
	refreshPrefix = "vst_rt_"
	devicePrefix  = "vst_dc_"
)

// tokenStrategy makes codes and tokens that end in their own HMAC (fosite's oauth2.CoreStrategy). The store keeps only the
// HMAC. It checks no times: the rows have them.
type tokenStrategy struct{ macs []*mac } // the first makes them, all of them verify

func newTokenStrategy(secrets [][]byte) *tokenStrategy {
	s := new(tokenStrategy)
	for _, secret := range secrets {
		s.macs = append(s.macs, newMAC(secret))
	}
	return s
}

// mac is HMAC-SHA512/256 that has its secret in it: to put that there takes as long as all else.
type mac struct{ idle sync.Pool }

func newMAC(secret []byte) *mac {
	return &mac{sync.Pool{New: func() any { return hmac.New(sha512.New512_256, secret) }}}
}

// sum is the second half of the token of that kind. The HMAC has the kind in it: what one says of itself no other can.
func (m *mac) sum(prefix string, half []byte) []byte {
	h := m.idle.Get().(hash.Hash)
	defer m.idle.Put(h)
	h.Reset()
	h.Write([]byte(prefix))
	h.Write(half)
	return h.Sum(nil)
}

// tokenSize is how many bytes each half of a token has: chance, and a SHA-512/256. The first half of a refresh token has
// refreshSize: its family, its place in that, and chance.
const (
	tokenSize   = 32
	familySize  = 16
	refreshSize = familySize + 8 + 16
)

// sign returns the token with that first half.
func (s *tokenStrategy) sign(prefix string, half []byte) (token, signature string, err error) {
	signature = base64.RawURLEncoding.EncodeToString(s.macs[0].sum(prefix, half))
	return prefix + base64.RawURLEncoding.EncodeToString(half) + "." + signature, signature, nil
}

func (s *tokenStrategy) generate(prefix string) (token, signature string, err error) {
	half := make([]byte, tokenSize)
	rand.Read(half) // never fails
	return s.sign(prefix, half)
}

// halves returns the first half of a token, its HMAC, and that as text, if it is of that kind and in the one spelling that it
// was given out in: the row and the answer to a retry belong to the token as it is written.
func halves(token, prefix string) (half, mac []byte, signature string, ok bool) {
	size := tokenSize
	if prefix == refreshPrefix {
		size = refreshSize
	}
	rest, is := strings.CutPrefix(token, prefix)
	first, signature, _ := strings.Cut(rest, ".")
	half, wrong := spelling.DecodeOpaque(first)
	mac, wrong2 := spelling.DecodeOpaque(signature)
	return half, mac, signature, is && wrong == nil && wrong2 == nil && len(half) == size && len(mac) == tokenSize
}

// signature returns the key under which the store has the token, or "" if it is not of that kind.
func (s *tokenStrategy) signature(token, prefix string) string {
	_, _, signature, ok := halves(token, prefix)
	if !ok {
		return ""
	}
	return signature
}

func (s *tokenStrategy) validate(token, prefix string) error {
	half, mac, _, ok := halves(token, prefix)
	if !ok {
		return fosite.ErrInvalidTokenFormat
	}
	for _, known := range s.macs {
		if hmac.Equal(mac, known.sum(prefix, half)) {
			return nil
		}
	}
	return fosite.ErrTokenSignatureMismatch
}

// AuthorizeCodeSignature implements oauth2.AuthorizeCodeStrategy.
func (s *tokenStrategy) AuthorizeCodeSignature(_ context.Context, token string) string {
	return s.signature(token, codePrefix)
}

// GenerateAuthorizeCode implements oauth2.AuthorizeCodeStrategy.
func (s *tokenStrategy) GenerateAuthorizeCode(_ context.Context, _ fosite.Requester) (token, signature string, err error) {
	return s.generate(codePrefix)
}

// ValidateAuthorizeCode implements oauth2.AuthorizeCodeStrategy. fosite asks twice of the one that was presented, which was
// validated before it was looked for.
func (s *tokenStrategy) ValidateAuthorizeCode(ctx context.Context, _ fosite.Requester, token string) error {
	if u := unitOf(ctx); u.code != nil && token == u.presented {
		return nil
	}
	return s.validate(token, codePrefix)
}

// AccessTokenSignature implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) AccessTokenSignature(_ context.Context, token string) string {
	return s.signature(token, accessPrefix)
}

// GenerateAccessToken implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) GenerateAccessToken(_ context.Context, _ fosite.Requester) (token, signature string, err error) {
	return s.generate(accessPrefix)
}

// ValidateAccessToken implements oauth2.AccessTokenStrategy.
func (s *tokenStrategy) ValidateAccessToken(_ context.Context, _ fosite.Requester, token string) error {
	return s.validate(token, accessPrefix)
}

// RefreshTokenSignature implements oauth2.RefreshTokenStrategy.
func (s *tokenStrategy) RefreshTokenSignature(_ context.Context, token string) string {
	return s.signature(token, refreshPrefix)
}

// GenerateRefreshToken implements oauth2.RefreshTokenStrategy. The token says of which family it is, and how many that had
// before: so one that was used is known as long as the family is, without a row for each.
func (s *tokenStrategy) GenerateRefreshToken(ctx context.Context, r fosite.Requester) (token, signature string, err error) {
	family, err := spelling.DecodeOpaque(r.GetID())
	if err != nil || len(family) != familySize {
		return "", "", fmt.Errorf("the family %q is none of ours", r.GetID())
	}
	half := make([]byte, refreshSize)
	copy(half, family)
	binary.BigEndian.PutUint64(half[familySize:], uint64(unitOf(ctx).generation()))
	rand.Read(half[familySize+8:]) // never fails
	return s.sign(refreshPrefix, half)
}

// refreshKey is the key of a refresh token that was validated.
func (s *tokenStrategy) refreshKey(token string) tokens.Key {
	half, _, signature, _ := halves(token, refreshPrefix)
	return tokens.Key{
		Kind: tokens.RefreshToken, Signature: signature, Family: base64.RawURLEncoding.EncodeToString(half[:familySize]),
		Generation: int64(binary.BigEndian.Uint64(half[familySize:])),
	}
}

// ValidateRefreshToken implements oauth2.RefreshTokenStrategy. The one that was presented was validated before it was looked for.
func (s *tokenStrategy) ValidateRefreshToken(ctx context.Context, _ fosite.Requester, token string) error {
	if u := unitOf(ctx); u.refresh != nil && token == u.presented {
		return nil
	}
	return s.validate(token, refreshPrefix)
}

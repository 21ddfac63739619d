package sample

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// meanings say what the claims tell an app.
var meanings = map[string]string{
	"iss":       "who says all this",
	"sub":       "the user, by a name that never changes",
	"aud":       "the app that this was said to",
	"amr":       "how the user signed in: pwd is a password, otp an authenticator code, mfa two kinds of proof",
	"acr":       "how sure that is: aal1 is one step, aal2 is two",
	"auth_time": "when the user gave the oldest of these proofs",
	"sid":       "the session at the server",
	"nonce":     "ties this to the sign-in that the app began",
	"at_hash":   "ties this to the access token",
	"iat":       "when this was made",
	"exp":       "when this ends",
}

// readClaims lists the claims, those about the sign-in itself first.
func readClaims(token *oidc.IDToken) ([]claim, error) {
	var all map[string]json.RawMessage
	if err := token.Claims(&all); err != nil {
		return nil, fmt.Errorf("read the ID token: %w", err)
	}
	var claims []claim
	for name, raw := range all {
		claims = append(claims, claim{name, readable(name, raw), meanings[name]})
	}
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(rank(a.Name)-rank(b.Name), strings.Compare(a.Name, b.Name))
	})
	return claims, nil
}

// rank puts the claims about the sign-in before the others.
func rank(name string) int {
	first := []string{"sub", "amr", "acr", "auth_time"}
	if i := slices.Index(first, name); i >= 0 {
		return i
	}
	return len(first)
}

// readable adds the time of day to a number of seconds.
func readable(name string, raw json.RawMessage) string {
	var seconds int64
	if slices.Contains([]string{"iat", "exp", "auth_time", "updated_at"}, name) && json.Unmarshal(raw, &seconds) == nil {
		return fmt.Sprintf("%d (%s)", seconds, time.Unix(seconds, 0).UTC().Format(time.RFC1123))
	}
	return string(raw)
}

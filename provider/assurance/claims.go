package assurance

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// claimRequest is how a client asks for one claim (OIDC Core 5.5.1).
type claimRequest struct {
	essential bool
	values    []string // in order of preference; value is the first
	listed    bool     // there was a value or values, even if that has none
}

var errClaims = &ParameterError{"claims must be a JSON object as OpenID Connect Core section 5.5 shows it."}

// readClaims returns what the claims parameter says about the acr and the sub of the ID token. All other claims are
// in the answer or not, whatever it says, auth_time among those that always are; but it must be well-formed.
func readClaims(raw string) (acr, sub claimRequest, err error) {
	if raw == "" {
		return acr, sub, nil
	}
	if !utf8.ValidString(raw) { // encoding/json would read something else instead
		return acr, sub, errClaims
	}
	top, err := members([]byte(raw))
	if err != nil {
		return acr, sub, err
	}
	for _, place := range []string{"userinfo", "id_token"} {
		wanted, err := members(top[place])
		if err != nil {
			return acr, sub, err
		}
		for name, text := range wanted {
			request, err := readClaim(text, place == "id_token" && (name == "acr" || name == "sub"))
			switch {
			case err != nil:
				return acr, sub, err
			case place == "id_token" && name == "acr":
				acr = request
			case place == "id_token" && name == "sub":
				sub = request
			}
		}
	}
	return acr, sub, nil
}

// members returns the members of an object; null and nothing are one without any. encoding/json alone would take
// "ID_TOKEN" for id_token.
func members(text []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if len(text) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, errClaims
	}
	return m, nil
}

// readClaim reads the request for one claim. Only if exact need its values be strings: those of a claim that nobody
// looks at may be of any type.
func readClaim(text []byte, exact bool) (claimRequest, error) {
	var c claimRequest
	var one *string
	m, err := members(text)
	switch {
	case err != nil:
		return c, err
	case !decodes(m["essential"], &c.essential):
		return c, errClaims
	case exact && !(decodes(m["value"], &one) && decodes(m["values"], &c.values)):
		return c, errClaims
	}
	c.listed = one != nil || c.values != nil
	if one != nil {
		c.values = slices.Insert(c.values, 0, *one)
	}
	return c, nil
}

// decodes reports whether text, which may be nothing, can be decoded into v.
func decodes(text []byte, v any) bool { return len(text) == 0 || json.Unmarshal(text, v) == nil }

package sample

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// wish is what the app asks of a sign-in.
type wish struct {
	ACR       []string `json:"acr,omitempty"`
	Essential bool     `json:"essential,omitempty"` // nothing but ACR will do
	MaxAge    string   `json:"max_age,omitempty"`   // seconds
	Again     bool     `json:"again,omitempty"`     // everything must be proved once more
}

// options are the parameters of the request (OpenID Connect Core 3.1.2.1 and 5.5.1.1).
func (a wish) options() []oauth2.AuthCodeOption {
	var options []oauth2.AuthCodeOption
	add := func(name, value string) { options = append(options, oauth2.SetAuthURLParam(name, value)) }
	switch {
	case len(a.ACR) > 0 && a.Essential:
		add("claims", a.claims())
	case len(a.ACR) > 0:
		add("acr_values", strings.Join(a.ACR, " "))
	}
	if a.MaxAge != "" {
		add("max_age", a.MaxAge)
	}
	if a.Again {
		add("prompt", "login")
	}
	return options
}

// claims is the parameter that makes acr essential.
func (a wish) claims() string {
	values, _ := json.Marshal(a.ACR) // strings always can be
	return `{"id_token":{"acr":{"essential":true,"values":` + string(values) + `}}}`
}

// String is how the page shows the parameters.
func (a wish) String() string {
	var parts []string
	switch {
	case len(a.ACR) > 0 && a.Essential:
		parts = append(parts, "claims="+a.claims())
	case len(a.ACR) > 0:
		parts = append(parts, "acr_values="+strings.Join(a.ACR, " "))
	}
	if a.MaxAge != "" {
		parts = append(parts, "max_age="+a.MaxAge)
	}
	if a.Again {
		parts = append(parts, "prompt=login")
	}
	return strings.Join(parts, " ")
}

// reasonFor says in plain words why a claim is what it is.
type reasonFor struct{ Name, Value, Why string }

// proof is what the ID token says about the sign-in.
type proof struct {
	AMR      []string `json:"amr"`
	ACR      string   `json:"acr"`
	AuthTime int64    `json:"auth_time"`
}

// reasons explains amr, acr and auth_time to whoever tries the demo.
func reasons(token *oidc.IDToken, a attempt) ([]reasonFor, error) {
	var p proof
	if err := token.Claims(&p); err != nil {
		return nil, fmt.Errorf("read the ID token: %w", err)
	}
	return p.reasons(a.Asked, time.Unix(a.Began, 0)), nil
}

func (p proof) reasons(asked wish, began time.Time) []reasonFor {
	at := time.Unix(p.AuthTime, 0)
	return []reasonFor{
		{"amr", strings.Join(p.AMR, " "), p.whyMethods()},
		{"acr", p.ACR, p.whyLevel(asked)},
		{"auth_time", at.UTC().Format(time.TimeOnly) + " UTC", whyTime(asked, at, began)},
	}
}

func (p proof) whyMethods() string {
	has := func(method string) bool { return slices.Contains(p.AMR, method) }
	switch {
	case has("otp"):
		return "In this session you gave your password and a code from your authenticator app."
	case has("mfa"):
		return "In this session you gave your password and a recovery code. There is no standard word for a recovery code, so only mfa tells of it."
	}
	return "In this session you gave your password and nothing else."
}

func (p proof) whyLevel(asked wish) string {
	two := slices.Contains(p.AMR, "mfa")
	switch {
	case asked.Essential:
		return "The app accepts nothing less, so the server asked you for what was missing."
	case two && len(asked.ACR) > 0:
		return "The app would like two steps, and you took two."
	case two:
		return "The app did not ask for two steps. The server tells it all the same, since you took two."
	case len(asked.ACR) > 0:
		return "The app would like two steps, which is a wish: it got one, and must decide what that is good for."
	}
	return "One step was enough: the app did not ask for more."
}

func whyTime(asked wish, at, began time.Time) string {
	switch {
	case !at.Before(began.Truncate(time.Second)) && asked.Again:
		return "The app wanted everything proved once more, and you did so."
	case !at.Before(began.Truncate(time.Second)):
		return "You proved all of it in this sign-in."
	}
	why := "Your session at the server answered for you, at least in part. You gave the oldest of these proofs " + ago(began.Sub(at)) + " before."
	if asked.MaxAge != "" {
		why += " The app accepts up to " + asked.MaxAge + " seconds."
	}
	return why
}

// ago is for how long, in words.
func ago(d time.Duration) string {
	n, unit := int(d/time.Second), "second"
	if d >= time.Minute {
		n, unit = int(d/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + " " + unit
}

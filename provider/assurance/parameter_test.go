package assurance

import (
	"errors"
	"net/url"
	"testing"
	"time"
)

// TestRequestHint: a hint is of the one whom the caller has found, or an error; none is passed over.
func TestRequestHint(t *testing.T) {
	claims := func(sub string) string { return `{"id_token": {"sub": {"value": "` + sub + `"}}}` }
	for _, tt := range []struct {
		name, hint, claims, hinted, want string
		refused                          bool
	}{
		{name: "no hint"},
		{name: "a hint", hint: "t", hinted: "ana", want: "ana"},
		{name: "a hint that was read elsewhere", hinted: "ana", want: "ana"},
		{name: "a hint of nobody", hint: "t", refused: true},
		{name: "a hint and the same user", hint: "t", hinted: "ana", claims: claims("ana"), want: "ana"},
		{name: "a hint and another user", hint: "t", hinted: "ana", claims: claims("ben"), refused: true},
		{name: "a hint of nobody and a user", hint: "t", claims: claims("ana"), refused: true},
	} {
		form := url.Values{"prompt": {"none"}}
		for name, value := range map[string]string{"id_token_hint": tt.hint, "claims": tt.claims} {
			if value != "" {
				form.Set(name, value)
			}
		}
		d, err := Levels{}.Request(form, time.Now(), tt.hinted)
		var fault *ParameterError
		if errors.As(err, &fault) != tt.refused || !tt.refused && (err != nil || d.Subject != tt.want || !d.PromptNone) {
			t.Errorf("%s: a demand of %q, %v", tt.name, d.Subject, err)
		}
	}
}

package assurance_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"vestibule/provider/assurance"
)

// TestMethodsAskForALevel is what the claim amr of the claims parameter asks for: as acr would, by the level that shows such
// an amr.
func TestMethodsAskForALevel(t *testing.T) {
	keys := assurance.Levels{PhishingResistant: true}
	for _, tt := range []struct {
		name                 string
		levels               assurance.Levels
		acrValues, wish      string
		preferred, essential string
		err                  error
	}{
		{"nothing", keys, "", `{"amr":null}`, "", "", nil},
		{"essential without a value", keys, "", `{"amr":{"essential":true}}`, "", "", nil}, // it is always sent
		{"one", keys, "", `{"amr":{"value":"mfa"}}`, "aal2", "", nil},
		{"one that is essential", keys, "", `{"amr":{"essential":true,"value":"otp"}}`, "aal2", "aal2", nil},
		{"the first is preferred, the lowest will do", keys, "", `{"amr":{"essential":true,"values":["hwk","otp","pwd"]}}`, "phr", "aal1", nil},
		{"all of a list", keys, "", `{"amr":{"essential":true,"values":[["pwd","otp","mfa"]]}}`, "aal2", "aal2", nil},
		{"all of a list with a key", keys, "", `{"amr":{"essential":true,"values":[["pwd","hwk","user"]]}}`, "phr", "phr", nil},
		{"unknown ones are left out", keys, "", `{"amr":{"essential":true,"values":["face",["otp","face"],"swk"]}}`, "phr", "phr", nil},
		{"as Entra asks", keys, "", `{"amr":{"essential":true,"values":["face","fido","fpt","hwk","iris","otp","pop","retina","sc","sms","swk","tel","vbm"]}}`, "phr", "aal2", nil},
		{"as Entra asks, without keys", assurance.Levels{}, "", `{"amr":{"essential":true,"values":["face","hwk","otp","swk"]}}`, "aal2", "aal2", nil},
		{"unknown", keys, "", `{"amr":{"values":["face"]}}`, "", "", nil},
		{"unknown and essential", keys, "", `{"amr":{"essential":true,"values":["face"]}}`, "", "", assurance.ErrUnknownACR},
		{"keys that nobody has", assurance.Levels{}, "", `{"amr":{"essential":true,"value":"hwk"}}`, "", "", assurance.ErrUnknownACR},
		{"none will do", keys, "", `{"amr":{"essential":true,"values":[]}}`, "", "", assurance.ErrUnknownACR},
		{"an empty list", keys, "", `{"amr":{"essential":true,"values":[[]]}}`, "", "", assurance.ErrUnknownACR},
		{"beside a higher acr", keys, "phr", `{"amr":{"essential":true,"value":"otp"}}`, "phr", "aal2", nil},
		{"beside an essential acr", keys, "", `{"amr":{"essential":true,"value":"hwk"},"acr":{"essential":true,"value":"aal2"}}`, "phr", "phr", nil},
		{"beside a higher essential acr", keys, "", `{"amr":{"essential":true,"value":"pwd"},"acr":{"essential":true,"value":"aal2"}}`, "aal2", "aal2", nil},
	} {
		form := url.Values{"acr_values": {tt.acrValues}, "claims": {`{"id_token":` + tt.wish + `}`}}
		d, err := tt.levels.Request(form, time.Now(), "")
		if !errors.Is(err, tt.err) || err == nil && (d.PreferredACR != tt.preferred || d.EssentialACR != tt.essential) {
			t.Errorf("%s: preferred %q, essential %q, %v; want %q, %q, %v", tt.name, d.PreferredACR, d.EssentialACR, err, tt.preferred, tt.essential, tt.err)
		}
	}
	for _, wish := range []string{`{"amr":{"value":1}}`, `{"amr":{"value":["otp",1]}}`, `{"amr":{"values":[{}]}}`, `{"amr":{"values":"otp"}}`, `{"amr":"otp"}`} {
		var fault *assurance.ParameterError
		if _, err := keys.Request(url.Values{"claims": {`{"id_token":` + wish + `}`}}, time.Now(), ""); !errors.As(err, &fault) {
			t.Errorf("%s: %v, want that the parameter is malformed", wish, err)
		}
	}
}

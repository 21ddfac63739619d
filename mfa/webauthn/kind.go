package webauthn

import (
	"errors"
	"net/url"

	"vestibule/mfa"
)

const (
	// Name is that of the kind: in rows, budgets and events.
	Name = "webauthn"
	// Method is what logins call a proof. What it has earned (RFC 8176) depends on the key: see Kind.Check.
	Method = "webauthn"
)

const (
	// responseField is the field of a form that holds what the browser returned.
	responseField = "response"
	// maxResponse is how long that may be, in bytes. A key that attests itself with certificates needs a few thousand.
	maxResponse = 16 << 10
)

// Kind is the passkeys and security keys of one relying party, for an mfa.Service. New makes one.
type Kind struct {
	rpID   string
	origin string
	name   string
}

// New returns the Kind for the pages of an issuer. Its host becomes the RP ID and must never change: keys answer to it
// alone. name is what browsers call the relying party. ErrIssuer if browsers use no keys on pages there.
func New(issuer, name string) (*Kind, error) {
	id, origin, err := relyingParty(issuer)
	switch {
	case err != nil:
		return nil, err
	case name == "":
		return nil, errors.New("the relying party has no name")
	}
	return &Kind{rpID: id, origin: origin, name: name}, nil
}

// Origin is that of the pages on which browsers use the keys, as browsers write it.
func (k *Kind) Origin() string { return k.origin }

// Names implements mfa.Kind.
func (*Kind) Names() mfa.Names {
	return mfa.Names{Kind: Name, Method: Method, Label: "Passkey", PhishingResistant: true}
}

// Form is what a browser returned, as JSON (RegistrationResponseJSON or AuthenticationResponseJSON of WebAuthn section
// 5.1), for mfa.Service.Confirm.
func Form(response string) url.Values { return url.Values{responseField: {response}} }

// response reads what Form has made.
func response(form url.Values) ([]byte, error) {
	text := form.Get(responseField)
	switch {
	case text == "": // the form was sent without its script
		return nil, &mfa.Refusal{ID: "required", Err: mfa.ErrFormat}
	case len(text) > maxResponse:
		return nil, mfa.ErrFormat
	}
	return []byte(text), nil
}

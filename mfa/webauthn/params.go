package webauthn

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"

	"vestibule/mfa"
)

// record is what must not be changed of a key. It is sealed, as the Secret of its Credential.
type record struct {
	ID       []byte `json:"id"`
	Key      []byte `json:"key"`             // the public key, in COSE
	Handle   []byte `json:"handle"`          // the user handle that it was made for
	Eligible bool   `json:"backup_eligible"` // it may be copied to other devices, which never changes
}

// Params is what a store keeps of a key in the open.
type Params struct {
	ID         []byte   `json:"id"`                   // for lists of keys that a browser is to take or to leave
	Handle     []byte   `json:"handle"`               // of the user, for the next key
	AAGUID     string   `json:"aaguid"`               // the model, in hexadecimal, as the key says; zeros if it does not
	Transports []string `json:"transports,omitempty"` // how browsers reach it, as they said
	Synced     bool     `json:"synced"`               // it may be copied to other devices
	BackedUp   bool     `json:"backed_up"`            // it was, when it was last used
}

// ParseParams reads the Params of a key in a store.
func ParseParams(text string) (p Params, err error) {
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return Params{}, fmt.Errorf("params of a key: %w", err)
	}
	return p, nil
}

// key is a Credential that was read.
type key struct {
	mfa.Credential
	record record
	params Params
}

func keysOf(all []mfa.Credential) ([]key, error) {
	keys := make([]key, len(all))
	for i, c := range all {
		keys[i].Credential = c
		if err := json.Unmarshal(c.Secret, &keys[i].record); err != nil {
			return nil, fmt.Errorf("key %s: %w", c.ID, err)
		}
		var err error
		if keys[i].params, err = ParseParams(c.Params); err != nil {
			return nil, fmt.Errorf("key %s: %w", c.ID, err)
		}
	}
	return keys, nil
}

// descriptor is how the key stands in lists for browsers (WebAuthn section 5.8.3).
func (p Params) descriptor() protocol.CredentialDescriptor {
	d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: p.ID}
	for _, t := range p.Transports {
		d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
	}
	return d
}

// transports are those that a browser named, as far as they look like names. Those not known today are kept too
// (WebAuthn section 5.8.4).
func transports(named []protocol.AuthenticatorTransport) []string {
	var all []string
	for _, t := range named {
		name := string(t)
		strange := name == "" || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
		if !strange && len(all) < 8 && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// encode is what is stored of a record or Params.
func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, bytes and switches
	}
	return text
}

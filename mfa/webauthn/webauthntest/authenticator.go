package webauthntest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// What a browser tells a page when there is no answer (WebAuthn sections 5.1.3 and 5.1.4).
var (
	// ErrInvalidState reports that one of the excluded keys is here.
	ErrInvalidState = errors.New("InvalidStateError")
	// ErrNotAllowed reports that none of the wanted keys is here, or that the user does not want to.
	ErrNotAllowed = errors.New("NotAllowedError")
	// ErrNotSupported reports that no algorithm that is offered is the one of this authenticator.
	ErrNotSupported = errors.New("NotSupportedError")
)

// Flags of authenticator data (WebAuthn section 6.1).
const (
	flagPresent  = 0x01
	flagVerified = 0x04
	flagEligible = 0x08
	flagBackedUp = 0x10
	flagAttested = 0x40
)

// base64url is what JSON of WebAuthn has for bytes.
var base64url = base64.RawURLEncoding

// Authenticator is a device with keys, and the browser that it is plugged into. The zero value with an Origin is a security
// key without a PIN that counts. It is not for use by several goroutines at once.
type Authenticator struct {
	Origin    string // of the page that the browser shows
	Algorithm int    // of new keys; 0: ES256
	Verifies  bool   // it verifies who is there
	Synced    bool   // its keys may be copied to other devices (BE)
	BackedUp  bool   // they were (BS)
	Silent    bool   // it does not count: it always says 0
	Absent    bool   // nobody touches it, and it answers all the same
	RPID      string // that it signs for, whatever a page wants; empty: what the page wants
	Framed    bool   // the page is in a frame of another site
	Obliging  bool   // it makes keys that are excluded, or of an algorithm that is not offered
	ID        []byte // credential ID of new keys; nil: a random one each

	// EditClient changes what the browser says, before it is signed; nil: nothing.
	EditClient func(clientData map[string]any)
	// EditData changes what the device says, before it is signed; nil: nothing.
	EditData func(authenticatorData []byte) []byte

	keys []*credential
}

// New returns an Authenticator at a page of that origin.
func New(origin string) *Authenticator { return &Authenticator{Origin: origin} }

// Clone returns a copy with the same keys, each of which counts on by itself.
func (a *Authenticator) Clone() *Authenticator {
	c := *a
	c.keys = nil
	for _, key := range a.keys {
		k := *key
		c.keys = append(c.keys, &k)
	}
	return &c
}

// IDs returns the credential IDs of its keys, in base64url.
func (a *Authenticator) IDs() []string {
	var all []string
	for _, key := range a.keys {
		all = append(all, base64url.EncodeToString(key.id))
	}
	return all
}

// descriptor and options are those of PublicKeyCredentialCreationOptionsJSON and
// PublicKeyCredentialRequestOptionsJSON that matter here.
type descriptor struct {
	ID string `json:"id"`
}

type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Parameters []struct {
		Algorithm int `json:"alg"`
	} `json:"pubKeyCredParams"`
	Exclude []descriptor `json:"excludeCredentials"`
	Allow   []descriptor `json:"allowCredentials"`
}

// Create is navigator.credentials.create: it makes a key and returns RegistrationResponseJSON.
func (a *Authenticator) Create(creationOptions string) (string, error) {
	var o options
	if err := json.Unmarshal([]byte(creationOptions), &o); err != nil {
		return "", err
	}
	algorithm := a.Algorithm
	if algorithm == 0 {
		algorithm = ES256
	}
	offered := slices.ContainsFunc(o.Parameters, func(p struct {
		Algorithm int `json:"alg"`
	}) bool {
		return p.Algorithm == algorithm
	})
	switch {
	case !a.Obliging && a.find(o.Exclude, o.RP.ID) != nil:
		return "", ErrInvalidState
	case !a.Obliging && !offered:
		return "", ErrNotSupported
	}
	key, err := newCredential(algorithm, a.rpID(o.RP.ID), o.User.ID)
	if err != nil {
		return "", err
	}
	if a.ID != nil {
		key.id = a.ID
	}
	a.keys = append(a.keys, key)
	return a.registration(key, o), nil
}

func newCredential(algorithm int, rpID, handle string) (*credential, error) {
	private, err := newPrivate(algorithm)
	if err != nil {
		return nil, err
	}
	c := &credential{id: make([]byte, 20), rpID: rpID, private: private}
	rand.Read(c.id)
	c.handle, err = base64url.DecodeString(handle)
	return c, err
}

// registration is the answer of a new key, without an attestation (WebAuthn section 8.7).
func (a *Authenticator) registration(key *credential, o options) string {
	data := a.data(key, flagAttested)
	data = append(data, make([]byte, 16)...) // no model
	data = binary.BigEndian.AppendUint16(data, uint16(len(key.id)))
	data = a.edited(slices.Concat(data, key.id, key.cose()))
	object := cborMap(cborText("fmt"), cborText("none"), cborText("attStmt"), cborMap(), cborText("authData"), cborBytes(data))
	return a.response(key, map[string]any{
		"clientDataJSON":    base64url.EncodeToString(a.clientData("webauthn.create", o)),
		"attestationObject": base64url.EncodeToString(object),
		"transports":        []string{"usb", "nfc"},
	})
}

// Get is navigator.credentials.get: one of the keys that are allowed signs, and it returns AuthenticationResponseJSON.
func (a *Authenticator) Get(requestOptions string) (string, error) {
	var o options
	if err := json.Unmarshal([]byte(requestOptions), &o); err != nil {
		return "", err
	}
	key := a.find(o.Allow, o.RPID)
	if key == nil {
		return "", ErrNotAllowed
	}
	client := a.clientData("webauthn.get", o)
	data := a.edited(a.data(key, 0))
	hash := sha256.Sum256(client)
	return a.response(key, map[string]any{
		"clientDataJSON":    base64url.EncodeToString(client),
		"authenticatorData": base64url.EncodeToString(data),
		"signature":         base64url.EncodeToString(key.sign(slices.Concat(data, hash[:]))),
		"userHandle":        base64url.EncodeToString(key.handle),
	}), nil
}

// find returns the first of the relying party's keys listed that is here; nil if none is.
func (a *Authenticator) find(list []descriptor, rpID string) *credential {
	for _, d := range list {
		id, err := base64url.DecodeString(d.ID)
		i := slices.IndexFunc(a.keys, func(k *credential) bool {
			return bytes.Equal(k.id, id) && (k.rpID == rpID || a.RPID != "")
		})
		if err == nil && i >= 0 {
			return a.keys[i]
		}
	}
	return nil
}

func (a *Authenticator) rpID(wanted string) string {
	if a.RPID != "" {
		return a.RPID
	}
	return wanted
}

// data is authenticator data (WebAuthn section 6.1) up to what a new key adds.
func (a *Authenticator) data(key *credential, flags byte) []byte {
	for _, f := range []struct {
		on   bool
		flag byte
	}{{!a.Absent, flagPresent}, {a.Verifies, flagVerified}, {a.Synced, flagEligible}, {a.BackedUp, flagBackedUp}} {
		if f.on {
			flags |= f.flag
		}
	}
	counter := uint32(0)
	if !a.Silent {
		key.counter++
		counter = key.counter
	}
	hash := sha256.Sum256([]byte(a.rpID(key.rpID)))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), counter)
}

func (a *Authenticator) edited(data []byte) []byte {
	if a.EditData == nil {
		return data
	}
	return a.EditData(data)
}

// clientData is what the browser says (WebAuthn section 5.8.1).
func (a *Authenticator) clientData(ceremony string, o options) []byte {
	client := map[string]any{"type": ceremony, "challenge": o.Challenge, "origin": a.Origin, "crossOrigin": a.Framed}
	if a.Framed {
		client["topOrigin"] = "https://frame.example"
	}
	if a.EditClient != nil {
		a.EditClient(client)
	}
	return mustJSON(client)
}

// response is a PublicKeyCredential as its toJSON returns it.
func (a *Authenticator) response(key *credential, response map[string]any) string {
	id := base64url.EncodeToString(key.id)
	all := map[string]any{
		"id": id, "rawId": id, "type": "public-key", "response": maps.Clone(response),
		"clientExtensionResults": map[string]any{}, "authenticatorAttachment": "cross-platform",
	}
	return string(mustJSON(all))
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, switches and maps of them
	}
	return text
}

package webauthn

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"vestibule/mfa"
)

const (
	// challengeSize is in bytes; 16 are the least (WebAuthn section 13.4.3).
	challengeSize = 32
	// handleSize is what WebAuthn section 14.6.1 recommends, in bytes.
	handleSize = 64
	// timeout is how long a browser waits for the user, in milliseconds: the least that WebAuthn section 15.1 recommends.
	timeout = 300_000
	// rsaSize is the least that a modulus may have, in bytes.
	rsaSize = 256
)

// algorithms are those that a relying party should offer so that every key is served (WebAuthn section 5.4), the one
// that most keys have first.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// draft is a set-up until the key has answered. It is sealed.
type draft struct {
	Challenge []byte   `json:"challenge"`
	Handle    []byte   `json:"handle"`
	Exclude   []Params `json:"exclude,omitempty"`
}

// Enrol begins a key that is none of those that the user has. There is nothing to choose.
//
// The user handle is random, as it must say nothing of the user (WebAuthn section 14.6.1), and the same for all keys that a
// user has.
func (*Kind) Enrol(u mfa.User, _ url.Values) (mfa.Credential, error) {
	d := draft{Challenge: random(challengeSize)}
	for _, c := range u.Others {
		p, err := ParseParams(c.Params)
		if err != nil {
			return mfa.Credential{}, fmt.Errorf("key %s: %w", c.ID, err)
		}
		d.Exclude, d.Handle = append(d.Exclude, p), p.Handle
	}
	if d.Handle == nil {
		d.Handle = random(handleSize)
	}
	return mfa.Credential{Secret: encode(d)}, nil
}

func random(size int) []byte {
	b := make([]byte, size)
	rand.Read(b) // never fails
	return b
}

// Offer is what the page of a set-up shows to its script.
type Offer struct {
	draft    draft
	rpID     string
	rpName   string
	finished bool
}

// Options are PublicKeyCredentialCreationOptionsJSON (WebAuthn section 5.1.9), for
// PublicKeyCredential.parseCreationOptionsFromJSON; account is what the browser calls the user. Empty once the key has
// answered.
func (o Offer) Options(account string) string {
	if o.finished {
		return ""
	}
	options := protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{ID: o.rpID, CredentialEntity: protocol.CredentialEntity{Name: o.rpName}},
		User: protocol.UserEntity{
			ID: protocol.URLEncodedBase64(o.draft.Handle), DisplayName: account, CredentialEntity: protocol.CredentialEntity{Name: account},
		},
		Challenge: o.draft.Challenge, Parameters: algorithms, Timeout: timeout, Attestation: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			// A second factor is found by the user's name: it need not take one of the few places that a security key has,
			// for which browsers would want a PIN.
			ResidentKey: protocol.ResidentKeyRequirementDiscouraged, UserVerification: protocol.VerificationPreferred,
		},
		CredentialExcludeList: descriptors(o.draft.Exclude),
	}
	return string(encode(options))
}

func descriptors(all []Params) []protocol.CredentialDescriptor {
	list := make([]protocol.CredentialDescriptor, len(all))
	for i, p := range all {
		list[i] = p.descriptor()
	}
	return list
}

// Offer returns an Offer.
func (k *Kind) Offer(c mfa.Credential) (any, error) {
	if c.Params != "" {
		return Offer{finished: true}, nil
	}
	d, err := draftOf(c)
	if err != nil {
		return nil, err
	}
	return Offer{draft: d, rpID: k.rpID, rpName: k.name}, nil
}

func draftOf(c mfa.Credential) (d draft, err error) {
	if err := json.Unmarshal(c.Secret, &d); err != nil {
		return draft{}, fmt.Errorf("set-up of a key: %w", err)
	}
	if len(d.Challenge) != challengeSize {
		return draft{}, errors.New("set-up of a key: it has no challenge")
	}
	return d, nil
}

// Confirm reads the answer to navigator.credentials.create, in the form of Form (WebAuthn section 7.1). A key that is
// refused is a *Refused.
func (k *Kind) Confirm(c mfa.Credential, answer url.Values) (mfa.Compare, error) {
	d, err := draftOf(c)
	if err != nil {
		return nil, err
	}
	text, err := response(answer)
	if err != nil {
		return nil, err
	}
	made, err := protocol.ParseCredentialCreationResponseBytes(text)
	if err != nil {
		return nil, mfa.ErrFormat
	}
	return func(time.Time) (mfa.Match, error) { return k.confirm(c, d, made) }, nil
}

func (k *Kind) confirm(c mfa.Credential, d draft, made *protocol.ParsedCredentialCreationData) (mfa.Match, error) {
	client, data := made.Response.CollectedClientData, made.Response.AttestationObject.AuthData
	if client.Challenge != protocol.URLEncodedBase64(d.Challenge).String() {
		return mfa.Match{}, refused(ReasonChallenge)
	}
	if err := k.refusal(client, protocol.CreateCeremony, data); err != nil {
		return mfa.Match{}, err
	}
	if slices.ContainsFunc(d.Exclude, func(p Params) bool { return bytes.Equal(p.ID, made.RawID) }) {
		return mfa.Match{}, refused(ReasonKnown)
	}
	if err := k.attested(d, made); err != nil {
		return mfa.Match{}, err
	}
	return keyMade(c, d, made).match(data), nil
}

// attested checks the algorithm and the attestation, which is none as a rule (WebAuthn section 7.1 from step 20), and that
// answers of the key can be checked.
func (k *Kind) attested(d draft, made *protocol.ParsedCredentialCreationData) error {
	_, err := made.Verify(protocol.URLEncodedBase64(d.Challenge).String(), k.rpID, []string{k.origin}, nil, nil,
		protocol.TopOriginExplicitVerificationMode, false, false, true, nil, algorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{})
	if err != nil {
		return refused(ReasonAttestation)
	}
	public, err := webauthncose.ParsePublicKey(made.Response.AttestationObject.AuthData.AttData.CredentialPublicKey)
	if rsa, ok := public.(webauthncose.RSAPublicKeyData); err != nil || ok && len(rsa.Modulus) < rsaSize {
		return refused(ReasonAttestation)
	}
	return nil
}

// keyMade is the key of a set-up that went well.
func keyMade(c mfa.Credential, d draft, made *protocol.ParsedCredentialCreationData) key {
	data := made.Response.AttestationObject.AuthData
	r := record{ID: made.RawID, Key: data.AttData.CredentialPublicKey, Handle: d.Handle, Eligible: data.Flags.HasBackupEligible()}
	p := Params{
		ID: r.ID, Handle: r.Handle, AAGUID: hex.EncodeToString(data.AttData.AAGUID), Transports: transports(made.Response.Transports),
		Synced: r.Eligible, BackedUp: data.Flags.HasBackupState(),
	}
	c.Secret, c.Params = encode(r), string(encode(p))
	return key{c, r, p}
}

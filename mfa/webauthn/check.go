package webauthn

import (
	"bytes"
	"crypto/sha256"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"

	"vestibule/mfa"
)

// Ask is what the page that asks for a key shows to its script.
type Ask struct {
	// Options are PublicKeyCredentialRequestOptionsJSON (WebAuthn section 5.1.10), for
	// PublicKeyCredential.parseRequestOptionsFromJSON.
	Options string
}

// Challenge returns an Ask that any of the keys may answer, and as the state the challenge.
func (k *Kind) Challenge(all []mfa.Credential) ([]byte, any, error) {
	keys, err := keysOf(all)
	if err != nil {
		return nil, nil, err
	}
	options := protocol.PublicKeyCredentialRequestOptions{
		Challenge: random(challengeSize), Timeout: timeout, RelyingPartyID: k.rpID, UserVerification: protocol.VerificationPreferred,
	}
	for _, one := range keys {
		options.AllowedCredentials = append(options.AllowedCredentials, one.params.descriptor())
	}
	return options.Challenge, Ask{string(encode(options))}, nil
}

// MayAnswer reports false of what no script of ours sends. Check reads the rest: to read it takes as long as to check it.
func (k *Kind) MayAnswer(answer url.Values) bool {
	_, err := response(answer)
	return err == nil
}

// Check reads the answer to navigator.credentials.get, in the form of Form (WebAuthn section 7.2). What it proves are
// values of RFC 8176 section 2:
//
//   - hwk: the key stays in the device that made it,
//   - swk: the key may be copied to other devices, so that software holds it,
//   - user: the device has verified who is there, by a PIN or a finger say.
//
// An answer to another challenge is an mfa.ErrChallenge, so no guess: a page that was open for long has one. What one of
// the user's keys has signed and is refused all the same is a *Refused, or a *Cloned.
//
// Detail of a Match: counter; verified, synced and backed_up, each yes or no; and was_backed_up if that has changed.
func (k *Kind) Check(all []mfa.Credential, state []byte, answer url.Values) (mfa.Compare, error) {
	if len(state) != challengeSize {
		return nil, mfa.ErrChallenge
	}
	keys, err := keysOf(all)
	if err != nil {
		return nil, err
	}
	text, err := response(answer)
	if err != nil {
		return nil, err
	}
	signed, err := protocol.ParseCredentialRequestResponseBytes(text)
	switch {
	case err != nil:
		return nil, mfa.ErrFormat
	case signed.Response.CollectedClientData.Challenge != protocol.URLEncodedBase64(state).String():
		return nil, mfa.ErrChallenge
	}
	return func(time.Time) (mfa.Match, error) { return k.check(keys, signed) }, nil
}

// check tries all keys, whichever the answer names, so that its time does not depend on it. Only what a key of the user's
// has signed gets a reason of its own: nobody else can write one into a log.
func (k *Kind) check(keys []key, signed *protocol.ParsedCredentialAssertionData) (mfa.Match, error) {
	var found *key
	for i := range keys {
		if keys[i].signs(signed) && bytes.Equal(keys[i].record.ID, signed.RawID) {
			found = &keys[i]
		}
	}
	if found == nil {
		return mfa.Match{}, mfa.ErrCode
	}
	data := signed.Response.AuthenticatorData
	if err := k.refusal(signed.Response.CollectedClientData, protocol.AssertCeremony, data); err != nil {
		return mfa.Match{}, err
	}
	if err := found.refusal(signed); err != nil {
		return mfa.Match{}, err
	}
	return found.match(data), nil
}

// signs reports whether the signature is the key's (WebAuthn section 7.2 steps 19 to 21).
func (k key) signs(signed *protocol.ParsedCredentialAssertionData) bool {
	public, err := webauthncose.ParsePublicKey(k.record.Key)
	if err != nil {
		return false
	}
	raw := signed.Raw.AssertionResponse
	hash := sha256.Sum256(raw.ClientDataJSON)
	ok, err := webauthncose.VerifySignature(public, slices.Concat(raw.AuthenticatorData, hash[:]), signed.Response.Signature)
	return ok && err == nil
}

// refusal is the first step of what both ceremonies check that fails (WebAuthn section 7.1 from step 7, section 7.2 from
// step 10). Whether the device has verified the user is no such step: it is preferred, and told.
func (k *Kind) refusal(client protocol.CollectedClientData, ceremony protocol.CeremonyType, data protocol.AuthenticatorData) error {
	rpID := sha256.Sum256([]byte(k.rpID))
	for _, step := range []struct {
		failed bool
		reason string
	}{
		{client.Type != ceremony, ReasonType},
		{client.Origin != k.origin, ReasonOrigin},
		{client.CrossOrigin || client.TopOrigin != "", ReasonFrame},
		{!bytes.Equal(data.RPIDHash, rpID[:]), ReasonRelyingParty},
		{!data.Flags.HasUserPresent(), ReasonPresence},
		{data.Flags.HasBackupState() && !data.Flags.HasBackupEligible(), ReasonBackup},
	} {
		if step.failed {
			return refused(step.reason)
		}
	}
	return nil
}

// refusal is the first step that fails of those that need what is stored of the key (WebAuthn section 7.2 steps 6, 18 and
// 22). A counter that does not rise says that there are two of the key, or that the answer came before; 0 is that of
// one that does not count.
func (k key) refusal(signed *protocol.ParsedCredentialAssertionData) error {
	data, handle := signed.Response.AuthenticatorData, signed.Response.UserHandle
	counter := int64(data.Counter)
	switch {
	case len(handle) > 0 && !bytes.Equal(handle, k.record.Handle):
		return refused(ReasonUser)
	case data.Flags.HasBackupEligible() != k.record.Eligible:
		return refused(ReasonBackup)
	case counter <= k.Counter && (counter != 0 || k.Counter != 0):
		return cloned(k.Counter, counter)
	}
	return nil
}

// match is what an mfa.Service is told of a key that has answered.
func (k key) match(data protocol.AuthenticatorData) mfa.Match {
	flags := data.Flags
	detail := map[string]string{
		"counter": strconv.FormatInt(int64(data.Counter), 10), "verified": yesNo(flags.HasUserVerified()),
		"synced": yesNo(k.record.Eligible), "backed_up": yesNo(flags.HasBackupState()),
	}
	c, p := k.Credential, k.params
	c.Counter = int64(data.Counter)
	if p.BackedUp != flags.HasBackupState() {
		detail["was_backed_up"] = yesNo(p.BackedUp)
		p.BackedUp = flags.HasBackupState()
		c.Params = string(encode(p))
	}
	return mfa.Match{Credential: c, AMR: amr(k.record.Eligible, flags.HasUserVerified()), Detail: detail}
}

// amr are the values of RFC 8176 that a key has earned. The RFC has user for one who is present; every ceremony demands
// that, so the value is kept for the stronger fact, and what it says is true as well.
func amr(synced, verified bool) []string {
	values := []string{"hwk"}
	if synced {
		values[0] = "swk"
	}
	if verified {
		values = append(values, "user")
	}
	return values
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

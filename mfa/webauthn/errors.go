package webauthn

import (
	"fmt"

	"vestibule/mfa"
)

// Reasons of a Refused, as they stand in events.
const (
	ReasonChallenge    = "challenge"    // the answer is to another set-up
	ReasonType         = "type"         // the answer is of the other ceremony
	ReasonOrigin       = "origin"       // another site has asked: the user may have met a copy of our pages
	ReasonFrame        = "cross_origin" // our page was in a frame of another site
	ReasonRelyingParty = "rp_id"        // the key was asked for another relying party
	ReasonPresence     = "presence"     // nobody has touched the device
	ReasonUser         = "user_handle"  // the key says that it belongs to another user
	ReasonBackup       = "backup"       // a key that stays in its device says that it does not, or the other way round
	ReasonKnown        = "known"        // the key to be set up is there already
	ReasonAttestation  = "attestation"  // the key to be set up has an algorithm that was not offered, or vouches falsely for itself
)

// Refused is a new key, or an answer that one of the user's keys has signed, which is refused all the same. It is an
// mfa.ErrCode and comes in an *mfa.Refusal.
type Refused struct {
	Reason string
}

func (e *Refused) Error() string { return "key refused: " + e.Reason }

// Unwrap makes a Refused an mfa.ErrCode.
func (e *Refused) Unwrap() error { return mfa.ErrCode }

// Cloned is an answer whose counter has not risen: there are two of the key, or the answer came before (WebAuthn section
// 6.1.1). It is an mfa.ErrUsed and comes in an *mfa.Refusal.
type Cloned struct {
	Last    int64 // that was accepted
	Counter int64 // of the answer
}

func (e *Cloned) Error() string {
	return fmt.Sprintf("the counter of a key is %d after %d", e.Counter, e.Last)
}

// Unwrap makes a Cloned an mfa.ErrUsed.
func (e *Cloned) Unwrap() error { return mfa.ErrUsed }

// texts are the ids of what users are told for a reason, below the name of the kind; refused stands for any other.
var texts = map[string]string{ReasonChallenge: "stale", ReasonKnown: "known", ReasonOrigin: "address", ReasonRelyingParty: "address"}

func refused(reason string) error {
	id := texts[reason]
	if id == "" {
		id = "refused"
	}
	return &mfa.Refusal{ID: id, Reason: reason, Err: &Refused{reason}}
}

func cloned(last, counter int64) error {
	return &mfa.Refusal{ID: "cloned", Reason: "cloned", Err: &Cloned{last, counter}}
}

package totp

import (
	"crypto/rand"
	"net/url"
	"strconv"
	"time"

	"vestibule/mfa"
)

const (
	// Name is that of the kind: in rows, budgets and events.
	Name = "totp"
	// Method is what logins call a proof, and its value of amr (RFC 8176 section 2).
	Method = "otp"
)

// codeField is the field of a form that holds a code.
const codeField = "code"

// Kind is authenticator apps, for an mfa.Service.
type Kind struct {
	Issuer  string  // what apps show above the code; a colon in it is dropped
	Options Options // that new authenticators may have; the zero value means the usual ones
}

// Names implements mfa.Kind.
func (Kind) Names() mfa.Names {
	return mfa.Names{Kind: Name, Method: Method, Label: "Authenticator app", Field: codeField, Open: true}
}

// Answer is a code as the user typed it, for mfa.Service.Verify.
func Answer(code string) mfa.Answer { return mfa.Answer{Kind: Name, Form: Form(code)} }

// Form is a code as the user typed it, for mfa.Service.Confirm.
func Form(code string) url.Values { return url.Values{codeField: {code}} }

// Chosen are settings as a user chooses them, for mfa.Service.Choose.
func (p Params) Chosen() url.Values {
	return url.Values{"algorithm": {p.Algorithm}, "digits": {strconv.Itoa(p.Digits)}, "period": {strconv.Itoa(p.Period)}}
}

// paramsChosen reads what Chosen has made, or a form of the same fields. What cannot be read is not allowed either.
func paramsChosen(chosen url.Values) Params {
	p := Params{Algorithm: chosen.Get("algorithm")}
	p.Digits, _ = strconv.Atoi(chosen.Get("digits"))
	p.Period, _ = strconv.Atoi(chosen.Get("period"))
	return p
}

// Enrol makes a key. chosen are the fields of Params.Chosen.
func (k Kind) Enrol(_ mfa.User, chosen url.Values) (mfa.Credential, error) {
	options := k.Options.orDefault()
	params := options.first()
	if chosen != nil {
		params = paramsChosen(chosen)
	}
	if !options.allow(params) {
		return mfa.Credential{}, mfa.ErrChoice
	}
	secret := make([]byte, algorithms[params.Algorithm].keySize)
	rand.Read(secret)
	return mfa.Credential{Secret: secret, Params: params.encode()}, nil
}

// Offer is what the page of a set-up shows.
type Offer struct {
	Secret  string // in base32
	Issuer  string
	Params  Params
	Options Options // that the user may choose from
	secret  []byte
}

// URI is what the QR code says; account is what the app calls the user.
func (o Offer) URI(account string) string { return uri(o.Issuer, account, o.secret, o.Params) }

// Code is what an app that took the offer shows at a time, for who has none at hand: a demonstration, or a test.
func (o Offer) Code(at time.Time) (string, error) {
	d := device{mfa.Credential{Secret: o.secret}, o.Params}
	return d.code(d.step(at))
}

// Offer returns an Offer.
func (k Kind) Offer(draft mfa.Credential) (any, error) {
	params, err := ParseParams(draft.Params)
	if err != nil {
		return nil, err
	}
	return Offer{base32NoPad.EncodeToString(draft.Secret), k.Issuer, params, k.Options.orDefault(), draft.Secret}, nil
}

// Groups are the secret as people type it, four letters at a time.
func (o Offer) Groups() []string {
	var groups []string
	key := o.Secret
	for len(key) > 4 {
		groups, key = append(groups, key[:4]), key[4:]
	}
	return append(groups, key)
}

// Algorithm is that of the Params, for people.
func (o Offer) Algorithm() string { return AlgorithmName(o.Params.Algorithm) }

// Ask is what the page that asks for a code shows of the user's codes. Each number is there once, the smallest first.
type Ask struct {
	Digits  []int // how many a code may have
	Periods []int // every how many seconds there is a new one
}

// Several reports whether codes of the user differ in length.
func (a Ask) Several() bool { return len(a.Digits) > 1 }

// Length is how many digits a code may have, as texts take it: one number, or several with spaces between.
func (a Ask) Length() string { return numbers(a.Digits) }

// Period is every how many seconds there is a new code; 0 if that depends on the authenticator.
func (a Ask) Period() int {
	if len(a.Periods) == 1 {
		return a.Periods[0]
	}
	return 0
}

// Challenge returns an Ask, and no state: the code depends on the time alone.
func (Kind) Challenge(all []mfa.Credential) ([]byte, any, error) {
	devices, err := devicesOf(all)
	if err != nil {
		return nil, nil, err
	}
	digits, periods := formats(paramsOfAll(devices))
	return nil, Ask{digits, periods}, nil
}

package interaction

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/claims"
	"vestibule/provider/client"
)

// ErrExpired reports a sign-in that was begun too long ago.
var ErrExpired = errors.New("expired")

// Interaction is a sign-in under way: one validated authorization request and what has been
// proved for it so far. Until a password is right it lives, sealed, in the address of the pages
// (Version 0), so that strangers cannot fill the database; from then on it is a row. One that is
// Long is a row before.
type Interaction struct {
	ID            string           `json:"id"`
	Client        string           `json:"client,omitempty"`
	Registered    string           `json:"registered,omitempty"` // the client's Registration
	ClientName    string           `json:"client_name,omitempty"`
	Decided       time.Time        `json:"decided,omitzero"`         // the client's Updated, as the pages know it
	TwoSteps      client.TwoSteps  `json:"two_steps,omitempty"`      // the client's TwoSteps
	FirstParty    bool             `json:"first_party,omitempty"`    // whoever asks gets nothing that the user would have to allow: the program that the pages belong to
	Strange       bool             `json:"strange,omitempty"`        // the client has registered itself, which its users are told
	Device        bool             `json:"device,omitempty"`         // a device asks, and may be before somebody else than the user (RFC 8628 section 5.4)
	Scopes        []string         `json:"scopes,omitempty"`         // requested, and still registered for the client
	Claims        claims.Request   `json:"claims,omitzero"`          // asked for one by one, and given by scopes that are registered for the client
	API           string           `json:"api,omitempty"`            // id of the API that the tokens are for; empty: none
	APIRegistered string           `json:"api_registered,omitempty"` // its Registration
	Redirect      string           `json:"redirect,omitempty"`       // redirect_uri, to show its host
	Demand        assurance.Demand `json:"demand,omitzero"`
	Login         *assurance.Login `json:"login,omitempty"` // nil until the password is right
	Consented     bool             `json:"consented,omitempty"`
	Obliged       string           `json:"obliged,omitempty"` // the level that the pages let nobody through without, since the app or another rule obliges to it
	Waived        bool             `json:"waived,omitempty"`  // the user does not care to reach the level that the client prefers
	Browser       []byte           `json:"browser,omitempty"` // SHA-256 of the cookie of the browser that began it
	Created       time.Time        `json:"created"`
	Expires       time.Time        `json:"expires"`
	Version       int64            `json:"-"` // 0 until it is a row

	// JSON as it is: bytes would be base64 in base64, and would fill a third of an address with nothing.
	Request json.RawMessage `json:"request,omitempty"` // the frozen fosite request

	// Brief stands for Request in an address, which has no room for that; nil: it has. It is enough to sign the user in, and
	// not to answer anybody: the engine begins once more then.
	Brief json.RawMessage `json:"brief,omitempty"`

	// Long says that no address holds it, so that pages Save it first. It is for requests that come from clients with a secret:
	// those of strangers are refused when they are too long.
	Long bool `json:"long,omitempty"`

	UI json.RawMessage `json:"ui,omitempty"` // what the pages remember; opaque here

	// Remembered is what UI was made of, where that was done in this process, so that pages need not read UI; nil: it was not.
	// A row that is read before the next page shares it: whoever takes it out changes nothing that it refers to.
	Remembered any `json:"-"`

	// Reloadable says that the browser has asked for the request by an address which begins the same anew whenever it is asked
	// for again, and that no other request has. So a page may be shown right there.
	Reloadable bool `json:"-"`

	// Keep seals where the interaction ends, for the same form sent again; nil: nothing is kept, and the row goes.
	Keep   func(to string) ([]byte, error) `json:"-"`
	Answer []byte                          `json:"answer,omitempty"` // what Keep has made; the interaction has ended
}

// inAddress is the interaction as an address holds it. With a Brief nobody gets anything at its end, so that there is
// nothing to allow.
func (ix *Interaction) inAddress() *Interaction {
	if ix.Brief == nil {
		return ix
	}
	short := *ix
	short.Request, short.Brief, short.FirstParty = ix.Brief, nil, true
	return &short
}

// Required is what the login must satisfy: the demand of the request, and what has come of it since.
func (ix *Interaction) Required() assurance.Demand {
	d := ix.Demand
	d.Policy, d.Waived = ix.Obliged, ix.Waived
	return d
}

// Follow takes over what has changed of the client since: what it is called, what it obliges its users to, what it may ask
// for, and that its users have to allow that now. What they had to allow when they began they still have to. A client that
// was registered anew under the same id is another one, and Finish refuses it.
func (ix *Interaction) Follow(c client.Client) {
	if ix.Registered != c.Registration || ix.Decided.Equal(c.Updated) {
		return
	}
	ix.Decided, ix.TwoSteps, ix.Scopes, ix.Claims = c.Updated, c.TwoSteps, c.Permitted(ix.Scopes), ix.Claims.Within(c.Scopes)
	ix.ClientName, ix.Strange, ix.FirstParty = c.Label(), c.IsStrange(), ix.FirstParty && c.SkipsConsent(ix.Redirect)
}

// ToAllow returns the scopes that the user has to allow: those requested, and those that stand for the claims which are
// asked for one by one. Who allows the claims of a scope allows each of them.
func (ix *Interaction) ToAllow() []string {
	all := slices.Clone(ix.Scopes)
	for _, scope := range ix.Claims.Scopes() {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// inName begins what is remembered of an API: its registration and, after a colon, its id. No scope has such a character.
const inName = "api="

// ToRemember returns what is remembered of a user who allows it: the scopes, and the API that the client may use in the user's
// name. Who has allowed scopes was told of no API, or of another.
func (ix *Interaction) ToRemember() []string {
	if ix.API == "" {
		return ix.ToAllow()
	}
	return append(ix.ToAllow(), inName+ix.APIRegistered+":"+ix.API)
}

// Allowed is what a user has allowed a client.
type Allowed struct {
	Scopes []string
	APIs   []AllowedAPI // that it may use in the user's name
}

// AllowedAPI is an API as it was registered then.
type AllowedAPI struct{ ID, Registration string }

// ReadAllowed tells apart what ToRemember has put together, once or several times.
func ReadAllowed(remembered []string) Allowed {
	var a Allowed
	for _, word := range remembered {
		api, ok := strings.CutPrefix(word, inName)
		if !ok {
			a.Scopes = append(a.Scopes, word)
			continue
		}
		registration, id, _ := strings.Cut(api, ":")
		a.APIs = append(a.APIs, AllowedAPI{id, registration})
	}
	return a
}

// keep notes where the interaction ends.
func (ix *Interaction) keep(to string) (err error) {
	if ix.Keep != nil {
		ix.Answer, err = ix.Keep(to)
	}
	return err
}

// RequestError is an authorization request that cannot be answered by a redirect, because the
// client or its redirect URI is not known. It is shown to the user (RFC 6749 section 4.1.2.1).
type RequestError struct {
	Status      int    // of the HTTP answer
	Code        string // an error code of RFC 6749 or OpenID Connect Core
	Description string // for the makers of the client
	ClientID    string // as it was sent; may be empty or anything
	ClientName  string // set if the client is known
	RedirectURI string // as it was sent; never to be made a link
}

func (e *RequestError) Error() string { return e.Code + ": " + e.Description }

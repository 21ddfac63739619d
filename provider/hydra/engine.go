package hydra

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/limiter"
	"vestibule/provider/store"
)

// Config is what an Engine is made of.
type Config struct {
	Admin    *Admin
	Flows    *interaction.Flows
	Accounts account.Accounts
	Sessions Sessions
	Sealer   interaction.Sealer // seals what travels through Hydra and back
	Journal  audit.Journal      // no Recorder: no log is kept
	Address  string             // that the pages are below, such as https://id.example.com
	Levels   assurance.Levels   // the zero value works
	Remember time.Duration      // how long Hydra's sessions last: as long as ours; 0: as long as Hydra keeps them
	Now      func() time.Time   // nil: time.Now

	UserCodes UserCodes // how guesses at user codes of devices are counted; its Counter must be set
}

// Sessions are the sessions of the pages.
type Sessions interface {
	// RequireSession makes the commit of ctx fail with interaction.ErrSessionEnded if the session with that sid has ended.
	RequireSession(ctx context.Context, sid string) error
}

// Engine begins sign-ins that Hydra asks for, and tells Hydra what has come of them. Use New. It also is what the pages
// know clients by.
type Engine struct {
	Config
	addresses limiter.Limiter // who waits at the addresses that take challenges
}

const (
	addressAtOnce  = adminAtOnce / 2 // of one network
	addressWaiting = 64
)

// New returns an Engine.
func New(c Config) (*Engine, error) {
	set := c.Admin != nil && c.Flows != nil && c.Accounts != nil && c.Sessions != nil && c.Sealer != nil && c.Journal.Atomic != nil
	if !set || c.UserCodes.Counter == nil || c.Address == "" {
		return nil, errors.New("hydra: Admin, Flows, Accounts, Sessions, Sealer, Journal.Atomic, UserCodes.Counter and Address must be set")
	}
	c.UserCodes = c.UserCodes.withDefaults()
	if c.Journal.Recorder == nil {
		c.Journal.Recorder = audit.NopRecorder{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Engine{Config: c, addresses: limiter.Limiter{AtOnce: addressAtOnce, Waiting: addressWaiting}}, nil
}

// frozen is what an Interaction keeps of a login request. All of it is part of the challenge, which never changes, so that
// it need not be read once more.
type frozen struct {
	URL       string `json:"url"`       // of the authorization request
	Challenge string `json:"challenge"` // empty: no address had room for it, and Hydra is to make another one
	Skip      bool   `json:"skip,omitempty"`
	Subject   string `json:"subject,omitempty"` // of Hydra's session
}

func freezeRequest(request LoginRequest, challenge string) frozen {
	return frozen{URL: request.RequestURL, Challenge: challenge, Skip: request.Skip, Subject: request.Subject}
}

// isDevice reports whether the request is that of a device.
func (f frozen) isDevice() bool { return LoginRequest{RequestURL: f.URL}.isDevice() }

func thaw(ix *interaction.Interaction) (f frozen, err error) {
	if err := json.Unmarshal(ix.Request, &f); err != nil {
		return f, fmt.Errorf("hydra: frozen request: %w", err)
	}
	return f, nil
}

// Finish accepts the login at Hydra. It checks once more that the login satisfies the demand, as of at. Hydra is asked
// first and the end of the interaction is committed then: what comes of a commit that fails is an answer of Hydra's that
// no browser gets.
//
// Outcomes: store.ErrConflict if the interaction had ended or changed; account.ErrPassword if what the user has proved no
// longer counts; client.ErrChanged if the pages must decide anew; store.ErrUnavailable if Hydra does not answer. Nothing
// was committed or answered then.
func (e *Engine) Finish(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, at time.Time, with ...func(ctx context.Context) error) error {
	if at.IsZero() || !ix.Login.Satisfies(ix.Required(), at) {
		return errors.New("finish: the login does not satisfy the request")
	}
	f, err := thaw(ix)
	if err != nil {
		return err
	}
	to, t, err := e.conclude(r.Context(), f, ix, at)
	if err != nil {
		return err
	}
	with = append(with[:len(with):len(with)], func(ctx context.Context) error {
		return e.Accounts.RequireAccount(ctx, ix.Login.Subject, ix.Login.Epoch)
	})
	if t != nil {
		with = append(with, func(ctx context.Context) error {
			return e.Journal.Record(ctx, ix.Granted(r, t.AMR, t.ACR, time.Unix(t.Time, 0)))
		})
	}
	return e.end(w, r, ix, to, with)
}

// conclude returns where the browser goes on, and what the client hears of the login there; nil: nothing, since Hydra is to
// begin once more.
func (e *Engine) conclude(ctx context.Context, f frozen, ix *interaction.Interaction, at time.Time) (to string, t *told, err error) {
	if f.Challenge == "" {
		to, err = e.renewed(f.URL, ix, deviceLong)
		return to, nil, err
	}
	rp, err := e.current(ctx, ix)
	if err != nil {
		return "", nil, err
	}
	switch {
	case f.Skip && f.isDevice() && f.Subject != ix.Login.Subject:
		to, err = e.instead(ctx, f, ix)
		return to, nil, err
	case f.Skip && !f.isDevice() && e.outdated(f, ix), !ix.Demand.Means(e.Levels, rp.ACRNames):
		to, err = e.again(ctx, f, ix)
		return to, nil, err
	}
	return e.accept(ctx, f, ix, e.told(rp, ix, at))
}

// current returns the client of the interaction, if it is the one that the pages have decided for.
func (e *Engine) current(ctx context.Context, ix *interaction.Interaction) (client.Client, error) {
	rp, err := e.Client(ctx, ix.Client)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && rp.Registration != ix.Registered:
		return rp, requestError("invalid_client", "The client was changed or removed during the sign-in.", ix)
	case err != nil:
		return rp, err
	case !rp.Updated.Equal(ix.Decided):
		return rp, client.ErrChanged
	}
	return rp, nil
}

// told is what the client hears of the login. It goes through Hydra with the login, and comes back with the consent.
type told struct {
	Subject string   `json:"subject"`
	Client  string   `json:"client"`
	Session string   `json:"session"` // our sid
	Epoch   int64    `json:"epoch"`
	Scopes  []string `json:"scopes"` // that the user has allowed
	ACR     string   `json:"acr"`
	AMR     []string `json:"amr"`
	Time    int64    `json:"auth_time"` // seconds since 1970
}

func (e *Engine) told(rp client.Client, ix *interaction.Interaction, at time.Time) told {
	login := ix.Login.Told(ix.Required(), at)
	return told{
		Subject: login.Subject, Client: rp.ID, Session: login.Session, Epoch: login.Epoch, Scopes: ix.Scopes,
		ACR: e.Levels.ACR(rp.ACRNames, ix.Required(), login), AMR: login.AMR(), Time: login.AuthTime().Unix(),
	}
}

// accept returns where the browser goes on with the login, as conclude does.
func (e *Engine) accept(ctx context.Context, f frozen, ix *interaction.Interaction, t told) (string, *told, error) {
	sealed, err := e.seal(t)
	if err != nil {
		return "", nil, err
	}
	to, err := e.Admin.AcceptLogin(ctx, f.Challenge, LoginAccept{
		Subject: t.Subject, Remember: true, RememberFor: int(e.Remember / time.Second), ACR: t.ACR, AMR: t.AMR, Context: map[string]string{contextKey: sealed},
	})
	switch {
	case errors.Is(err, ErrChallenge): // the user has taken longer than Hydra waits
		to, err = e.renewed(f.URL, ix, deviceLate)
		return to, nil, err
	case err != nil:
		to, err = e.settled(ix, err)
		return to, nil, err
	}
	return to, &t, nil
}

// outdated reports whether Hydra's session is not the one of this login: it is another user's, or older than what was just
// proved. Hydra would go on to tell its time. For the request of a device that is left so if the user is the same, who would
// have to enter the code again: what its tokens say of the time of the sign-in is older than the truth, and never newer.
func (e *Engine) outdated(f frozen, ix *interaction.Interaction) bool {
	return f.Subject != ix.Login.Subject || ix.Login.LastAuthentication().After(ix.Demand.RequestedAt)
}

// again has Hydra begin anew, unless no page may be shown on the way.
func (e *Engine) again(ctx context.Context, f frozen, ix *interaction.Interaction) (string, error) {
	if !ix.Demand.PromptNone {
		return e.renewed(f.URL, ix, deviceLate)
	}
	to, err := e.Admin.RejectLogin(ctx, f.Challenge, rejection("login_required"))
	if err != nil {
		return e.settled(ix, err)
	}
	return to, nil
}

// settled makes of an error of Hydra's where the browser goes on, if it says so.
func (e *Engine) settled(ix *interaction.Interaction, err error) (string, error) {
	var used *UsedError
	var refused *RefusedError
	switch {
	case errors.As(err, &used):
		return used.RedirectTo, nil
	case errors.Is(err, ErrChallenge), errors.As(err, &refused):
		return "", requestError("invalid_request", "The request has expired at the authorization server, or is not known there.", ix)
	}
	return "", err
}

// Refuse rejects the login at Hydra, which tells the client. Its outcomes are those of Finish.
func (e *Engine) Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(ctx context.Context) error) error {
	f, err := thaw(ix)
	if err != nil {
		return err
	}
	to, err := e.reject(r.Context(), f, ix, code)
	if err != nil {
		return err
	}
	if ix.Login != nil { // a stranger's silent request leaves nothing behind
		with = append(with[:len(with):len(with)], func(ctx context.Context) error { return e.Journal.Record(ctx, ix.Refused(r, code)) })
	}
	return e.end(w, r, ix, to, with)
}

// reject returns where the browser goes on: to Hydra, which tells the client.
func (e *Engine) reject(ctx context.Context, f frozen, ix *interaction.Interaction, code string) (to string, err error) {
	switch {
	case f.Challenge != "":
		to, err = e.Admin.RejectLogin(ctx, f.Challenge, rejection(code))
	case !f.isDevice():
		return e.renewedTo(f.URL, ix, marker{Refusal: code})
	}
	if err != nil {
		to, err = e.settled(ix, err)
	}
	if err == nil && f.isDevice() { // which nobody can tell: Hydra would show the browser an answer for programs
		return e.deviceAgain(f.URL, deviceDenied)
	}
	return to, err
}

// end commits the end of the interaction, and sends the browser on.
func (e *Engine) end(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, to string, with []func(context.Context) error) error {
	if err := e.Flows.EndAt(r.Context(), ix, to, with...); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// requestError is a request that no client can be told of.
func requestError(code, description string, ix *interaction.Interaction) error {
	return &interaction.RequestError{
		Status: http.StatusBadRequest, Code: code, Description: description, ClientID: ix.Client, ClientName: ix.ClientName, RedirectURI: ix.Redirect,
	}
}

// rejection is the error for the client.
func rejection(code string) Rejection {
	return Rejection{
		Code: code, Status: http.StatusBadRequest,
		Description: cmp.Or(interaction.Description(code), refusals[code], interaction.Description("access_denied")),
	}
}

// refusals are the descriptions of the errors that the pages never answer with.
var refusals = map[string]string{
	"invalid_request":           "A parameter is not understood, or the request is too long: state, nonce, redirect_uri, login_hint and claims must be shorter together.",
	"request_not_supported":     "The sign-in pages cannot read request objects.",
	"request_uri_not_supported": "The sign-in pages cannot read request objects.",
}

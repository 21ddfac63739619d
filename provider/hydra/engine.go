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
	"vestibule/web/usercode"
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

	UserCodes usercode.Guesses // of devices; its Counter must be set, its Journal and Now are those above
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
	if c.Journal.Recorder == nil {
		c.Journal.Recorder = audit.NopRecorder{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.UserCodes.Journal, c.UserCodes.Now = c.Journal, c.Now
	c.UserCodes = c.UserCodes.WithDefaults()
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
	a, err := e.conclude(r.Context(), f, ix, at)
	if err != nil {
		return err
	}
	with = append(with[:len(with):len(with)], func(ctx context.Context) error {
		return e.Accounts.RequireAccount(ctx, ix.Login.Subject, ix.Login.Epoch)
	})
	return e.end(w, r, ix, a, with)
}

// answer is where the browser goes on, and what the client hears there: nothing yet if the request begins anew, and nothing
// of this sign-in if Hydra had the answer of another.
type answer struct {
	to      string
	granted *told
	refused string // the error
}

// conclude tells Hydra of the login, unless it is to begin once more.
func (e *Engine) conclude(ctx context.Context, f frozen, ix *interaction.Interaction, at time.Time) (answer, error) {
	if f.Challenge == "" {
		return e.anew(f, ix, deviceLong)
	}
	rp, err := e.current(ctx, ix)
	if err != nil {
		return answer{}, err
	}
	switch {
	case f.Skip && f.isDevice() && f.Subject != ix.Login.Subject:
		return e.instead(ctx, f, ix)
	case f.Skip && !f.isDevice() && e.outdated(f, ix), !ix.Demand.Means(e.Levels, rp.ACRNames):
		return e.again(ctx, f, ix)
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

// accept has Hydra take the login.
func (e *Engine) accept(ctx context.Context, f frozen, ix *interaction.Interaction, t told) (answer, error) {
	sealed, err := e.seal(t)
	if err != nil {
		return answer{}, err
	}
	to, err := e.Admin.AcceptLogin(ctx, f.Challenge, LoginAccept{
		Subject: t.Subject, Remember: true, RememberFor: int(e.Remember / time.Second), ACR: t.ACR, AMR: t.AMR, Context: map[string]string{contextKey: sealed},
	})
	switch {
	case errors.Is(err, ErrChallenge): // the user has taken longer than Hydra waits
		return e.anew(f, ix, deviceLate)
	case err != nil:
		return e.settled(ix, err)
	}
	return answer{to: to, granted: &t}, nil
}

// outdated reports whether Hydra's session is not the one of this login: it is another user's, or older than what was just
// proved. Hydra would go on to tell its time. For the request of a device that is left so if the user is the same, who would
// have to enter the code again: what its tokens say of the time of the sign-in is older than the truth, and never newer.
func (e *Engine) outdated(f frozen, ix *interaction.Interaction) bool {
	return f.Subject != ix.Login.Subject || ix.Login.LastAuthentication().After(ix.Demand.RequestedAt)
}

// again has Hydra begin anew, unless no page may be shown on the way.
func (e *Engine) again(ctx context.Context, f frozen, ix *interaction.Interaction) (answer, error) {
	if !ix.Demand.PromptNone {
		return e.anew(f, ix, deviceLate)
	}
	return e.rejected(ctx, f, ix, "login_required")
}

// anew has the request begin anew. That of a device cannot: its user is told why.
func (e *Engine) anew(f frozen, ix *interaction.Interaction, why string) (answer, error) {
	to, err := e.renewed(f.URL, ix, why)
	return answer{to: to}, err
}

// rejected has the client hear an error.
func (e *Engine) rejected(ctx context.Context, f frozen, ix *interaction.Interaction, code string) (answer, error) {
	to, err := e.Admin.RejectLogin(ctx, f.Challenge, rejection(code))
	if err != nil {
		return e.settled(ix, err)
	}
	return answer{to: to, refused: code}, nil
}

// settled makes of an error of Hydra's where the browser goes on, if it says so.
func (e *Engine) settled(ix *interaction.Interaction, err error) (answer, error) {
	var used *UsedError
	var refused *RefusedError
	switch {
	case errors.As(err, &used):
		return answer{to: used.RedirectTo}, nil
	case errors.Is(err, ErrChallenge), errors.As(err, &refused):
		return answer{}, requestError("invalid_request", "The request has expired at the authorization server, or is not known there.", ix)
	}
	return answer{}, err
}

// Refuse rejects the login at Hydra, which tells the client. Its outcomes are those of Finish.
func (e *Engine) Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(ctx context.Context) error) error {
	f, err := thaw(ix)
	if err != nil {
		return err
	}
	a, err := e.reject(r.Context(), f, ix, code)
	if err != nil {
		return err
	}
	return e.end(w, r, ix, a, with)
}

// reject has the client hear the error: from Hydra, at once or when it has begun once more. A device hears nothing, since
// Hydra would show the browser an answer for programs.
func (e *Engine) reject(ctx context.Context, f frozen, ix *interaction.Interaction, code string) (a answer, err error) {
	switch {
	case f.Challenge != "":
		a, err = e.rejected(ctx, f, ix, code)
	case !f.isDevice():
		a.refused = code
		a.to, err = e.renewedTo(f.URL, ix, marker{Refusal: code})
	default:
		a.refused = code
	}
	if err == nil && f.isDevice() {
		a.to, err = e.deviceAgain(f.URL, deviceDenied)
	}
	return a, err
}

// end commits the end of the interaction with what the client hears, and sends the browser on.
func (e *Engine) end(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, a answer, with []func(context.Context) error) error {
	if err := e.Flows.EndAt(r.Context(), ix, a.to, append(with[:len(with):len(with)], e.recorded(r, ix, a))...); err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, a.to, http.StatusSeeOther)
	return nil
}

// recorded records what the client hears. A stranger's silent request leaves nothing behind.
func (e *Engine) recorded(r *http.Request, ix *interaction.Interaction, a answer) func(context.Context) error {
	return func(ctx context.Context) error {
		switch {
		case a.granted != nil:
			return e.Journal.Record(ctx, ix.Granted(r, a.granted.AMR, a.granted.ACR, time.Unix(a.granted.Time, 0)))
		case a.refused != "" && ix.Login != nil:
			return e.Journal.Record(ctx, ix.Refused(r, a.refused))
		}
		return nil
	}
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

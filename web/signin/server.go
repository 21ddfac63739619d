// Package signin is the pages between a request and its answer: sign-in, the second step, set-up, consent.
//
// A sign-in is one interaction.Interaction. Every handler changes that value and decides, which gathers facts and asks the
// pure function next what is still owed. There is no other way forward, so there is no step to skip. The pages need no
// JavaScript, render nothing in answer to a POST, and never hold a proof of their own making: a Login is adopted from a
// stored session or proved here and now. The policy says who must have a second factor; it is asked about users who have
// none, and about all only where it asks for a phishing-resistant one, is still to change, or only reports. A change of
// the factors takes the best that the user has, or a recovery code, whatever the policy says. That a browser is remembered
// leaves out the code where nobody demands it, and is never written down as a proof.
//
// The names say what a function does to the world: commit writes, redirect answers, save writes the row of a sign-in,
// and require refuses what does not rest on what it must. What has changed under a sign-in is not an error: it is
// decided anew.
package signin

import (
	"context"
	"net/http"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/web/browser"
	"vestibule/web/enrol"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// Engine answers whoever asked for the sign-in. provider.Provider is one.
type Engine interface {
	// Finish says who has signed in, and ends the interaction. It checks once more, as of at, that the login satisfies
	// the demand. Whatever with writes is part of the one commit.
	Finish(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, at time.Time, with ...func(context.Context) error) error
	// Refuse says why nobody has, with an error code of OIDC Core 3.1.2.6 or RFC 6749 section 4.1.2.1, and ends the
	// interaction.
	Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(context.Context) error) error
}

// Clients are the relying parties.
type Clients interface {
	// Client returns a relying party, or store.ErrNotFound. One that is made anew under an old id has another Registration.
	Client(ctx context.Context, id string) (client.Client, error)
}

// SessionGrants answers what the user of a session has allowed a client.
type SessionGrants interface {
	// SessionGrantAlong is the GrantAlong of a consent.Store, for the subject of the session with that ID: consent.ErrNotFound
	// also if there is no such session.
	SessionGrantAlong(ctx context.Context, session []byte, client consent.Client) (_ context.Context, found func(context.Context) (consent.Grant, error))
}

// Config is what a Server is made of.
type Config struct {
	*ui.Pages
	browser.Browsers
	Engine          Engine
	Flows           *interaction.Flows
	Clients         Clients
	Apps            Apps // the Clients, with what users are shown of them; nil: nothing but their names
	Accounts        account.Accounts
	MFA             *mfa.Service
	Consent         *consent.Service
	TokensElsewhere bool // the store of Consent does not have the tokens of clients
	// Grants answers of the Consent, where that is in one database with the sessions; nil: it is asked once the session is known.
	Grants    SessionGrants
	Policy    mfa.Policy // who must have a second factor; the zero value obliges nobody
	Passwords *verify.Passwords
	Codes     *verify.Codes
	Enrol     *enrol.Server
	Journal   audit.Journal
	Mail      bool       // the Recorder sends users mail about what it records
	Host      Host       // where passwords are given; nil: these pages ask for them
	SignOut   ui.Handler // ends the session of the browser, and leads to where whoever has signed out belongs
	// OwnPage returns the page of ours that a sign-in which no client asked for may end at: path, if it is one.
	OwnPage func(path string) string
	// CommitsAnswers says that the Engine tells nobody of a login before the commit of Finish. Then that commit alone finds out
	// whether the session lives that the sign-in has opened; else the session is read before the Engine is asked.
	CommitsAnswers bool
}

// Server is the pages of sign-ins.
type Server struct {
	Config
	commits
}

// flows finds the sign-in that a request belongs to, and keeps it.
type flows struct{ *Config }

// commits writes what follows from a proof or an answer, each in a commit with what it rests on.
type commits struct {
	flows
	decider
}

// New returns a Server.
func New(c Config) *Server {
	s := &Server{Config: c}
	s.commits = commits{flows{&s.Config}, decider{
		accounts: c.Accounts, clients: c.Clients, consented: c.Consent, factors: c.MFA, policy: c.Policy, browsers: c.Remembered, now: c.Now,
	}}
	return s
}

// decide finds out what the sign-in owes next, and applies what it has learnt on the way.
func (s *commits) decide(ctx context.Context, fl *flow) (step, error) {
	d, err := s.decider.decide(ctx, fl)
	if err != nil {
		return d.owed, err
	}
	fl.apply(d)
	return d.owed, nil
}

// Package account is a user's own pages: the factors, the recovery codes, the sessions and browsers, and what happened.
package account

import (
	"net/http"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	accounts "vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/web/browser"
	"vestibule/web/enrol"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// Gate lets users in who have proved who they are.
type Gate interface {
	// Pass reports whether the session, nil if there is none, owes nothing. fresh asks for a proof of the last minutes as
	// well, that is good enough to change the factors. If something is owed, the browser was sent through a sign-in that
	// ends at the page that was asked for.
	Pass(w http.ResponseWriter, r *http.Request, session *interaction.Session, fresh bool) (bool, error)
	// Reprove sends the browser through such a sign-in whatever second factor the session has, so that it gets a new one.
	Reprove(w http.ResponseWriter, r *http.Request, session *interaction.Session) error
	// PassPassword is Pass that asks for a password of the last minutes, which no code stands for, and for a code as fresh.
	PassPassword(w http.ResponseWriter, r *http.Request, session *interaction.Session) (bool, error)
}

// Config is what a Server is made of.
type Config struct {
	*ui.Pages
	browser.Browsers
	Gate            Gate
	Accounts        accounts.Accounts
	Clients         Clients                      // those that Activity and Consents name
	Consents        *consent.Service             // which clients can use an account; nil: nobody here knows
	TokensElsewhere bool                         // Consents knows what is remembered, and not which tokens there are
	LogoPath        func(c client.Client) string // where the logo of a client is, below the Prefix; empty: it has none
	MFA             *mfa.Service
	Policy          mfa.Policy
	Passwords       *verify.Passwords
	Changer         accounts.PasswordChanger // nil: users do not change their passwords here
	PasswordStore   PasswordStore            // needed where Changer is set
	AtHost          bool                     // passwords are given elsewhere, and these pages never ask for one
	Codes           *verify.Codes
	Enrol           *enrol.Server
	Activity        Activity      // nil: nothing is shown
	ActivityKept    time.Duration // how long Activity goes back; 0: for ever
	Resets          Resets        // nil: nobody ever plans one
	LinkKeys        [][]byte      // newest first: make the links that cancel a reset; needed where Resets is set
	Journal         audit.Journal
}

// Server is the pages of the account.
type Server struct {
	Config
	history
}

// history is what has happened, in sentences.
type history struct{ *Config }

// New returns a Server.
func New(c Config) *Server {
	if c.Activity == nil {
		c.Activity = noActivity{}
	}
	if c.Resets == nil {
		c.Resets = noResets{}
	}
	s := &Server{Config: c}
	s.history = history{&s.Config}
	return s
}

// The pages.
const (
	securityPath  = "/account/security"
	activityPath  = "/account/activity"
	appsPath      = "/account/apps"
	removeAppPath = appsPath + "/remove"
	passwordPath  = "/account/password"
	enrolPath     = "/account/authenticators/new"
	codesPath     = "/account/recovery-codes"
	newCodesPath  = codesPath + "?new=1"
	downloadPath  = codesPath + "/download"
)

// kindEnrolPath is the page that sets up an authenticator of the kind.
func kindEnrolPath(kind string) string { return "/account/setup/" + kind }

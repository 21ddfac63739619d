package web

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/logout"
	accountpages "vestibule/web/account"
	"vestibule/web/browser"
	"vestibule/web/catalogue"
	"vestibule/web/enrol"
	logoutpages "vestibule/web/logout"
	"vestibule/web/signin"
	"vestibule/web/ui"
	"vestibule/web/usercode"
	"vestibule/web/verify"
)

// Config is what a Server is made of.
type Config struct {
	Source    Source
	Accounts  account.Accounts
	MFA       *mfa.Service
	Consent   *consent.Service // without a Store nobody is asked for consent
	Policy    mfa.Policy       // who must have a second factor; the zero value obliges nobody
	Passwords Passwords
	UserCodes usercode.Guesses // at codes of Source.Devices, where its Counter must be set; its Journal and Now are those below
	Stores    Stores
	Journal   audit.Journal // Atomic commits all that is written to any of the stores, or nothing; no Recorder: no log is kept
	Times     Times
	Keys      Keys
	Site      Site
	Host      Host             // where passwords are given; nil: the pages ask for them
	Mail      bool             // the Recorder sends users mail about what it records
	Log       *slog.Logger     // nil: slog.Default
	Now       func() time.Time // nil: time.Now
}

// Source is who asks for sign-ins, and hears what has come of them.
type Source struct {
	Issuer  string // origin of the pages
	Engine  signin.Engine
	Flows   *interaction.Flows
	Clients signin.Clients
	// CommitsAnswers says that the Engine tells nobody of a login before the commit of its Finish: that saves a question.
	CommitsAnswers bool
	// TokensElsewhere says that the store of the Consent does not have the tokens of clients: it cannot tell what they were allowed
	// only once.
	TokensElsewhere bool
	// SignOuts are the clients that ask for sign-outs here (RP-Initiated Logout 1.0); nil: they ask elsewhere, or not at all.
	SignOuts logout.Clients
	// FrontChannel is how those hear of sign-outs in frames of the browser (Front-Channel Logout 1.0); nil: they do not.
	FrontChannel logoutpages.FrontChannel
	// Apps are the Clients with what users are shown of them; nil: nothing but their names.
	Apps signin.Apps
	// Devices are those whose users enter codes here; nil: there are none, or they are told of elsewhere.
	Devices Devices
}

// Host is a program whose users give their passwords at pages of its own, and sign out there.
type Host interface {
	signin.Host
	logoutpages.Host
}

// Passwords is how passwords are counted.
type Passwords struct {
	Attempts mfa.Counter
	Refunds  *mfa.Refunds  // of Attempts; nil: one of its own
	Limits   verify.Limits // the zero value means the defaults
	// Changer has users change their own passwords; nil: they do not, or not here.
	Changer account.PasswordChanger
}

// Stores keep what the pages need beside what their services keep.
type Stores struct {
	Sessions   browser.SessionStore
	Grants     signin.SessionGrants       // those of the Consent, where it is in one database with the sessions: that saves a question; nil: it is elsewhere
	Browsers   browser.RememberedStore    // must be set if Times.RememberBrowser is
	EnrolLinks enrol.Links                // nil: nobody ever gets a link
	Resets     accountpages.Resets        // nil: no operator ever plans one
	Activity   accountpages.Activity      // shows users what is in the log; nil: nothing
	Passwords  accountpages.PasswordStore // must be set if Passwords.Changer is
}

// Times say how long things last.
type Times struct {
	SessionIdle     time.Duration // 0: 1 h
	SessionLifetime time.Duration // from the password on; 0: 12 h
	RememberBrowser time.Duration // how long a browser may be remembered that need not give a code; 0: never
	ActivityKept    time.Duration // how long Stores.Activity goes back; 0: for ever
}

// Keys make what browsers and links hold; each of them makes nothing else.
type Keys struct {
	Devices [][]byte // newest first: make cookies that know a browser again; none: no browser is known
	Binding []byte   // makes the values that bind a sign-in to its browser, the same in all processes; none: each makes its own
	Links   [][]byte // newest first: make the links that cancel a reset; needed where Stores.Resets is set
}

// Site is what users see of the pages as a whole.
type Site struct {
	Prefix  string         // of all addresses of the pages, such as /id; empty: they begin at the root
	Name    string         // what the pages call this server; empty: Vestibule
	Contact string         // whom users may ask for help; may be empty
	Texts   *catalogue.Set // what the pages say, by language; nil: what comes with the program
	Look    fs.FS          // templates and static files in the place of those of web/ui that have the same name: layout.html has the logo, app.css the colours; nil: none
	Factors fs.FS          // templates and scripts of kinds of authenticator that do not come with the program, see ui.Kind; nil: none
}

// Server is the pages. A Provider takes it as its UI.
type Server struct {
	*ui.Pages
	signIn  *signin.Server
	signOut *logoutpages.Server
	account *accountpages.Server

	devices   Devices // nil: none
	userCodes usercode.Guesses
}

// New returns a Server.
func New(c Config) (*Server, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	pages, err := ui.New(ui.Config{
		Issuer: c.Source.Issuer, Prefix: c.Site.Prefix, Name: c.Site.Name, Contact: c.Site.Contact, Texts: c.Site.Texts, Factors: c.Site.Factors, Look: c.Site.Look, ConnectedApps: c.Consent.Store != nil, OwnPasswords: c.Passwords.Changer != nil, Explain: explain, Log: c.Log, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	for _, names := range c.MFA.Names() {
		if !pages.HasKind(names.Kind) {
			return nil, fmt.Errorf("there is no template factor-%s.html for a kind of authenticator", names.Kind)
		}
	}
	browsers := browser.New(browser.Config{
		Pages: pages, BindingKey: c.Keys.Binding, Flows: c.Source.Flows,
		Sessions: c.Stores.Sessions, Idle: c.Times.SessionIdle, Lifetime: c.Times.SessionLifetime,
		DeviceKeys: c.Keys.Devices, Remembered: c.Stores.Browsers, Remember: c.Times.RememberBrowser,
	})
	passwords := verify.NewPasswords(c.Accounts, c.Passwords.Attempts, c.Passwords.Refunds, c.Passwords.Limits, browsers.Devices, c.Now)
	codes := verify.NewCodes(pages, c.MFA)
	enrolment := &enrol.Server{Pages: pages, MFA: c.MFA, Codes: codes, Links: c.Stores.EnrolLinks, Journal: c.Journal}
	signOut := logoutpages.New(logoutpages.Config{
		Pages: pages, Browsers: browsers, Accounts: c.Accounts, Clients: c.Source.SignOuts, FrontChannel: c.Source.FrontChannel, Journal: c.Journal, Host: c.Host,
	})
	signIn := signin.New(signin.Config{
		Pages: pages, Browsers: browsers, Engine: c.Source.Engine, Flows: c.Source.Flows, Clients: c.Source.Clients, Apps: c.Source.Apps,
		Accounts: c.Accounts, MFA: c.MFA, Consent: c.Consent, Grants: c.Stores.Grants, Policy: c.Policy, TokensElsewhere: c.Source.TokensElsewhere,
		Passwords: passwords, Codes: codes, Enrol: enrolment, Journal: c.Journal, Host: c.Host, Mail: c.Mail, SignOut: signOut.SignOutAndLeave, OwnPage: accountpages.OwnPage,
		CommitsAnswers: c.Source.CommitsAnswers,
	})
	c.UserCodes.Journal, c.UserCodes.Now = c.Journal, c.Now
	account := accountpages.New(accountpages.Config{
		Pages: pages, Browsers: browsers, Gate: signIn, Accounts: c.Accounts, Clients: c.Source.Clients, Consents: kept(c.Consent), TokensElsewhere: c.Source.TokensElsewhere, LogoPath: signIn.LogoPath, MFA: c.MFA, Policy: c.Policy,
		Passwords: passwords, Changer: c.Passwords.Changer, PasswordStore: c.Stores.Passwords, AtHost: c.Host != nil, Codes: codes, Enrol: enrolment, Activity: c.Stores.Activity, ActivityKept: c.Times.ActivityKept,
		Resets: c.Stores.Resets, LinkKeys: c.Keys.Links, Journal: c.Journal,
	})
	return &Server{pages, signIn, signOut, account, c.Source.Devices, c.UserCodes.WithDefaults()}, nil
}

// kept is the consent that is asked for; nil: none is.
func kept(s *consent.Service) *consent.Service {
	if s.Store == nil {
		return nil
	}
	return s
}

func check(c Config) error {
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{c.Source.Engine == nil || c.Source.Flows == nil || c.Source.Clients == nil || c.Accounts == nil, "Source and Accounts must be set"},
		{c.MFA == nil || c.Consent == nil, "MFA and Consent must be set"},
		{c.MFA != nil && !c.Policy.MetBy(c.MFA.Kinds), "the policy asks for phishing-resistant factors, but no kind of authenticator here is phishing-resistant"},
		{c.MFA != nil && c.MFA.Limits.Proof < signin.ProofTime, fmt.Sprintf("MFA.Limits.Proof must be at least %s, the time that the pages give for a set-up", signin.ProofTime)},
		{c.Stores.Sessions == nil || c.Passwords.Attempts == nil || c.Journal.Atomic == nil, "Stores.Sessions, Passwords.Attempts and Journal.Atomic must be set"},
		{c.Stores.Resets != nil && len(c.Keys.Links) == 0, "Keys.Links must be set where Stores.Resets is"},
		{c.Passwords.Changer != nil && (c.Stores.Passwords == nil || c.Host != nil), "Passwords.Changer needs Stores.Passwords, and no Host: it is where the pages ask for passwords"},
		{c.Source.Devices != nil && c.UserCodes.Counter == nil, "UserCodes.Counter must be set where Source.Devices is"},
		{c.Times.RememberBrowser > 0 && c.Stores.Browsers == nil, "Stores.Browsers must be set for Times.RememberBrowser"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Journal.Recorder == nil {
		c.Journal.Recorder = audit.NopRecorder{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Authorize takes over an authorization request from the provider.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction) error {
	return s.signIn.Authorize(w, r, ix)
}

// FormPost has the browser bring the provider's answer to the client in a form.
func (s *Server) FormPost(w http.ResponseWriter, r *http.Request, f interaction.FormPost) error {
	return s.Pages.FormPost(w, r, f.Action, f.Fields)
}

// CancelLink is the address at which the user who got it by mail, signed in or not, cancels the planned reset with that
// ID.
func (s *Server) CancelLink(id string) string { return s.account.CancelLink(id) }

// SignedIn returns whose session the browser has; empty: it has none that lives.
func (s *Server) SignedIn(r *http.Request) (subject string, err error) {
	session, err := s.signIn.Sessions.CurrentOrNone(r.Context(), r)
	if err != nil || session == nil {
		return "", err
	}
	return session.Login.Subject, nil
}

// EndSession answers an app's request to sign its user out, see provider.UI.
func (s *Server) EndSession(w http.ResponseWriter, r *http.Request, request *logout.Request) error {
	return s.signOut.EndSession(w, r, request)
}

// AskSignOut asks whether to sign out, with a form that goes to the address with the challenge.
func (s *Server) AskSignOut(w http.ResponseWriter, r *http.Request, address, challenge string) error {
	return s.signOut.AskSignOut(w, r, address, challenge)
}

// SignOut ends the session of the browser, if it is the subject's.
func (s *Server) SignOut(w http.ResponseWriter, r *http.Request, subject string) error {
	return s.signOut.SignOut(w, r, subject)
}

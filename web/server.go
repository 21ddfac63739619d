package web

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	accountpages "vestibule/web/account"
	"vestibule/web/browser"
	"vestibule/web/enrol"
	"vestibule/web/signin"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// Config is what a Server is made of.
type Config struct {
	Provider *provider.Provider
	Accounts account.Accounts
	Sessions browser.SessionStore
	MFA      *mfa.Service
	Consent  *consent.Service
	Attempts mfa.Counter           // counts passwords
	Refunds  *mfa.Refunds          // of Attempts; nil: one of its own
	Audit    audit.Recorder        // nil: no log is kept
	Activity accountpages.Activity // shows users what is in it; nil: nothing
	// What operators do for users who have lost everything.
	EnrolLinks enrol.Links         // nil: nobody ever gets a link
	Resets     accountpages.Resets // nil: nobody ever plans one
	// Atomic commits all that fn writes to any of the stores above, or nothing.
	Atomic store.Atomic

	RememberBrowser time.Duration           // how long a browser may be remembered that need not give a code; 0: never
	Browsers        browser.RememberedStore // must be set if RememberBrowser is
	Policy          mfa.Policy              // who must have a second factor; the zero value obliges nobody
	Passwords       verify.Limits           // the zero value means the defaults
	ActivityKept    time.Duration           // how long Activity goes back; 0: for ever
	Secrets         [][]byte                // newest first: make cookies that know a browser again; none: no browser is known
	BindingKey      []byte                  // makes the values that bind a sign-in to its browser, the same in all processes; none: each makes its own
	LinkKeys        [][]byte                // newest first: make the links that cancel a reset; needed where Resets is set
	Name            string                  // what the pages call this server; empty: Vestibule
	Contact         string                  // whom users may ask for help; may be empty
	Mail            bool                    // the Recorder sends users mail about what it records
	SessionIdle     time.Duration           // 0: 1 h
	SessionLifetime time.Duration           // from the password on; 0: 12 h
	Log             *slog.Logger            // nil: slog.Default
	Now             func() time.Time        // nil: time.Now
}

// Server is the pages. It implements provider.UI.
type Server struct {
	*ui.Pages
	signIn  *signin.Server
	account *accountpages.Server
}

var _ provider.UI = (*Server)(nil)

// New returns a Server.
func New(c Config) (*Server, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	pages, err := ui.New(ui.Config{
		Issuer: c.Provider.Issuer(), Name: c.Name, Contact: c.Contact, Explain: explain, Log: c.Log, Now: c.Now,
	})
	if err != nil {
		return nil, err
	}
	browsers := browser.New(browser.Config{
		Secure: pages.Secure(), BindingKey: c.BindingKey, Flows: c.Provider.Flows,
		Sessions: c.Sessions, Idle: c.SessionIdle, Lifetime: c.SessionLifetime,
		DeviceKeys: c.Secrets, Remembered: c.Browsers, Remember: c.RememberBrowser, Now: c.Now,
	})
	journal := audit.Journal{Recorder: c.Audit, Atomic: c.Atomic}
	passwords := verify.NewPasswords(c.Accounts, c.Attempts, c.Refunds, c.Passwords, browsers.Devices, c.Now)
	codes := verify.NewCodes(c.MFA, c.Now)
	enrolment := &enrol.Server{Pages: pages, MFA: c.MFA, Links: c.EnrolLinks, Journal: journal}
	signIn := signin.New(signin.Config{
		Pages: pages, Browsers: browsers, Engine: c.Provider, Flows: c.Provider.Flows, Clients: c.Provider,
		Accounts: c.Accounts, MFA: c.MFA, Consent: c.Consent, Policy: c.Policy,
		Passwords: passwords, Codes: codes, Enrol: enrolment, Journal: journal, Mail: c.Mail, OwnPage: accountpages.OwnPage,
	})
	return &Server{pages, signIn, accountpages.New(accountpages.Config{
		Pages: pages, Browsers: browsers, Gate: signIn, Accounts: c.Accounts, Clients: c.Provider, MFA: c.MFA, Policy: c.Policy,
		Passwords: passwords, Codes: codes, Enrol: enrolment, Activity: c.Activity, ActivityKept: c.ActivityKept,
		Resets: c.Resets, LinkKeys: c.LinkKeys, Journal: journal,
	})}, nil
}

func check(c Config) error {
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{c.Provider == nil || c.Accounts == nil, "Provider and Accounts must be set"},
		{c.MFA == nil || c.Consent == nil, "MFA and Consent must be set"},
		{c.Sessions == nil || c.Attempts == nil || c.Atomic == nil, "Sessions, Attempts and Atomic must be set"},
		{c.Resets != nil && len(c.LinkKeys) == 0, "LinkKeys must be set where Resets is"},
		{c.RememberBrowser > 0 && c.Browsers == nil, "Browsers must be set for RememberBrowser"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.Audit == nil {
		c.Audit = audit.NopRecorder{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Authorize takes over an authorization request from the provider.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request, ix *provider.Interaction) error {
	return s.signIn.Authorize(w, r, ix)
}

// CancelLink is the address at which the user who got it by mail, signed in or not, cancels the planned reset with that
// ID.
func (s *Server) CancelLink(id string) string { return s.account.CancelLink(id) }

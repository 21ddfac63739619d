package web

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/url"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/limiter"
	"vestibule/provider/store"
)

// Config is what a Server is made of.
type Config struct {
	Provider *provider.Provider
	Accounts account.Accounts
	Sessions Sessions
	MFA      *mfa.Service
	Consent  *consent.Service
	Attempts mfa.Counter    // counts passwords
	Refunds  *mfa.Refunds   // of Guesses; nil: one of its own
	Audit    audit.Recorder // nil: no log is kept
	Activity Activity       // shows users what is in it; nil: nothing
	// What operators do for users who have lost everything.
	EnrolLinks EnrolLinks // nil: nobody ever gets a link
	Resets     Resets     // nil: nobody ever plans one
	// Atomic commits all that fn writes to any of the stores above, or nothing.
	Atomic store.Atomic

	RememberBrowser time.Duration    // how long a browser may be remembered that need not give a code; 0: never
	Browsers        Browsers         // must be set if RememberBrowser is
	Policy          Policy           // who must have a second factor; the zero value obliges nobody
	Passwords       PasswordLimits   // the zero value means the defaults
	ActivityKept    time.Duration    // how long Activity goes back; 0: for ever
	Secrets         [][]byte         // newest first: make cookies that know a browser again; none: no browser is known
	BindingKey      []byte           // makes the values that bind a sign-in to its browser, the same in all processes; none: each makes its own
	LinkKeys        [][]byte         // newest first: make the links that cancel a reset; needed where Resets is set
	Name            string           // what the pages call this server; empty: Vestibule
	Contact         string           // whom users may ask for help; may be empty
	Mail            bool             // the Recorder sends users mail about what it records
	SessionIdle     time.Duration    // 0: 1 h
	SessionLifetime time.Duration    // from the password on; 0: 12 h
	Log             *slog.Logger     // nil: slog.Default
	Now             func() time.Time // nil: time.Now
}

// Server is the pages. It implements provider.UI.
type Server struct {
	Config
	host      string // of the issuer, for people
	origin    string // of our own pages: the issuer
	secure    bool   // the issuer is https
	cookies   cookieNames
	assets    map[string]asset
	templates map[string]*template.Template
	// Passwords wait for their turn by name and by address, recovery codes by subject.
	names, addresses, recoveries *limiter.Limiter
}

var _ provider.UI = (*Server)(nil)

// New returns a Server.
func New(c Config) (*Server, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	issuer, err := url.Parse(c.Provider.Issuer())
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	s := &Server{Config: c.withDefaults(), host: issuer.Host, origin: c.Provider.Issuer(), secure: issuer.Scheme == "https"}
	s.cookies = namesOf(s.secure)
	s.lineUp()
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	s.templates, err = parseTemplates()
	return s, err
}

func check(c Config) error {
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{c.Provider == nil || c.Accounts == nil, "Provider and Accounts must be set"},
		{c.MFA == nil || c.Consent == nil, "MFA and Consent must be set"},
		{c.Sessions == nil || c.Attempts == nil || c.Atomic == nil, "Sessions, Guesses and Atomic must be set"},
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
	if c.Name == "" {
		c.Name = "Vestibule"
	}
	if c.SessionIdle == 0 {
		c.SessionIdle = time.Hour
	}
	if c.SessionLifetime == 0 {
		c.SessionLifetime = 12 * time.Hour
	}
	c.Passwords = c.Passwords.orDefault()
	if c.Refunds == nil {
		c.Refunds = &mfa.Refunds{Attempts: c.Attempts}
	}
	if len(c.BindingKey) == 0 {
		c.BindingKey = []byte(randomToken())
	}
	if c.EnrolLinks == nil {
		c.EnrolLinks = noLinks{}
	}
	if c.Resets == nil {
		c.Resets = noResets{}
	}
	if c.Activity == nil {
		c.Activity = noActivity{}
	}
	if c.Audit == nil {
		c.Audit = audit.NopRecorder{}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

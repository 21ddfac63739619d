// Package ui is what every page shares: layout, templates, messages, problems, headers, routes, tokens. It knows no
// sign-in: a page is data, and a form is answered by a redirect.
package ui

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"vestibule/provider/spelling"
	"vestibule/web/catalogue"
)

// Config is what all pages of a server have in common.
type Config struct {
	Issuer  string         // where the pages are: their origin, and what users see of it
	Prefix  string         // of all addresses of pages, such as /id; empty: the path of the issuer, which may be none
	Name    string         // what the pages call this server; empty: Vestibule
	Contact string         // whom users may ask for help; may be empty
	Texts   *catalogue.Set // what the pages say, by language; nil: those that come with the program
	Factors fs.FS          // templates and scripts of kinds of authenticator that do not come with the program, see Kind; nil: none
	Look    fs.FS          // files in the place of those of templates and static that have the same name, such as layout.html and app.css; nil: none
	// ConnectedApps says that the account has a page of apps that can use it.
	ConnectedApps bool
	// OwnPasswords says that the account has a page where its user changes the password.
	OwnPasswords bool
	Explain      func(err error) *Problem // finds the page for an error that this package does not know; nil: it has none
	Log          *slog.Logger             // nil: slog.Default
	Now          func() time.Time         // nil: time.Now
}

// Pages shows the pages of one server.
type Pages struct {
	Config
	Host      string // of the issuer, for people
	origin    string // of the issuer
	secure    bool   // the issuer is https
	headers   headers
	assets    map[string]asset
	templates map[string]set // by language
}

// New returns Pages.
func New(c Config) (*Pages, error) {
	issuer, err := url.Parse(c.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	if c.Prefix == "" {
		c.Prefix = issuer.EscapedPath()
	}
	if !spelling.IsPathPrefix(c.Prefix) {
		return nil, fmt.Errorf("the prefix %q of the pages must be empty or like /id, of letters, digits, hyphens and underscores", c.Prefix)
	}
	p := &Pages{Config: c.withDefaults(), Host: issuer.Host, origin: issuer.Scheme + "://" + issuer.Host, secure: issuer.Scheme == "https", templates: map[string]set{}}
	p.headers = newHeaders(p.secure)
	if p.assets, err = loadAssets(c.Look, c.Factors); err != nil {
		return nil, err
	}
	if p.Texts == nil {
		if p.Texts, err = catalogue.Default(); err != nil {
			return nil, err
		}
	}
	for _, l := range p.Texts.Languages() {
		if p.templates[l.Lang], err = p.parseTemplates(l); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (c Config) withDefaults() Config {
	if c.Name == "" {
		c.Name = "Vestibule"
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Secure reports whether the pages are served over https.
func (p *Pages) Secure() bool { return p.secure }

// Plain is a page without data of its own.
type Plain struct{ Frame }

// ShowPlain answers with such a page, whose template has its name.
func (p *Pages) ShowPlain(w http.ResponseWriter, r *http.Request, name, title string) error {
	return p.Render(w, r, http.StatusOK, name, &Plain{Frame{Page: name, Title: Say(title)}})
}

// Address is the whole address of a page of ours, for mail.
func (p *Pages) Address(path string) string { return p.origin + p.Prefix + path }

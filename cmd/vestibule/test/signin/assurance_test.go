package signin

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/client"
)

// truth is a row of the table of what a client is told: who the user is and what the browser has, what the client
// asks, which pages are shown, and what comes out.
type truth struct {
	name     string
	enrolled bool     // the user has an authenticator
	group    string   // of the user
	before   string   // how the user signed in before at the same client: "", "password", "code" or "recovery"
	keep     bool     // and had the browser remembered, whose session then ended
	age      string   // how long ago that was; empty: 5m
	slow     bool     // took twenty seconds for a code
	request  []string // parameters
	recovery bool     // the user has a recovery code at hand, and no authenticator
	refuses  bool     // the user sets nothing up

	pages string // in the order in which they are shown
	fails string // the error that the client hears; else:
	amr   string
	acr   string
}

// truths are the rows, by the policy of the server or the client under which they hold. auth_time is not in them: it is
// when the oldest of the proofs was given that amr rests on, of those that the user gave on the pages of the row.
var truths = []struct {
	policy string
	server func(*config.Config)
	client func(*client.Client)
	rows   []truth
}{
	{"optional", nil, nil, []truth{
		{name: "password", pages: "login consent", amr: "pwd", acr: "aal1"},
		{name: "password, two steps preferred", request: []string{"acr_values", "aal2"}, pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "password, two steps preferred, not now", request: []string{"acr_values", "aal2"}, refuses: true, pages: "login setup consent", amr: "pwd", acr: "aal1"},
		{name: "password, two steps essential", request: []string{"claims", servertest.Essential("aal2")}, pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "password, two steps essential, cancelled", request: []string{"claims", servertest.Essential("aal2")}, refuses: true, pages: "login setup", fails: "unmet_authentication_requirements"},
		{name: "password, either is essential", request: []string{"claims", servertest.Essential("aal1", "aal2")}, pages: "login consent", amr: "pwd", acr: "aal1"},
		{name: "password, either is essential, two preferred, not now", request: []string{"claims", servertest.Essential("2", "1")}, refuses: true, pages: "login setup consent", amr: "pwd", acr: "1"},
		{name: "password, one step preferred", request: []string{"acr_values", "1 2"}, pages: "login consent", amr: "pwd", acr: "1"},
		{name: "unknown level preferred", request: []string{"acr_values", "gold"}, pages: "login consent", amr: "pwd", acr: "aal1"},
		{name: "unknown level essential", request: []string{"claims", servertest.Essential("gold")}, fails: "unmet_authentication_requirements"},
		{name: "nobody there, silent", request: []string{"prompt", "none"}, fails: "login_required"},
		{name: "nobody there, silent, two steps essential", request: []string{"prompt", "none", "claims", servertest.Essential("aal2")}, fails: "login_required"},

		{name: "code", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "code, asked for one step", enrolled: true, request: []string{"acr_values", "aal1"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal1"},
		{name: "code, asked by number", enrolled: true, request: []string{"acr_values", "2 1"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "2"},
		{name: "code, asked in the words of REFEDS", enrolled: true, request: []string{"claims", servertest.Essential("https://refeds.org/profile/mfa")}, pages: "login totp consent", amr: "pwd otp mfa", acr: "https://refeds.org/profile/mfa"},
		{name: "code, asked in the words of NIST", enrolled: true, request: []string{"acr_values", "http://idmanagement.gov/ns/assurance/aal/2"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "http://idmanagement.gov/ns/assurance/aal/2"},
		{name: "code, asked in the words of PAPE", enrolled: true, request: []string{"acr_values", "http://schemas.openid.net/pape/policies/2007/06/multi-factor"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "http://schemas.openid.net/pape/policies/2007/06/multi-factor"},
		{name: "recovery code", enrolled: true, recovery: true, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "aal2"},
		{name: "recovery code, two steps essential", enrolled: true, recovery: true, request: []string{"claims", servertest.Essential("aal2")}, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "aal2"},

		{name: "session of a password", before: "password", amr: "pwd", acr: "aal1"},
		{name: "session of a password, silent", before: "password", request: []string{"prompt", "none"}, amr: "pwd", acr: "aal1"},
		{name: "session of a password, prompt=login", before: "password", request: []string{"prompt", "login"}, pages: "login", amr: "pwd", acr: "aal1"},
		{name: "session of a password, young enough", before: "password", request: []string{"max_age", "300"}, amr: "pwd", acr: "aal1"},
		{name: "session of a password, too old", before: "password", request: []string{"max_age", "299"}, pages: "login", amr: "pwd", acr: "aal1"},
		{name: "session of a password, max_age=0", before: "password", request: []string{"max_age", "0"}, pages: "login", amr: "pwd", acr: "aal1"},
		{name: "session of a password, too old, silent", before: "password", request: []string{"max_age", "1", "prompt", "none"}, fails: "login_required"},
		{name: "step-up", before: "password", request: []string{"acr_values", "aal2"}, pages: "setup codes", amr: "pwd otp mfa", acr: "aal2"},
		{name: "step-up, not now", before: "password", request: []string{"acr_values", "aal2"}, refuses: true, pages: "setup", amr: "pwd", acr: "aal1"},
		{name: "step-up of an old session", before: "password", age: "30m", request: []string{"acr_values", "aal2"}, pages: "login setup codes", amr: "pwd otp mfa", acr: "aal2"},
		{name: "step-up, essential, cancelled", before: "password", request: []string{"claims", servertest.Essential("aal2")}, refuses: true, pages: "setup", fails: "unmet_authentication_requirements"},
		{name: "step-up, silent", before: "password", request: []string{"acr_values", "aal2", "prompt", "none"}, fails: "interaction_required"},
		{name: "step-up, essential, silent", before: "password", request: []string{"claims", servertest.Essential("aal2"), "prompt", "none"}, fails: "interaction_required"},

		{name: "session of a code", enrolled: true, before: "code", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code, silent", enrolled: true, before: "code", request: []string{"prompt", "none", "claims", servertest.Essential("aal2")}, amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code, one step essential", enrolled: true, before: "code", request: []string{"claims", servertest.Essential("aal1")}, amr: "pwd otp mfa", acr: "aal1"},
		{name: "session of a code, prompt=login", enrolled: true, before: "code", request: []string{"prompt", "login"}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code, max_age=0", enrolled: true, before: "code", request: []string{"max_age", "0"}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code, too old", enrolled: true, before: "code", request: []string{"max_age", "60"}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code, password too old", enrolled: true, before: "code", slow: true, request: []string{"max_age", "310"}, pages: "login", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code, too old, now with a recovery code", enrolled: true, before: "code", recovery: true, request: []string{"max_age", "60"}, pages: "login totp recovery recovery-used", amr: "pwd mfa", acr: "aal2"},
		{name: "session of a code, now with a recovery code too", enrolled: true, before: "code", recovery: true, request: []string{"prompt", "login"}, pages: "login totp recovery recovery-used", amr: "pwd mfa", acr: "aal2"},
		{name: "session of a code, too old, silent", enrolled: true, before: "code", request: []string{"max_age", "60", "prompt", "none"}, fails: "login_required"},
		{name: "session of a recovery code", enrolled: true, before: "recovery", amr: "pwd mfa", acr: "aal2"},
		{name: "session of a recovery code, two steps essential", enrolled: true, before: "recovery", request: []string{"claims", servertest.Essential("aal2")}, amr: "pwd mfa", acr: "aal2"},
	}},
	{"recovery codes do not count", func(c *config.Config) { c.RecoveryCounts = false }, nil, []truth{
		{name: "code", enrolled: true, request: []string{"claims", servertest.Essential("aal2")}, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "recovery code", enrolled: true, recovery: true, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "aal1"},
		{name: "recovery code, one step preferred", enrolled: true, recovery: true, request: []string{"acr_values", "1"}, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "1"},
		{name: "recovery code, two steps preferred", enrolled: true, recovery: true, request: []string{"acr_values", "aal2"}, pages: "login totp recovery recovery-used setup consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "recovery code, two steps preferred, not now", enrolled: true, recovery: true, refuses: true, request: []string{"acr_values", "aal2"}, pages: "login totp recovery recovery-used setup consent", amr: "pwd mfa", acr: "aal1"},
		{name: "recovery code, two steps essential", enrolled: true, recovery: true, request: []string{"claims", servertest.Essential("aal2")}, pages: "login totp recovery recovery-used setup consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "recovery code, two steps essential, cancelled", enrolled: true, recovery: true, refuses: true, request: []string{"claims", servertest.Essential("aal2")}, pages: "login totp recovery recovery-used setup", fails: "unmet_authentication_requirements"},
		{name: "session of a recovery code", enrolled: true, before: "recovery", amr: "pwd mfa", acr: "aal1"},
		{name: "session of a recovery code, step-up", enrolled: true, before: "recovery", request: []string{"claims", servertest.Essential("aal2")}, pages: "totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a recovery code, step-up with another", enrolled: true, before: "recovery", recovery: true, request: []string{"acr_values", "aal2"}, pages: "totp recovery recovery-used setup", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a recovery code, step-up, silent", enrolled: true, before: "recovery", request: []string{"acr_values", "aal2", "prompt", "none"}, fails: "login_required"},
	}},
	{"required", func(c *config.Config) { c.TwoSteps = []config.TwoSteps{{Must: "required"}} }, nil, []truth{
		{name: "nothing set up", pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "nothing set up, one step preferred", request: []string{"acr_values", "aal1"}, pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal1"},
		{name: "nothing set up, cancelled", refuses: true, pages: "login setup", fails: "access_denied"},
		{name: "nothing set up, two steps preferred, cancelled", refuses: true, request: []string{"acr_values", "aal2"}, pages: "login setup", fails: "access_denied"},
		{name: "nothing set up, two steps essential, cancelled", refuses: true, request: []string{"claims", servertest.Essential("aal2")}, pages: "login setup", fails: "unmet_authentication_requirements"},
		{name: "code", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "recovery code", enrolled: true, recovery: true, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "aal2"},
		{name: "session of a code", enrolled: true, before: "code", amr: "pwd otp mfa", acr: "aal2"},
	}},
	{"required, and recovery codes do not count", func(c *config.Config) { c.TwoSteps, c.RecoveryCounts = []config.TwoSteps{{Must: "required"}}, false }, nil, []truth{
		{name: "recovery code", enrolled: true, recovery: true, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "aal1"},
	}},
	{"required after a date", func(c *config.Config) {
		c.TwoSteps = []config.TwoSteps{{Must: "required", From: time.Now().AddDate(0, 1, 0)}}
	}, nil, []truth{
		{name: "nothing set up", pages: "login notice consent", amr: "pwd", acr: "aal1"},
		{name: "session of a password", before: "password", amr: "pwd", acr: "aal1"},
		{name: "code", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
	}},
	{"required, but only reported", func(c *config.Config) { c.TwoSteps, c.TwoStepsReportOnly = []config.TwoSteps{{Must: "required"}}, true }, nil, []truth{
		{name: "nothing set up", pages: "login consent", amr: "pwd", acr: "aal1"},
		{name: "nothing set up, two steps essential", request: []string{"claims", servertest.Essential("aal2")}, pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
	}},
	{"required of a group", func(c *config.Config) { c.TwoStepsGroups = []string{"finance"} }, nil, []truth{
		{name: "member", group: "finance", pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "member of another", group: "sales", pages: "login consent", amr: "pwd", acr: "aal1"},
		{name: "member, cancelled", group: "finance", refuses: true, pages: "login setup", fails: "access_denied"},
		{name: "member with a code", group: "finance", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
	}},
	{"required by the client", nil, func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired }, []truth{
		{name: "nothing set up", pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "nothing set up, cancelled", refuses: true, pages: "login setup", fails: "access_denied"},
		{name: "code", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "session of a code", enrolled: true, before: "code", request: []string{"prompt", "none"}, amr: "pwd otp mfa", acr: "aal2"},
	}},
	{"required by the client, and recovery codes do not count", func(c *config.Config) { c.RecoveryCounts = false }, func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired }, []truth{
		{name: "code", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "recovery code", enrolled: true, recovery: true, pages: "login totp recovery recovery-used setup consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "recovery code, one step preferred", enrolled: true, recovery: true, request: []string{"acr_values", "1"}, pages: "login totp recovery recovery-used setup consent", amr: "pwd otp mfa", acr: "1"},
		{name: "recovery code, cancelled", enrolled: true, recovery: true, refuses: true, pages: "login totp recovery recovery-used setup", fails: "access_denied"},
		{name: "nothing set up", pages: "login setup codes consent", amr: "pwd otp mfa", acr: "aal2"},
	}},
	{"required by the client, but only reported", func(c *config.Config) { c.RecoveryCounts, c.TwoStepsReportOnly = false, true }, func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired }, []truth{
		{name: "recovery code", enrolled: true, recovery: true, pages: "login totp recovery recovery-used consent", amr: "pwd mfa", acr: "aal1"},
	}},
	{"names of the client", nil, func(c *client.Client) {
		c.ACRNames = map[string][]string{"aal1": {"bronze", "2"}, "aal2": {"gold", "silver"}}
	}, []truth{
		{name: "password", pages: "login consent", amr: "pwd", acr: "bronze"},
		{name: "code", enrolled: true, pages: "login totp consent", amr: "pwd otp mfa", acr: "gold"},
		{name: "code, asked by another name", enrolled: true, request: []string{"acr_values", "silver"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "silver"},
		{name: "code, asked by a name of all", enrolled: true, request: []string{"acr_values", "aal2"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "aal2"},
		{name: "password, 2 is its first level", request: []string{"claims", servertest.Essential("2")}, pages: "login consent", amr: "pwd", acr: "2"},
		{name: "password, not now", request: []string{"acr_values", "gold"}, refuses: true, pages: "login setup consent", amr: "pwd", acr: "bronze"},
	}},
	{"names of the server", func(c *config.Config) { c.ACRNames = map[string][]string{"aal2": {"urn:two"}} }, nil, []truth{
		{name: "asked by it", enrolled: true, request: []string{"acr_values", "urn:two"}, pages: "login totp consent", amr: "pwd otp mfa", acr: "urn:two"},
		{name: "asked by a usual name", request: []string{"acr_values", "2"}, pages: "login consent", amr: "pwd", acr: "aal1"},
	}},
	{"remembered browser", servertest.RememberBrowsers, nil, []truth{
		{name: "nothing asked", enrolled: true, before: "code", keep: true, pages: "login", amr: "pwd", acr: "aal1"},
		{name: "two steps preferred", enrolled: true, before: "code", keep: true, request: []string{"acr_values", "aal2"}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "two steps essential", enrolled: true, before: "code", keep: true, request: []string{"claims", servertest.Essential("aal2")}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "one step essential", enrolled: true, before: "code", keep: true, request: []string{"claims", servertest.Essential("1")}, pages: "login", amr: "pwd", acr: "1"},
		{name: "prompt=login", enrolled: true, before: "code", keep: true, request: []string{"prompt", "login"}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
		{name: "max_age", enrolled: true, before: "code", keep: true, request: []string{"max_age", "3600"}, pages: "login totp", amr: "pwd otp mfa", acr: "aal2"},
	}},
}

// TestTruth walks every row on both databases and compares the ID token, the one after a refresh, and what an API
// learns of the access token.
func TestTruth(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		for _, policy := range truths {
			t.Run(policy.policy, func(t *testing.T) {
				if policy.server == nil {
					policy.server = func(*config.Config) {}
				}
				s := servertest.New(t, servertest.FreshDatabase(t, database), policy.server)
				api, probe := s.NewInspector(t), s.NewClient(t, "probe")
				for i, row := range policy.rows {
					t.Run(row.name, func(t *testing.T) {
						id := fmt.Sprintf("shop%d", i)
						c := s.NewClient(t, id, func(c *client.Client) {
							if policy.client != nil {
								policy.client(c)
							}
						})
						c.For(api)
						u := newTruthUser(t, s, probe, fmt.Sprintf("user%d", i), row)
						u.compare(c, api)
					})
				}
			})
		}
	})
}

// truthUser is the user of a row, with a browser and perhaps an authenticator.
type truthUser struct {
	t     *testing.T
	site  *servertest.Site
	row   truth
	name  string
	phone servertest.Phone
	codes []string

	browser  *servertest.Browser
	recovery bool // gives a recovery code where a code is asked for
	keep     bool // has the browser remembered
	visited  []string
	proved   map[string]time.Time // when the user last gave what
}

func newTruthUser(t *testing.T, s *servertest.Site, probe *servertest.Client, name string, row truth) *truthUser {
	t.Helper()
	user := s.AddUser(name, func(a *account.Account) {
		if row.group != "" {
			a.Groups = []string{row.group}
		}
	})
	u := &truthUser{t: t, site: s, row: row, name: name, browser: s.NewBrowser(t), proved: map[string]time.Time{}}
	switch {
	case row.recovery || row.before == "recovery":
		u.enrol(probe)
	case row.enrolled:
		u.give(user)
	}
	return u
}

// give has the user bring an authenticator along from elsewhere, which costs no hashes of recovery codes.
func (u *truthUser) give(user account.Account) {
	u.t.Helper()
	secret := strings.Repeat(rand.Text(), 2)[:32]
	u.site.KeepSecret(secret)
	p, err := totp.ParseSecret(secret, false)
	if err != nil {
		u.t.Fatal(err)
	}
	service := u.site.MFA()
	err = totp.Import(u.t.Context(), service, user.Subject, []totp.Portable{p}, func(context.Context, []string) error { return nil })
	if err != nil {
		u.t.Fatalf("give %s an authenticator: %v", u.name, err)
	}
	u.phone = servertest.Phone{Site: u.site, Secret: secret}
}

// enrol sets an authenticator up in a sign-in at another client, and forgets the browser.
func (u *truthUser) enrol(probe *servertest.Client) {
	u.t.Helper()
	refuses := u.row.refuses
	u.row.refuses = false
	u.walk(probe.Begin("acr_values", "aal2"))
	u.row.refuses, u.browser = refuses, u.site.NewBrowser(u.t)
	u.site.Clock.Advance(time.Minute) // that code is used
}

// compare walks the row.
func (u *truthUser) compare(c *servertest.Client, api *servertest.Inspector) {
	u.t.Helper()
	var earlier servertest.Tokens
	if u.row.before != "" {
		earlier = u.before(c)
	}
	u.recovery, u.visited = u.row.recovery, nil
	v := c.Begin(append([]string{"scope", "openid offline_access"}, u.row.request...)...)
	p := u.walk(v)
	if got := strings.Join(u.visited, " "); got != u.row.pages {
		u.t.Fatalf("the pages were %q, want %q", got, u.row.pages)
	}
	if u.row.fails != "" {
		v.Refused(p, u.row.fails)
		return
	}
	got := v.Finish(p).Authenticated(u.t, u.row.acr, u.oldest(), strings.Fields(u.row.amr)...)
	if proved := slices.Contains(u.visited, "login"); u.row.before != "" && !proved && got.Session != earlier.Session {
		u.t.Error("the session has another sid than before")
	}
	u.compareLater(c, api, got)
}

// oldest is when the user gave the oldest of the proofs that the amr of the row rests on.
func (u *truthUser) oldest() time.Time {
	rests := []string{"pwd"}
	switch amr := strings.Fields(u.row.amr); {
	case slices.Contains(amr, "otp"):
		rests = append(rests, "otp")
	case slices.Contains(amr, "mfa"):
		rests = append(rests, "recovery")
	}
	oldest := u.site.Clock.Now()
	for _, method := range rests {
		if at := u.proved[method]; at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// proves notes that the user gives something now, a second after what came before.
func (u *truthUser) proves(method string) {
	u.site.Clock.Advance(time.Second)
	u.proved[method] = u.site.Clock.Now()
}

// compareLater refreshes twice and asks an API what it learns: nothing has changed.
func (u *truthUser) compareLater(c *servertest.Client, api *servertest.Inspector, first servertest.Tokens) {
	u.t.Helper()
	api.Learns(u.t, first)
	last := first
	for range 2 {
		u.site.Clock.Advance(time.Minute)
		tokens, err := c.Refresh(last.Token.RefreshToken)
		if err != nil {
			u.t.Fatalf("refresh: %v", err)
		}
		last = c.Read(tokens)
		last.Same(u.t, first)
		api.Learns(u.t, last)
	}
}

// before signs in as the row says, and lets time pass.
func (u *truthUser) before(c *servertest.Client) servertest.Tokens {
	u.t.Helper()
	u.recovery, u.keep = u.row.before == "recovery", u.row.keep
	v := c.Begin("scope", "openid offline_access")
	earlier := v.Finish(u.walk(v))
	age, err := time.ParseDuration(u.row.age)
	switch {
	case u.row.keep:
		age = u.site.Config.SessionLifetime + time.Minute
	case err != nil:
		age = 5 * time.Minute
	}
	u.site.Clock.Advance(age)
	return earlier
}

// walk goes through the pages like somebody who does what they say.
func (u *truthUser) walk(v *servertest.Trip) *servertest.Page {
	u.t.Helper()
	p := u.browser.Open(v.Address)
	for p.Left == nil {
		if u.visited = append(u.visited, p.Name); len(u.visited) > 10 {
			u.t.Fatalf("the pages lead nowhere: %q", u.visited)
		}
		p = u.answer(p)
	}
	return p
}

func (u *truthUser) answer(p *servertest.Page) *servertest.Page {
	u.t.Helper()
	switch p.Name {
	case "login":
		u.proves("pwd")
		return p.Press("Sign in", "username", u.name, "password", servertest.Password)
	case "totp":
		return u.giveCode(p)
	case "recovery":
		u.proves("recovery")
		p, u.codes = p.Press("Continue", "recovery", u.codes[0]), u.codes[1:]
		return p
	case "recovery-used":
		return p.Press(servertest.TextOf(p.Find(func(n *html.Node) bool {
			return servertest.IsSubmit(n) && servertest.Attribute(n, "value") == "continue"
		})))
	case "setup":
		return u.setUp(p)
	case "codes":
		u.codes = p.RecoveryCodes()
		return p.Press("Turn on two-step verification", "saved", "on")
	case "notice":
		return p.Press("Not now")
	}
	return p.Allow()
}

func (u *truthUser) giveCode(p *servertest.Page) *servertest.Page {
	u.t.Helper()
	if u.recovery {
		return p.Click("Use a recovery code")
	}
	if u.row.slow {
		u.site.Clock.Advance(20 * time.Second)
	}
	u.proves("otp")
	if u.keep {
		return p.Press("Continue", "code", u.phone.Code(0), "remember", "yes")
	}
	return p.GiveCode(u.phone.Code(0))
}

func (u *truthUser) setUp(p *servertest.Page) *servertest.Page {
	u.t.Helper()
	if !u.row.refuses {
		u.phone = p.Phone()
		u.proves("otp")
		return p.Press("Continue", "code", u.phone.Code(0))
	}
	if p.Find(func(n *html.Node) bool { return servertest.IsSubmit(n) && servertest.TextOf(n) == "Not now" }) != nil {
		return p.Press("Not now")
	}
	return p.Press("Cancel")
}

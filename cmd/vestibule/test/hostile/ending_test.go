package hostile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/storage"
)

// What gives authority (a grant) is set against what ends it (an ending), as the table of endings in docs/operators.md has it.
// TestEndingBetweenTrips runs the ending between every two questions that the grant asks the database; TestEndingAtOnce
// runs both at the same time. Nothing that the grant gave may live afterwards: no page, code, token or factor.

// owner is a user with authenticators and recovery codes, whose browser has a session and a family of tokens.
type owner struct {
	t       *testing.T
	site    *servertest.Site
	account account.Account
	phones  [5]servertest.Phone
	codes   []string
	shop    *servertest.Client
	api     *servertest.Inspector
	keeper  *servertest.Browser // of the user, who ends what is elsewhere
	session func(which int) *servertest.Browser

	mu       sync.Mutex
	loot     []loot
	families []*oauth2.Token // the first tokens of each
}

// loot is what a grant has given, or was about to.
type loot struct {
	what    string
	browser *servertest.Browser // nil: there is none
	trip    *servertest.Trip
	page    *servertest.Page   // where the browser ended
	tokens  *oauth2.Token      // nil: none
	device  *servertest.Device // that the user has allowed something; nil: none
}

func (v *owner) take(l loot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loot = append(v.loot, l)
}

var owners atomic.Int64

func newOwner(t *testing.T, s *servertest.Site) *owner {
	t.Helper()
	n := owners.Add(1)
	v := &owner{t: t, site: s, account: s.AddUser(fmt.Sprintf("user%d", n))}
	service := s.MFA()
	var portable []totp.Portable
	for i := range v.phones {
		secret, p := newSecret(t, s)
		v.phones[i] = servertest.Phone{Site: s, Secret: secret}
		portable = append(portable, p)
	}
	if err := totp.Import(t.Context(), service, v.account.Subject, portable, nil); err != nil {
		t.Fatalf("authenticators: %v", err)
	}
	if _, err := service.BeginCodes(t.Context(), v.account.Subject, "test", s.Prove(v.account.Subject, s.Clock.Now())); err != nil {
		t.Fatalf("recovery codes: %v", err)
	}
	codes, err := service.Pending(t.Context(), "test", v.account.Subject)
	if err == nil {
		err = service.Activate(t.Context(), v.account.Subject, "test", nil)
	}
	if err != nil {
		t.Fatalf("recovery codes: %v", err)
	}
	v.codes = codes.Codes
	v.shop = s.NewClient(t, fmt.Sprintf("shop%d", n), func(c *client.Client) {
		c.IDTokenAlg, c.AccessTokenFormat, c.GrantTypes = client.ES256, client.AccessTokenFormats[n%2], client.GrantTypes
	})
	v.api = v.shop.Inspector()
	v.keeper = v.signedIn(0)
	return v
}

// newSecret is the key of an authenticator that comes from elsewhere.
func newSecret(t *testing.T, s *servertest.Site) (string, totp.Portable) {
	t.Helper()
	secret := strings.Repeat(mfa.NewKey(), 2)
	secret = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '2' && r <= '7' {
			return r
		}
		return -1
	}, strings.ToUpper(secret))[:32]
	s.KeepSecret(secret)
	p, err := totp.ParseSecret(secret, false)
	if err != nil {
		t.Fatal(err)
	}
	return secret, p
}

// signedIn is a browser with a session, a consent that is remembered, and nothing else. The code is that of the phone.
func (v *owner) signedIn(which int, fields ...string) *servertest.Browser {
	v.t.Helper()
	b := v.site.NewBrowser(v.t)
	p := v.shop.Begin("scope", "openid offline_access").SignIn(b, v.account.Username).
		Press("Continue", append([]string{"code", v.phones[which].Code(0)}, fields...)...)
	if p.Left == nil {
		p.Allow()
	}
	v.site.Clock.Advance(servertest.Step) // that code is used
	return b
}

// family is a new family of tokens of the browser's session.
func (v *owner) family(b *servertest.Browser) *oauth2.Token {
	v.t.Helper()
	trip := v.shop.BeginOffline()
	p := b.Open(trip.Address)
	if p.Left == nil {
		p = p.Allow()
	}
	tokens := trip.Finish(p).Token
	v.families = append(v.families, tokens)
	return tokens
}

// grant is something that gives authority. ready does what may take time and move the clock; what it returns does the
// rest of what precedes the request that gives it. What comes of the answer is taken as loot.
type grant struct {
	name  string
	ready func(v *owner) func() *trial
}

// trial is a request that was not sent yet.
type trial struct {
	request *http.Request
	answer  func(w *http.Response)
}

// send gives the request to a server and deals with the answer.
func (a *trial) send(to *servertest.Instance) {
	w := httptest.NewRecorder()
	to.ServeHTTP(w, a.request)
	a.answer(w.Result())
}

// form is a trial that presses a button.
func (v *owner) form(what string, b *servertest.Browser, trip *servertest.Trip, p *servertest.Page, button string, fields ...string) *trial {
	v.t.Helper()
	address, form := p.Fill(button, fields...)
	return v.visit(what, b, trip, http.MethodPost, address, form)
}

// visit is a trial with a browser, which then follows where it is sent to.
func (v *owner) visit(what string, b *servertest.Browser, trip *servertest.Trip, method, address string, form url.Values) *trial {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), method, address, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Origin", v.site.Config.Issuer)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range b.HTTP.Jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return &trial{r, func(w *http.Response) {
		b.HTTP.Jar.SetCookies(r.URL, w.Cookies())
		l := loot{what: what, browser: b, trip: trip}
		next, err := r.URL.Parse(w.Header.Get("Location"))
		switch {
		case err != nil || w.Header.Get("Location") == "":
		case next.Host != r.URL.Host:
			l.page = &servertest.Page{Browser: b, Left: next}
		default:
			l.page = b.Open(next.String())
		}
		v.take(l)
	}}
}

// ask is a trial at the token endpoint.
func (v *owner) ask(what string, form url.Values) *trial {
	v.t.Helper()
	r := httptest.NewRequestWithContext(v.t.Context(), http.MethodPost, v.shop.OAuth.Endpoint.TokenURL, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(v.shop.OAuth.ClientID), url.QueryEscape(v.shop.OAuth.ClientSecret))
	return &trial{r, func(w *http.Response) { v.take(loot{what: what, tokens: tokensIn(v.t, w)}) }}
}

// grants are all that give authority.
var grants = []grant{
	{"confirmation", func(v *owner) func() *trial {
		b := v.signedIn(1)
		v.site.Clock.Advance(26 * time.Minute)
		return func() *trial {
			p := b.Open("/account/authenticators/new").At("totp", "initial")
			return v.form("confirmation", b, nil, p, "Continue", "code", v.phones[2].Code(0))
		}
	}},
	{"password", func(v *owner) func() *trial {
		return func() *trial {
			b, trip := v.site.NewBrowser(v.t), v.shop.Begin()
			p := b.Open(trip.Address).At("login", "initial")
			return v.form("password", b, trip, p, "Sign in", "username", v.account.Username, "password", servertest.Password)
		}
	}},
	{"password of a remembered browser", func(v *owner) func() *trial {
		b := v.signedIn(1, "remember", "yes")
		b.Open("/logout").Press("Sign out")
		return func() *trial {
			trip := v.shop.Begin()
			p := b.Open(trip.Address).At("login", "initial")
			return v.form("password of a remembered browser", b, trip, p, "Sign in", "username", v.account.Username, "password", servertest.Password)
		}
	}},
	{"code", func(v *owner) func() *trial {
		return func() *trial {
			b, trip := v.site.NewBrowser(v.t), v.shop.Begin("prompt", "consent")
			p := trip.SignIn(b, v.account.Username).At("totp", "initial")
			return v.form("code", b, trip, p, "Continue", "code", v.phones[0].Code(0))
		}
	}},
	{"code to be remembered by", func(v *owner) func() *trial {
		return func() *trial {
			b, trip := v.site.NewBrowser(v.t), v.shop.Begin("prompt", "consent")
			p := trip.SignIn(b, v.account.Username).At("totp", "initial")
			return v.form("code to be remembered by", b, trip, p, "Continue", "code", v.phones[1].Code(0), "remember", "yes")
		}
	}},
	{"recovery code", func(v *owner) func() *trial {
		return func() *trial {
			b, trip := v.site.NewBrowser(v.t), v.shop.Begin("prompt", "consent")
			p := trip.SignIn(b, v.account.Username).Click("Use a recovery code").At("recovery", "initial")
			return v.form("recovery code", b, trip, p, "Continue", "recovery", v.codes[0])
		}
	}},
	{"consent", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			trip := v.shop.Begin("prompt", "consent", "scope", "openid email offline_access")
			return v.form("consent", b, trip, b.Open(trip.Address).At("consent", "initial"), "Allow")
		}
	}},
	{"silent sign-on", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			trip := v.shop.Begin("prompt", "none", "scope", "openid offline_access")
			return v.visit("silent sign-on", b, trip, http.MethodGet, trip.Address, nil)
		}
	}},
	{"new authenticator", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			p := b.Open("/account/authenticators/new").At("setup", "initial")
			return v.form("new authenticator", b, nil, p, "Continue", "code", p.Phone().Code(0), "name", "Another")
		}
	}},
	{"new recovery codes", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			p := b.Open("/account/recovery-codes?new=1").At("codes", "initial")
			return v.form("new recovery codes", b, nil, p, "Use these new codes", "saved", "on")
		}
	}},
	{"exchange", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			trip := v.shop.Begin("scope", "openid")
			return v.ask("exchange", url.Values{
				"grant_type": {"authorization_code"}, "code": {trip.Code(b.Open(trip.Address))}, "redirect_uri": {servertest.ReturnURI}, "code_verifier": {trip.PKCE},
			})
		}
	}},
	{"device", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			d := v.shop.NewDevice(v.t, "openid offline_access")
			a := v.form("device", b, nil, d.Enter(b).At("consent", "initial"), "Allow")
			return &trial{a.request, func(w *http.Response) {
				a.answer(w)
				v.take(loot{what: "device", device: d})
			}}
		}
	}},
	{"poll of a device", func(v *owner) func() *trial {
		b := v.session(1)
		return func() *trial {
			d := v.shop.NewDevice(v.t, "openid")
			d.Enter(b).Allow().At("device-done", "initial")
			return v.ask("poll of a device", url.Values{"grant_type": {client.GrantDevice}, "device_code": {d.Code}})
		}
	}},
	{"refresh", func(v *owner) func() *trial {
		tokens := v.family(v.session(1))
		return func() *trial {
			return v.ask("refresh", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}})
		}
	}},
	{"password beside the session's code", func(v *owner) func() *trial {
		b := v.site.NewBrowser(v.t)
		p := v.shop.Begin("scope", "openid offline_access").SignIn(b, v.account.Username).At("totp", "initial")
		v.site.Clock.Advance(20 * time.Second)
		p.GiveCode(v.phones[4].Code(0))
		v.site.Clock.Advance(10 * time.Second)
		return func() *trial { // the password is too old, the code is not
			trip := v.shop.Begin("max_age", "20", "scope", "openid offline_access")
			return v.form("password beside the session's code", b, trip, b.Open(trip.Address).At("login", "initial"), "Sign in", "password", servertest.Password)
		}
	}},
}

// ending is something that ends authority. By default nothing of what the grants have given lives afterwards.
type ending struct {
	name     string
	do       func(v *owner) error
	sessions bool     // live on, and factors may be set up in them
	families bool     // with refresh tokens live on
	browsers bool     // may be remembered afterwards
	spares   []string // grants that do not rest on what ends
	keeper   bool     // the session of the user's own browser lives on
	asks     bool     // a sign-in under way asks the user again and goes on
	without  []string // grants that give anew what has ended
	only     string   // the only grant that it is set against; empty: all
	unlocked bool     // it does not wait for commits under way: a change of the factors may come a moment later
}

// meets reports whether the ending is set against the grant.
func (e ending) meets(g grant) bool {
	return !slices.Contains(e.without, g.name) && (e.only == "" || g.name == e.only)
}

// endings are all of the table that a browser, a command or a job can bring about.
var endings = []ending{
	{name: "new password", do: func(v *owner) error {
		return v.site.Store.ChangePassword(context.Background(), v.account.Subject, "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", v.site.Clock.Now())
	}},
	{name: "password changed by the user", do: (*owner).changePassword, keeper: true},
	{name: "disabled", do: func(v *owner) error {
		return v.site.Store.DisableAccount(context.Background(), v.account.Subject, v.site.Clock.Now())
	}},
	{name: "disabled and enabled", do: func(v *owner) error {
		ctx, now := context.Background(), v.site.Clock.Now()
		return errors.Join(v.site.Store.DisableAccount(ctx, v.account.Subject, now), v.site.Store.EnableAccount(ctx, v.account.Subject, now))
	}, spares: []string{"password"}},
	{name: "reset by an operator", do: func(v *owner) error {
		return v.site.ResetFactors(context.Background(), v.account)
	}, spares: []string{"password", "password of a remembered browser", "password beside the session's code"}},
	{name: "authenticator removed by an operator", do: func(v *owner) error {
		return v.site.Store.Atomic(context.Background(), func(ctx context.Context) error {
			return errors.Join(v.site.Store.RemoveSpare(ctx, v.account.Subject, v.authenticator()), v.site.Store.EndAccess(ctx, v.account.Subject))
		})
	}, spares: []string{"password"}},
	{name: "authenticator removed by the user", do: (*owner).removeAuthenticator, spares: []string{"password"}, keeper: true},
	{name: "signed out everywhere else", do: func(v *owner) error {
		return arrived(v.keeper.Open("/account/security").Press("Sign out everywhere else"), "security")
	}, spares: []string{"password", "password of a remembered browser", "code", "code to be remembered by", "recovery code"}, browsers: true, keeper: true},
	{name: "signed out", do: func(v *owner) error {
		sessions, err := v.site.Store.Sessions(context.Background(), v.account.Subject)
		for _, s := range sessions { // as the page does, in all browsers
			err = errors.Join(err, v.site.Store.EndSession(context.Background(), s.Login.Session))
		}
		return err
	}, families: true, browsers: true, spares: []string{"password", "password of a remembered browser", "code", "code to be remembered by", "recovery code"}},
	{name: "signed out from another browser", do: (*owner).endOthersOneByOne, browsers: true, keeper: true, spares: []string{"password", "password of a remembered browser", "code", "code to be remembered by", "recovery code"}},
	{name: "client made anew", do: func(v *owner) error {
		ctx := context.Background()
		c, err := v.site.Store.Client(ctx, v.shop.OAuth.ClientID)
		if err != nil {
			return err
		}
		c.Registration = ""
		return errors.Join(v.site.Store.DeleteClient(ctx, c.ID, v.site.Clock.Now()), v.site.Store.CreateClient(ctx, c))
	}, sessions: true, browsers: true, keeper: true},
	{name: "consent revoked", do: func(v *owner) error {
		return arrived(v.keeper.Open("/account/apps/remove?client="+v.shop.OAuth.ClientID).Press("Remove access"), "apps")
	}, sessions: true, browsers: true, keeper: true, asks: true, without: []string{"consent", "device"}},
	{name: "refresh token revoked by the client", do: (*owner).revokeFamilies, sessions: true, browsers: true, keeper: true, only: "refresh", spares: []string{"loop"}},
}

// endOthersOneByOne ends each session that the keeper sees beside its own.
func (v *owner) endOthersOneByOne() error {
	for {
		p := v.keeper.Open("/account/security")
		if !strings.Contains(p.Text(), "signed in:") {
			return arrived(p, "security")
		}
		p.Press("Sign out A browser")
	}
}

// revokeFamilies has the client revoke the first refresh token of each family, whether it was used by then or not.
func (v *owner) revokeFamilies() error {
	for _, tokens := range v.families {
		if err := v.shop.Revoke(tokens.RefreshToken); err != nil {
			return err
		}
	}
	return nil
}

// grants are those that the ending is set against.
func (e ending) grants() []grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g grant) bool { return !e.meets(g) })
}

// foreignEndings are those of an account that another program keeps.
var foreignEndings = []ending{
	{name: "higher epoch", do: func(v *owner) error {
		v.site.Accounts.(*servertest.Staff).Change(v.account.Username, func(a *account.Account) { a.Epoch++ })
		return nil
	}, spares: []string{"password"}, browsers: true, unlocked: true},
	{name: "all ended by the program", do: func(v *owner) error {
		return v.site.First().EndAccess(context.Background(), v.account.Subject, "wiki:admin", "a stolen laptop")
	}, spares: []string{"password"}},
	{name: "consent revoked", do: func(v *owner) error {
		return v.site.Store.RevokeAccess(context.Background(), v.account.Subject, v.shop.OAuth.ClientID, v.site.Clock.Now())
	}, sessions: true, browsers: true, keeper: true, asks: true, without: []string{"consent", "device"}},
}

// eachWithEndings runs the test on each database, with our own accounts and with those of another program.
func eachWithEndings(t *testing.T, test func(t *testing.T, s *servertest.Site, endings []ending)) {
	servertest.EachWith(t, servertest.RememberBrowsers, func(t *testing.T, s *servertest.Site) {
		test(t, s, endings)
		s.Accounts = new(servertest.Staff)
		s.Start(1)
		test(t, s, foreignEndings)
	})
}

func arrived(p *servertest.Page, name string) error {
	if p.Name != name {
		return fmt.Errorf("the browser is at %q in state %q:\n%s", p.Name, p.State, p.Text())
	}
	return nil
}

// removeAuthenticator presses the button again if one of the grants that change factors came first: the page says so, and
// that nothing was removed.
func (v *owner) removeAuthenticator() error {
	id := v.authenticator()
	for {
		p := v.keeper.Open("/account/authenticators/"+id+"/remove").
			Press("Remove", "password", servertest.Password, "code", v.phones[3].Code(0))
		switch still := slices.ContainsFunc(v.factors().Authenticators, func(a mfa.Authenticator) bool { return a.ID == id }); {
		case !still:
			return arrived(p, "security")
		case !strings.Contains(p.Text(), "changed in another window"):
			return fmt.Errorf("nothing was removed: the browser is at %q in state %q:\n%s", p.Name, p.State, p.Text())
		}
	}
}

// changePassword goes on until the password is another one: a change of the factors at the same moment stops the first try.
func (v *owner) changePassword() error {
	for {
		p := v.keeper.Open("/account/password")
		if p.Name == "totp" {
			p = p.GiveCode(v.phones[3].Code(0))
		}
		if err := arrived(p, "password"); err != nil {
			return err
		}
		p = p.Press("Change password", "password", servertest.Password, "new-password", "a field of tall barley")
		if strings.Contains(p.Text(), "changed in another window") {
			continue
		}
		return arrived(p, "security")
	}
}

// authenticator is the id of the first one, which is removed.
func (v *owner) authenticator() string {
	i := slices.IndexFunc(v.factors().Authenticators, func(a mfa.Authenticator) bool { return a.Name == "Authenticator app" })
	return v.factors().Authenticators[i].ID
}

func (v *owner) factors() mfa.Factors {
	factors, err := v.site.Store.Factors(context.Background(), v.account.Subject)
	if err != nil {
		v.t.Fatal(err)
	}
	return factors
}

// holdings is what of the user's factors nothing may add to once they have ended.
func (v *owner) holdings() string {
	f := v.factors()
	text := fmt.Sprint(len(f.Authenticators), " authenticators")
	if f.Recovery != nil {
		text += " and the recovery codes " + f.Recovery.ID
	}
	return text
}

// verify fails the test if anything lives that the ending has ended. had is what the user had of factors right after it.
func (v *owner) verify(e ending, had string) {
	v.t.Helper()
	for _, l := range v.loot {
		if !slices.Contains(e.spares, l.what) {
			v.t.Run(l.what, func(t *testing.T) { v.verifyLoot(t, e, l) })
		}
	}
	if has := v.holdings(); !e.sessions && has != had {
		v.t.Errorf("the user had %s after the ending, and has %s", had, has)
	}
	browsers, err := v.site.Store.Browsers(context.Background(), v.account.Subject, v.site.Clock.Now())
	if err != nil || !e.browsers && len(browsers) > 0 {
		v.t.Errorf("%d browsers are remembered (%v)", len(browsers), err)
	}
	if p := v.keeper.Open("/account/security"); (p.Name == "security") != e.keeper {
		v.t.Errorf("the user's own browser is at %q, want it signed in: %v", p.Name, e.keeper)
	}
}

func (v *owner) verifyLoot(t *testing.T, e ending, l loot) {
	t.Helper()
	if l.tokens != nil {
		v.verifyTokens(t, e, l.tokens)
	}
	if l.device != nil && l.device.Poll().AccessToken != "" {
		t.Error("a device is signed in")
	}
	if l.browser == nil {
		return
	}
	if p := l.browser.Open("/account/security"); p.Name == "security" && !e.sessions {
		t.Error("the session lives")
	}
	if l.page != nil && l.trip != nil && !(e.asks && l.page.Left == nil) && v.exchange(l.trip, v.goOn(l.page)) != nil {
		t.Error("a code of before the ending, or of a sign-in under way, is exchanged")
	}
	trip := v.shop.Begin("prompt", "none")
	if tokens := v.exchange(trip, l.browser.Open(trip.Address)); tokens != nil {
		t.Error("the session gives codes")
	}
}

// goOn presses the buttons of pages that want nothing but that.
func (v *owner) goOn(p *servertest.Page) *servertest.Page {
	for _, button := range []struct{ page, label string }{{"recovery-used", "Continue"}, {"consent", "Allow"}} {
		if p.Left == nil && p.Name == button.page {
			p = p.Press(button.label)
		}
	}
	return p
}

// exchange returns the tokens that the browser has brought a code for; nil: none.
func (v *owner) exchange(trip *servertest.Trip, p *servertest.Page) *oauth2.Token {
	if p.Left == nil || p.Left.Query().Get("code") == "" {
		return nil
	}
	tokens, err := trip.Exchange(p.Left.Query().Get("code"))
	if err != nil {
		return nil
	}
	return tokens
}

func (v *owner) verifyTokens(t *testing.T, e ending, tokens *oauth2.Token) {
	t.Helper()
	if tokens == nil || tokens.RefreshToken != "" && e.families {
		return
	}
	if status := v.site.UserInfo(tokens.AccessToken); status != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d to an access token, want 401", status)
	}
	if v.api.Ask(t, tokens.AccessToken).Active {
		t.Error("an access token is active")
	}
	if tokens.RefreshToken == "" {
		return
	}
	if _, err := v.shop.Refresh(tokens.RefreshToken); err == nil {
		t.Error("a refresh token lives")
	}
}

// TestEndingBetweenTrips has the ending come between every two questions that a grant asks the database: its commit is held
// back until the ending is over. Each grant has a server of its own. One that was over before the ending is not tried again.
func TestEndingBetweenTrips(t *testing.T) {
	t.Parallel()
	eachWithEndings(t, func(t *testing.T, s *servertest.Site, endings []ending) {
		servers := map[string]*servertest.Instance{}
		for _, g := range grants {
			servers[g.name] = s.NewServer()
		}
		for _, e := range endings {
			t.Run(e.name, func(t *testing.T) {
				left := e.grants()
				for nth := 1; len(left) > 0; nth++ {
					if left = interrupt(t, s, servers, e, left, nth); t.Failed() {
						t.Fatalf("it came after question %d", nth)
					}
				}
			})
		}
	})
}

// interrupt returns the grants that ask the database that often.
func interrupt(t *testing.T, s *servertest.Site, servers map[string]*servertest.Instance, e ending, grants []grant, nth int) []grant {
	t.Helper()
	v := newOwner(t, s)
	trials := v.trials(grants, func(which int) *servertest.Browser { return v.signedIn(which) })
	over := make(chan struct{})
	waiting := make([]bool, len(grants))
	var arrived, all sync.WaitGroup
	for i, a := range trials {
		server := servers[grants[i].name]
		seen, once := 0, sync.OnceFunc(arrived.Done)
		arrived.Add(1)
		server.Observe(func(storage.Trip) {
			if seen++; seen == nth {
				waiting[i] = true
				once()
				<-over
			}
		})
		all.Go(func() {
			defer server.Observe(nil)
			a.send(server)
			once()
		})
	}
	arrived.Wait()
	err := e.do(v)
	had := v.holdings()
	close(over)
	all.Wait()
	if err != nil {
		t.Fatalf("%s after question %d: %v", e.name, nth, err)
	}
	v.verify(e, had)
	var left []grant
	for i, g := range grants {
		if waiting[i] {
			left = append(left, g)
		}
	}
	return left
}

// trials makes grants ready. session gives each that needs one a browser with a session.
func (v *owner) trials(grants []grant, session func(which int) *servertest.Browser) []*trial {
	v.t.Helper()
	v.session = session
	var ready []func() *trial
	for _, g := range grants {
		ready = append(ready, g.ready(v))
	}
	var trials []*trial
	for _, f := range ready {
		trials = append(trials, f())
	}
	return trials
}

// TestEndingAtOnce has all grants happen at the same time as the ending, beside three browsers that sign on silently,
// exchange and refresh, over and over, until the ending is over. In one of the rounds each grant is over before the ending.
// What comes between which questions is for TestEndingBetweenTrips to go through.
func TestEndingAtOnce(t *testing.T) {
	t.Parallel()
	eachWithEndings(t, func(t *testing.T, s *servertest.Site, endings []ending) {
		if !servertest.OnSQLite(s.Config.Database) { // which one process serves
			s.Start(3)
		}
		for _, e := range endings {
			t.Run(e.name, func(t *testing.T) {
				for round := range rounds {
					if atTheSameTime(t, s, e, round); t.Failed() {
						t.Fatalf("in round %d", round)
					}
				}
			})
		}
	})
}

// rounds is how often all happens at the same time.
const rounds = 8

func atTheSameTime(t *testing.T, s *servertest.Site, e ending, round int) {
	t.Helper()
	v := newOwner(t, s)
	var three []*servertest.Browser
	given := 0
	trials := v.trials(e.grants(), func(which int) *servertest.Browser {
		for len(three) < 3 {
			three = append(three, v.signedIn(which))
		}
		given++
		return three[given%len(three)]
	})
	servers := s.Servers()
	var over atomic.Bool
	var all sync.WaitGroup
	for _, b := range three {
		all.Go(func() { v.loop(b, &over) })
	}
	for i, a := range trials {
		if i%rounds == round { // over before the ending begins
			a.send(servers[i%len(servers)])
			continue
		}
		all.Go(func() { a.send(servers[i%len(servers)]) })
	}
	err := e.do(v)
	had := v.holdings()
	over.Store(true)
	all.Wait()
	if err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	if e.unlocked {
		had = v.holdings()
	}
	v.verify(e, had)
}

// loop signs on silently, exchanges and refreshes until the ending is over, and once more. The last tokens are what may
// have been given while it came.
func (v *owner) loop(b *servertest.Browser, over *atomic.Bool) {
	var all []*oauth2.Token
	for last := false; !last; {
		last = over.Load()
		trip := v.shop.Begin("prompt", "none", "scope", "openid offline_access")
		tokens := v.exchange(trip, b.Open(trip.Address))
		if tokens == nil {
			continue
		}
		all = append(all, tokens)
		if fresh, err := v.shop.Refresh(tokens.RefreshToken); err == nil {
			all = append(all, fresh)
		}
	}
	for _, tokens := range all[max(0, len(all)-4):] {
		v.take(loot{what: "loop", tokens: tokens})
	}
}

func tokensIn(t *testing.T, w *http.Response) *oauth2.Token {
	t.Helper()
	a := servertest.ReadReply(w)
	if a.Failure != nil {
		t.Errorf("token endpoint: %v", a.Failure)
	}
	if a.AccessToken == "" {
		return nil
	}
	return &oauth2.Token{AccessToken: a.AccessToken, RefreshToken: a.RefreshToken}
}

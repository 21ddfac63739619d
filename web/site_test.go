package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/net/html"

	"vestibule/consent"
	"vestibule/consent/consenttest"
	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	mfatotp "vestibule/mfa/totp"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/jwks/jwkstest"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
	"vestibule/web/signin"
)

const secret = "correct horse battery"

// sessions is Sessions as a map. Atomic takes back what a failure left behind.
type sessions struct {
	mu       sync.Mutex
	rows     map[string]interaction.Session
	accounts *accounts // nil: they are kept elsewhere
}

func (s *sessions) Session(_ context.Context, id []byte) (interaction.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[string(id)]
	if !ok {
		return row, store.ErrNotFound
	}
	row.Login = *row.Login.Clone()
	return row, nil
}

func (s *sessions) SaveSession(_ context.Context, old []byte, n *interaction.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old != nil {
		row, ok := s.rows[string(old)]
		if !ok || row.Version != n.Version {
			return store.ErrConflict
		}
		delete(s.rows, string(old))
	}
	n.Version++
	s.rows[string(n.ID)] = *n
	return nil
}

func (s *sessions) TouchSession(_ context.Context, id []byte, seen time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row, ok := s.rows[string(id)]; ok {
		row.Seen = seen
		s.rows[string(id)] = row
	}
	return nil
}

func (s *sessions) Sessions(_ context.Context, subject string) ([]interaction.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []interaction.Session
	for _, row := range s.rows {
		if row.Login.Subject == subject {
			all = append(all, row)
		}
	}
	return all, nil
}

func (s *sessions) RequireSession(_ context.Context, sid string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if row.Login.Session == sid {
			return nil
		}
	}
	return interaction.ErrSessionEnded
}

func (s *sessions) UseSession(_ context.Context, id []byte, sid string, now, since time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	row, ok := s.rows[string(id)]
	if !ok || row.Login.Session != sid || !row.Expires.After(now) || !row.Seen.After(since) {
		return interaction.ErrSessionEnded
	}
	if row.Seen.Before(now) {
		row.Seen = now
		s.rows[string(id)] = row
	}
	return nil
}

func (s *sessions) EndSession(_ context.Context, sid string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.rows, func(_ string, row interaction.Session) bool { return row.Login.Session == sid })
	return nil
}

func (s *sessions) EndSessionOf(_ context.Context, subject, sid string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.rows)
	maps.DeleteFunc(s.rows, func(_ string, row interaction.Session) bool {
		return row.Login.Session == sid && row.Login.Subject == subject
	})
	if len(s.rows) == before {
		return store.ErrNotFound
	}
	return nil
}

func (s *sessions) EndOthers(_ context.Context, subject string, epoch int64, sid string) (int64, error) {
	if s.accounts != nil {
		if err := s.accounts.raise(subject, epoch); err != nil {
			return 0, err
		}
		epoch++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.rows, func(_ string, row interaction.Session) bool {
		return row.Login.Subject == subject && row.Login.Session != sid
	})
	return epoch, nil
}

func (s *sessions) snapshot() map[string]interaction.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.rows)
}

func (s *sessions) restore(rows map[string]interaction.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = rows
}

// accounts is account.Accounts as a map by user name. All have the same password.
type accounts struct {
	mu   sync.Mutex
	rows map[string]account.Account
	down error
}

func (a *accounts) Account(_ context.Context, subject string) (account.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, row := range a.rows {
		if row.Subject == subject {
			return row, a.down
		}
	}
	return account.Account{}, store.ErrNotFound
}

func (a *accounts) Authenticate(ctx context.Context, name, password string, count account.Count) (account.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down != nil {
		return account.Account{}, a.down
	}
	canonical, _ := account.CanonicalName(name)
	row, ok := a.rows[strings.TrimSuffix(canonical, "@example.com")]
	if err := count(ctx, account.Guess{Key: canonical, Subject: row.Subject, Epoch: row.Epoch}); err != nil {
		return account.Account{}, err
	}
	if !ok || row.Disabled || password != secret {
		return account.Account{}, account.ErrPassword
	}
	return row, nil
}

func (a *accounts) NoteSignIn(_ context.Context, subject string, epoch int64, at time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, row := range a.rows {
		if row.Subject == subject && row.Epoch == epoch && !row.Disabled {
			row.SignedIn = at
			a.rows[name] = row
			return nil
		}
	}
	return account.ErrPassword
}

func (a *accounts) RequireAccount(_ context.Context, subject string, epoch int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, row := range a.rows {
		if row.Subject == subject && row.Epoch == epoch && !row.Disabled {
			return nil
		}
	}
	return account.ErrPassword
}

// raise ends the epoch.
func (a *accounts) raise(subject string, epoch int64) error {
	if err := a.RequireAccount(context.Background(), subject, epoch); err != nil {
		return err
	}
	a.set(func(rows map[string]account.Account) {
		for name, row := range rows {
			if row.Subject == subject {
				row.Epoch++
				rows[name] = row
			}
		}
	})
	return nil
}

func (a *accounts) set(change func(rows map[string]account.Account)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.rows)
}

func (a *accounts) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = err
}

// clock moves only when it is told to.
type clockwork struct {
	mu sync.Mutex
	at time.Time
}

func (c *clockwork) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clockwork) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// site is a server of real pages on stores in memory.
type site struct {
	t        *testing.T
	server   *httptest.Server
	handler  atomic.Pointer[http.ServeMux]
	provider *provider.Provider
	config   Config // of pages; see configure
	pages    *Server
	clock    *clockwork
	store    *providertest.Memory
	factors  *mfatest.Memory
	sessions *sessions
	accounts *accounts
	mfa      *mfa.Service
	log      *bytes.Buffer
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{
		t: t, clock: &clockwork{at: time.Date(2026, 3, 3, 14, 5, 10, 0, time.UTC)}, store: providertest.New(), factors: mfatest.New(),
		sessions: &sessions{rows: map[string]interaction.Session{}}, log: new(bytes.Buffer),
		accounts: &accounts{rows: map[string]account.Account{
			"ana": {Subject: "s-ana", Username: "ana", Name: "Ana Lima", Email: "ana@example.com", EmailVerified: true},
			"ben": {Subject: "s-ben", Username: "ben", Name: "Ben", Email: "ben@example.com"},
		}},
	}
	s.sessions.accounts = s.accounts
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler.Load().ServeHTTP(w, r) }))
	t.Cleanup(s.server.Close)
	s.store.AddClient(client.Client{ID: "shop", Name: "Demo Shop", SecretHash: "sha256:x", RedirectURIs: []string{"https://shop.test/cb"}, Scopes: []string{"openid", "profile", "email", "offline_access", "orders:write"}})
	s.store.AddClient(client.Client{ID: "native", Name: "Pocket", Public: true, RedirectURIs: []string{"http://127.0.0.1/cb"}, Scopes: []string{"openid"}})
	s.compose()
	return s
}

func (s *site) compose() {
	s.t.Helper()
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := jwkstest.Add(s.t.Context(), s.store, keys, s.clock.now()); err != nil {
		s.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, nil))
	s.mfa = &mfa.Service{Store: s.factors, Attempts: s.factors, Setups: s.factors, Keys: keys, Kinds: []mfa.Kind{mfatotp.Kind{Issuer: "Vestibule"}}, Now: s.clock.now, Atomic: s.atomic, Memory: 64, Passes: 1, Limits: mfa.Limits{Proof: signin.ProofTime}}
	p, err := provider.New(s.t.Context(), provider.Config{
		Issuer: s.server.URL, Store: s.store, Accounts: s.accounts, Sealer: keys, Secrets: keys.Derive("tokens"),
		SigningAlgorithm: client.ES256, Log: log, Now: s.clock.now,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.provider = p
	s.config = Config{
		Source: Source{Issuer: p.Issuer(), Engine: p, Flows: p.Flows, Clients: p, SignOuts: p, CommitsAnswers: true}, Accounts: s.accounts, MFA: s.mfa, Consent: &consent.Service{Store: consenttest.New(), Now: s.clock.now},
		Passwords: Passwords{Attempts: s.factors}, Stores: Stores{Sessions: s.sessions}, Journal: audit.Journal{Atomic: s.atomic},
		Keys: Keys{Devices: keys.Derive("known browsers"), Binding: []byte("binds a sign-in to its browser")},
		Site: Site{Contact: "help@example.com"}, Log: log, Now: s.clock.now,
	}
	if s.config.Site.Texts, err = translated(); err != nil {
		s.t.Fatal(err)
	}
	s.configure(func(*Config) {})
}

// configure changes what the pages are made of, as if the server had been started anew.
func (s *site) configure(change func(c *Config)) {
	s.t.Helper()
	change(&s.config)
	pages, err := New(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	mux := http.NewServeMux()
	if err := s.provider.Register(mux, pages); err != nil {
		s.t.Fatal(err)
	}
	pages.Register(mux)
	mux.Handle("/", pages.Rest())
	s.pages = pages
	s.handler.Store(mux)
}

// atomic spans all the stores.
func (s *site) atomic(ctx context.Context, fn func(context.Context) error) error {
	return s.store.Atomic(ctx, func(ctx context.Context) error { // one at a time
		before := s.sessions.snapshot()
		var events []func()
		err := s.factors.Atomic(context.WithValue(ctx, commit{}, &events), fn)
		if err != nil {
			s.sessions.restore(before)
			return err
		}
		for _, record := range events {
			record()
		}
		return nil
	})
}

// phone is an authenticator app, and the paper with the recovery codes beside it.
type phone struct {
	s      *site
	secret string
	codes  []string
}

// code is the code of now, or of so many steps from now.
func (p phone) code(steps int) string {
	p.s.t.Helper()
	code, err := totp.GenerateCode(p.secret, p.s.clock.now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		p.s.t.Fatal(err)
	}
	return code
}

// wrong is a code that is right at no time near.
func (p phone) wrong() string { return p.wrongs(1)[0] }

func (p phone) wrongs(n int) []string {
	near := map[string]bool{}
	for steps := -150; steps <= 150; steps++ {
		near[p.code(steps)] = true
	}
	var all []string
	for i := 0; len(all) < n; i++ {
		if c := string([]byte{'0' + byte(i/10%10), '1', '2', '3', '4', '0' + byte(i%10)}); !near[c] {
			all = append(all, c)
		}
	}
	return all
}

// enrolled gives the user an authenticator, as if set up a minute ago.
func (s *site) enrolled(subject string) phone {
	s.t.Helper()
	ctx, owner := s.t.Context(), rand.Text()
	pending, err := mfatest.Begin(s.t, s.mfa, subject, owner, mfatotp.Name)
	if err != nil {
		s.t.Fatal(err)
	}
	p := phone{s: s, secret: pending.Offer.(mfatotp.Offer).Secret}
	if err := s.mfa.Confirm(ctx, subject, owner, mfatotp.Form(p.code(-1)), ""); err != nil {
		s.t.Fatal(err)
	}
	if pending, err = s.mfa.Pending(ctx, owner, subject); err != nil {
		s.t.Fatal(err)
	}
	p.codes = pending.Codes
	if err := s.mfa.Activate(ctx, subject, owner, nil); err != nil {
		s.t.Fatal(err)
	}
	return p
}

// visitor is a browser without JavaScript.
type visitor struct {
	*site
	http *http.Client
	jar  http.CookieJar
}

func (s *site) newBrowser() *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if inStrangeLanguage(s.t) {
		client.Transport = speaker{http.DefaultTransport}
	}
	return &visitor{s, client, jar}
}

// authorize is the address that a client sends its users to.
func (s *site) authorize(more ...string) string {
	q := url.Values{"client_id": {"shop"}, "redirect_uri": {"https://shop.test/cb"}, "response_type": {"code"}, "scope": {"openid email"}, "state": {"st"}, "nonce": {"n"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return s.server.URL + "/authorize?" + q.Encode()
}

// screen is what the browser shows.
type screen struct {
	*visitor
	address *url.URL
	status  int
	header  http.Header
	doc     *html.Node
	body    string
	name    string
	state   string
}

// address is that of a page, whose path is written without the prefix, and of anything else as it is.
func (b *visitor) address(path string) string {
	switch prefix := b.config.Site.Prefix; {
	case !strings.HasPrefix(path, "/"):
		return path
	case strings.HasPrefix(path, prefix+"/"), strings.HasPrefix(path, "/authorize"):
		return b.server.URL + path
	default:
		return b.server.URL + prefix + path
	}
}

func (b *visitor) open(path string) *screen {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.address(path), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.follow(r)
}

// send posts a form and returns the answer itself, which must be a redirect with 303.
func (b *visitor) send(path string, form url.Values) *http.Response {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.address(path), strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.server.URL)
	response, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { response.Body.Close() })
	return response
}

func (b *visitor) post(path string, form url.Values) *screen {
	b.t.Helper()
	response := b.send(path, form)
	if response.StatusCode < 300 || response.StatusCode >= 400 {
		return b.read(response)
	}
	if response.StatusCode != http.StatusSeeOther {
		b.t.Errorf("POST %s answers %d, want 303", path, response.StatusCode)
	}
	next, err := response.Location()
	if err != nil {
		b.t.Fatal(err)
	}
	return b.open(next.String())
}

// follow goes where redirects lead as long as they stay at the site.
func (b *visitor) follow(r *http.Request) *screen {
	b.t.Helper()
	for range 8 {
		if !strings.HasPrefix(r.URL.String(), b.server.URL) {
			return &screen{visitor: b, address: r.URL, name: "client"}
		}
		response, err := b.http.Do(r)
		if err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(func() { response.Body.Close() })
		if response.StatusCode < 300 || response.StatusCode >= 400 {
			return b.read(response)
		}
		next, err := response.Location()
		if err != nil {
			b.t.Fatal(err)
		}
		if r, err = http.NewRequest(http.MethodGet, next.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatalf("too many redirects at %s", r.URL)
	return nil
}

func (b *visitor) read(response *http.Response) *screen {
	b.t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	s := &screen{visitor: b, address: response.Request.URL, status: response.StatusCode, header: response.Header, body: string(body)}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
		return s
	}
	if s.doc, err = html.Parse(strings.NewReader(s.body)); err != nil {
		b.t.Fatal(err)
	}
	main := s.find("main")
	if main == nil {
		b.t.Fatalf("%s has no main:\n%s", s.address, s.body)
	}
	s.name, s.state = attr(main, "data-page"), attr(main, "data-state")
	if flow := s.input("flow"); attr(flow, "data-page-address") != "" { // which the script puts in the place of the one that was asked for
		if s.address, err = s.address.Parse(attr(flow, "data-page-address") + "?flow=" + url.QueryEscape(attr(flow, "value"))); err != nil {
			b.t.Fatal(err)
		}
	}
	s.checkPage()
	return s
}

// at fails the test unless the browser shows that page in that state.
func (s *screen) at(name, state string) *screen {
	s.t.Helper()
	if s.name != name || s.state != state {
		s.t.Fatalf("%s shows %q in state %q (%d), want %q in state %q:\n%s\n%s", s.address, s.name, s.state, s.status, name, state, s.text(), s.log)
	}
	return s
}

func (s *screen) answers(status int) *screen {
	s.t.Helper()
	if s.status != status {
		s.t.Errorf("%s (%s) answers %d, want %d", s.name, s.state, s.status, status)
	}
	return s
}

func (s *screen) says(words ...string) *screen {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.text(), w) {
			s.t.Errorf("%s (%s) does not say %q:\n%s", s.name, s.state, w, s.text())
		}
	}
	return s
}

// press presses the button with that label after filling in fields, given as name and value in turn.
func (s *screen) press(label string, fields ...string) *screen {
	s.t.Helper()
	action, form := s.form(label, fields...)
	return s.post(action, form)
}

// form is what the button would send, and where.
func (s *screen) form(label string, fields ...string) (string, url.Values) {
	s.t.Helper()
	for n := range s.doc.Descendants() {
		if n.Data != "button" || attr(n, "type") != "submit" || !strings.Contains(words(n), label) {
			continue
		}
		f := n.Parent
		for f.Data != "form" {
			f = f.Parent
		}
		form := inputs(f)
		if name := attr(n, "name"); name != "" {
			form.Set(name, attr(n, "value"))
		}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		return attr(f, "action"), form
	}
	s.t.Fatalf("%s (%s) has no button %q:\n%s", s.name, s.state, label, s.text())
	return "", nil
}

func inputs(form *html.Node) url.Values {
	v := url.Values{}
	for n := range form.Descendants() {
		if n.Data == "input" && attr(n, "name") != "" && (attr(n, "type") != "checkbox" || has(n, "checked")) {
			v.Set(attr(n, "name"), attr(n, "value"))
		}
	}
	return v
}

// click follows the link with that label.
func (s *screen) click(label string) *screen {
	s.t.Helper()
	for n := range s.doc.Descendants() {
		if n.Data == "a" && strings.Contains(words(n), label) {
			next, err := s.address.Parse(attr(n, "href"))
			if err != nil {
				s.t.Fatal(err)
			}
			return s.open(next.String())
		}
	}
	s.t.Fatalf("%s (%s) has no link %q:\n%s", s.name, s.state, label, s.text())
	return nil
}

func (s *screen) reload() *screen {
	s.t.Helper()
	return s.open(s.address.String())
}

func (s *screen) text() string {
	if s.doc == nil {
		return s.body
	}
	return words(s.find("body"))
}

func (s *screen) find(element string) *html.Node {
	for n := range s.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == element {
			return n
		}
	}
	return nil
}

func (s *screen) input(name string) *html.Node {
	for n := range s.doc.Descendants() {
		if n.Data == "input" && attr(n, "name") == name {
			return n
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == key {
				return a.Val
			}
		}
	}
	return ""
}

func has(n *html.Node, key string) bool {
	if n != nil {
		for _, a := range n.Attr {
			if a.Key == key {
				return true
			}
		}
	}
	return false
}

// words is the text below n as a reader sees it, in English.
func words(n *html.Node) string {
	var all strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "script" {
			all.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(plainly.Replace(all.String())), " ")
}

// cookie is the value that the browser has under that name.
func (b *visitor) cookie(name string) string {
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// password signs in as far as the password goes.
func (s *screen) password(name string) *screen {
	s.t.Helper()
	return s.at("login", s.state).press("Sign in", "username", name, "password", secret)
}

// client fails the test unless the browser was sent to the client, and returns what with.
func (s *screen) client() url.Values {
	s.t.Helper()
	if s.name != "client" {
		s.t.Fatalf("%s shows %q in state %q (%d), want the client:\n%s\n%s", s.address, s.name, s.state, s.status, s.text(), s.log)
	}
	return s.address.Query()
}

var errDown = errors.Join(store.ErrUnavailable, errors.New("connection refused"))

// serveAuthorize returns an address where the provider hands over the interaction.
func (s *site) serveAuthorize(ix *interaction.Interaction) string {
	path := "/test/" + ix.ID
	s.handler.Load().HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if err := s.pages.Authorize(w, r, ix); err != nil {
			s.pages.Error(w, r, err)
		}
	})
	return s.server.URL + path
}

// failing is Sessions that cannot store anything.
type failing struct{ *sessions }

func (failing) SaveSession(context.Context, []byte, *interaction.Session) error {
	return errors.New("disk full")
}

func clientNamed(name string) client.Client {
	return client.Client{ID: "odd", Name: name, SecretHash: "sha256:x", RedirectURIs: []string{"https://odd.test/cb"}, Scopes: []string{"openid", "email"}}
}

package hostile

import (
	"database/sql"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/docs/doctest"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
)

var updateMatrix = flag.Bool("update-matrix", false, "write testdata/matrix.golden anew; read the difference before you commit it")

const matrixFile = "testdata/matrix.golden"

// TestMatrix sends every request of the route tables in every state that lacks a proof, and compares what comes of
// it with testdata/matrix.golden: one line a request, one column a state. No cell may have a code for the client, nor
// change what only proofs may change.
func TestMatrix(t *testing.T) {
	t.Parallel()
	requests := matrixRequests(t)
	got := make([][]string, len(matrixStates))
	t.Run("states", func(t *testing.T) {
		for i, state := range matrixStates {
			t.Run(state.name, func(t *testing.T) {
				t.Parallel()
				s := servertest.New(t, servertest.SQLite(t), servertest.RememberBrowsers, servertest.OpenRegistration)
				m := &matrix{t: t, site: s, state: state, shop: s.NewClient(t, "shop")}
				m.watch()
				m.owner, m.intruder = m.newVictim("ana"), m.newVictim("ben")
				for _, request := range requests {
					got[i] = append(got[i], m.cell(request))
				}
			})
		}
	})
	table := matrixTable(requests, got)
	if *updateMatrix {
		if err := os.WriteFile(matrixFile, []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if table != string(want) {
		t.Errorf("the matrix differs from %s:\n%s", matrixFile, difference(string(want), table))
	}
}

// matrixState is somebody who lacks a proof.
type matrixState struct {
	name  string
	means string
	// enter brings a browser into the state; it returns the flow that the requests name, and may move the clock.
	enter func(m *matrix) (*servertest.Browser, string)
	sees  []string // pages of the account that the state may see: it is signed in for them
}

var matrixStates = []matrixState{
	{"nobody", "a browser without a cookie", func(m *matrix) (*servertest.Browser, string) {
		return m.site.NewBrowser(m.t), ""
	}, nil},
	{"password", "the password was given, the code is owed", func(m *matrix) (*servertest.Browser, string) {
		b := m.site.NewBrowser(m.t)
		return b, m.password(b, m.owner)
	}, nil},
	{"other user", "fully signed in, with the flow of somebody else", func(m *matrix) (*servertest.Browser, string) {
		flow := m.consent(m.site.NewBrowser(m.t), m.owner)
		b := m.site.NewBrowser(m.t)
		m.consent(b, m.intruder)
		return b, flow
	}, []string{"security", "setup", "codes", "activity", "apps", "password"}},
	{"expired", "the password was given 61 minutes ago", func(m *matrix) (*servertest.Browser, string) {
		b := m.site.NewBrowser(m.t)
		flow := m.password(b, m.owner)
		m.site.Clock.Advance(61 * time.Minute)
		return b, flow
	}, nil},
	{"other browser", "a flow that waits for consent, in another browser", func(m *matrix) (*servertest.Browser, string) {
		flow := m.consent(m.site.NewBrowser(m.t), m.owner)
		b := m.site.NewBrowser(m.t)
		b.Open(m.shop.Begin().Address)
		return b, flow
	}, nil},
	{"one factor", "a session from before the authenticator was set up", func(m *matrix) (*servertest.Browser, string) {
		b := m.site.NewBrowser(m.t)
		restore := m.remove(m.owner)
		flow := flowOf(m.shop.Begin().SignIn(b, m.owner.name).At("consent", "initial"))
		restore()
		return b, flow
	}, nil},
	{"remembered", "a remembered browser, where only the password was given", func(m *matrix) (*servertest.Browser, string) {
		b := m.site.NewBrowser(m.t)
		m.shop.Begin().SignIn(b, m.owner.name).Press("Continue", "code", m.owner.phone.Code(0), "remember", "yes").At("consent", "initial")
		b.Open("/logout").Press("Sign out")
		m.shop.Begin().SignIn(b, m.owner.name).At("consent", "initial")
		return b, ""
	}, []string{"security", "activity", "apps", "rename", "remove"}},
	{"old session", "both proofs were given 26 minutes ago", func(m *matrix) (*servertest.Browser, string) {
		b := m.site.NewBrowser(m.t)
		m.consent(b, m.owner)
		m.site.Clock.Advance(26 * time.Minute)
		return b, ""
	}, []string{"security", "activity", "apps", "rename", "remove"}},
	{"ended session", "both proofs were given, and the session was ended from elsewhere", func(m *matrix) (*servertest.Browser, string) {
		b := m.site.NewBrowser(m.t)
		flow := m.consent(b, m.owner)
		if err := m.site.Store.EndAccess(m.t.Context(), m.owner.account.Subject); err != nil {
			m.t.Fatal(err)
		}
		return b, flow
	}, nil},
}

// victim is an enrolled user.
type victim struct {
	name    string
	account account.Account
	phone   servertest.Phone
	id      string // of the authenticator
}

// matrix fills in the column of one state.
type matrix struct {
	t     *testing.T
	site  *servertest.Site
	state matrixState
	shop  *servertest.Client

	owner, intruder *victim
	db              *sql.DB             // reads and writes past the servers
	rows            map[string]string   // the query for each guarded table
	browser         *servertest.Browser // in the state already, if the last request has changed nothing there
	flow            string
}

func (m *matrix) newVictim(name string) *victim {
	m.t.Helper()
	p := &victim{name: name}
	p.account = m.site.AddUser(p.name)
	m.enrol(p)
	return p
}

func (m *matrix) service() *mfa.Service { return m.site.MFA() }

// enrol gives the person an authenticator without the pages, which would leave a session behind.
func (m *matrix) enrol(p *victim) {
	m.t.Helper()
	ctx, service := m.t.Context(), m.service()
	pending, err := service.Begin(ctx, p.account.Subject, "test", totp.Name)
	if err != nil {
		m.t.Fatalf("enrol %s: %v", p.name, err)
	}
	p.phone = servertest.Phone{Site: m.site, Secret: pending.Offer.(totp.Offer).Secret}
	if err := service.Confirm(ctx, p.account.Subject, "test", totp.Form(p.phone.Code(-1)), ""); err != nil {
		m.t.Fatalf("enrol %s: %v", p.name, err)
	}
	if err := service.Activate(ctx, p.account.Subject, "test", nil); err != nil {
		m.t.Fatalf("enrol %s: %v", p.name, err)
	}
	status, err := service.Status(ctx, p.account.Subject)
	if err != nil || len(status.Authenticators) != 1 {
		m.t.Fatalf("enrol %s: %v, %v", p.name, status, err)
	}
	p.id = status.Authenticators[0].ID
}

// remove takes the authenticator and the recovery codes away. restore gives the same ones back, which new ones would
// take ten slow hashes for.
func (m *matrix) remove(p *victim) (restore func()) {
	m.t.Helper()
	ctx, db, subject := m.t.Context(), m.site.Store, p.account.Subject
	had, err := db.Factors(ctx, subject)
	if err == nil {
		err = db.Remove(ctx, subject, p.id)
	}
	if err != nil {
		m.t.Fatalf("remove: %v", err)
	}
	return func() {
		m.t.Helper()
		basis := had.Generation + 1
		err := db.SaveSetup(ctx, mfa.Setup{Owner: "test", Subject: subject, ID: p.id, Basis: basis, Sealed: []byte("none")})
		if err == nil {
			err = db.Activate(ctx, subject, "test", basis, &had.Authenticators[0], had.Recovery)
		}
		if err != nil {
			m.t.Fatalf("restore: %v", err)
		}
	}
}

// password brings the browser to the page of the code.
func (m *matrix) password(b *servertest.Browser, p *victim) string {
	m.t.Helper()
	return flowOf(m.shop.Begin().SignIn(b, p.name).At("totp", "initial"))
}

// consent brings the browser to the page of the consent: all was proved.
func (m *matrix) consent(b *servertest.Browser, p *victim) string {
	m.t.Helper()
	return flowOf(m.shop.Begin().SignIn(b, p.name).GiveCode(p.phone.Code(0)).At("consent", "initial"))
}

func flowOf(p *servertest.Page) string { return p.Address.Query().Get("flow") }

// matrixRequest is a line of the table.
type matrixRequest struct {
	method, path string
	form         string // what is sent beside the flow; "wrong" stands for a code that is none
}

func (r matrixRequest) String() string {
	return strings.TrimSpace(r.method + " " + r.path + " " + r.form)
}

// matrixForms are what is sent to a route: the form that would do most if it were allowed. A route that is not here
// is sent an empty one.
var matrixForms = map[string][]string{
	"POST /login":                              {"username=USER&password=not+the+password"},
	"POST /login/{kind}":                       {"code=WRONG"},
	"POST /login/recovery":                     {"recovery=AAAAA-BBBBB-CCCCC"},
	"POST /login/recovery/used":                {"", "action=setup", "action=codes"},
	"POST /login/setup":                        {"code=WRONG", "action=save&saved=on", "action=cancel"},
	"POST /login/setup/{kind}":                 {"code=WRONG", "action=save&saved=on", "action=cancel"},
	"POST /consent":                            {"action=allow&remember=on", "action=deny"},
	"GET /authorize":                           {"AUTHORIZE", "AUTHORIZE&prompt=none", "AUTHORIZE&acr_values=aal2", "AUTHORIZE&prompt=none&acr_values=aal2", "AUTHORIZE&prompt=none&response_mode=form_post"},
	"POST /authorize":                          {"AUTHORIZE"},
	"GET /end-session":                         {"", "client_id=shop"},
	"POST /token":                              {"grant_type=authorization_code&code=none&client_id=shop", "grant_type=refresh_token&refresh_token=none&client_id=shop", "grant_type=password&username=USER&password=none", "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=none&client_id=shop"},
	"POST /par":                                {"AUTHORIZE"},
	"POST /device_authorization":               {"", "client_id=shop&scope=openid"},
	"GET /device":                              {"", "user_code=BCDF-GHJK"},
	"POST /device":                             {"", "code=BCDF-GHJK"},
	"GET /device/again":                        {"", "why=denied", "why=late"},
	"POST /revoke":                             {"", "token=none&client_id=shop"},
	"POST /account/recovery-codes":             {"", "action=save&saved=on"},
	"GET /account/recovery-codes":              {"", "new=1"},
	"GET /account/setup/{kind}":                {"", "step=codes"},
	"POST /account/setup/{kind}":               {"code=WRONG&name=Phone", "action=choose&algorithm=SHA1", "action=save&saved=on", "action=cancel"},
	"POST /account/password":                   {"password=not+the+password&new-password=a+field+of+tall+barley&apps=ended&replaces=0.USER"},
	"POST /account/authenticators/{id}/remove": {"password=not+the+password&code=WRONG"},
}

var routeLine = regexp.MustCompile(`\b(Get|Post)\("([^"]+)"|\.(?:handle|open)\("(GET|POST|PUT|DELETE)", "([^"]+)"`)

// routeTables are the files that say which addresses there are.
var routeTables = []string{
	"provider/routes.go", "web/routes.go", "web/ui/routes.go", "web/signin/routes.go", "web/account/routes.go", "web/logout/routes.go",
}

// addsRoute finds lines that must match routeLine.
var addsRoute = regexp.MustCompile(`^\t+(ui\.Get|ui\.Post|at\.open|at\.handle|root\.open)\(`)

// matrixRequests reads the routes from the sources of the route tables, so that none can be forgotten.
func matrixRequests(t *testing.T) []matrixRequest {
	t.Helper()
	var requests []matrixRequest
	known := map[string]bool{}
	for _, file := range routeTables {
		source, err := os.ReadFile(filepath.Join(doctest.Root(t), file))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(source), "\n") {
			if addsRoute.MatchString(line) && !routeLine.MatchString(line) {
				t.Errorf("%s has a route that the matrix cannot read; write its path out: %s", file, strings.TrimSpace(line))
			}
		}
		for _, match := range routeLine.FindAllStringSubmatch(string(source), -1) {
			method, path := strings.ToUpper(match[1]+match[3]), match[2]+match[4]
			path = strings.TrimSuffix(path, "{$}")
			route := method + " " + path
			if known[route] { // at another place as well
				continue
			}
			known[route] = true
			forms := matrixForms[route]
			if forms == nil {
				forms = []string{""}
			}
			for _, form := range forms {
				requests = append(requests, matrixRequest{method, path, form})
			}
		}
	}
	for route := range matrixForms {
		if !known[route] {
			t.Errorf("there is no route %s any more", route)
		}
	}
	if len(requests) < 50 {
		t.Fatalf("only %d requests were found in the route tables", len(requests))
	}
	return requests
}

// cell makes one request, in a state made anew, and says what came of it.
func (m *matrix) cell(request matrixRequest) string {
	m.t.Helper()
	m.enter()
	before := m.guarded()
	answer := m.send(request)
	after := m.guarded()
	if request.method != http.MethodGet || request.form != "" {
		m.browser = nil
	}
	for _, table := range guardedTables {
		if !slices.Equal(before[table], after[table]) {
			answer += " changes " + table
		}
	}
	m.judge(request, answer)
	return answer
}

// enter brings a browser into the state, with all budgets whole and codes that were not used.
func (m *matrix) enter() {
	m.t.Helper()
	if m.browser != nil {
		return
	}
	m.site.Clock.Advance(time.Minute)
	m.forgive()
	m.browser, m.flow = m.state.enter(m)
}

// forgive empties all budgets: the requests of one cell must not lock the next.
func (m *matrix) forgive() {
	m.t.Helper()
	if _, err := m.db.ExecContext(m.t.Context(), `DELETE FROM guess`); err != nil {
		m.t.Fatal(err)
	}
}

// guardedTables hold what only proofs may change.
var guardedTables = []string{"authenticator", "recovery_set", "recovery_code", "enrolment", "consent", "code", "access_token", "session", "browser", "reset", "enrol_link", "account"}

// watch prepares to read the guarded tables, which happens twice for each cell.
func (m *matrix) watch() {
	m.t.Helper()
	db, _, row := servertest.OpenDump(m.t, m.site.Config.Database)
	m.t.Cleanup(func() { db.Close() })
	m.db, m.rows = db, map[string]string{}
	for _, table := range guardedTables {
		m.rows[table] = fmt.Sprintf(row(m.t.Context(), m.t, db, table), table)
	}
}

func (m *matrix) guarded() servertest.Dump {
	all := servertest.Dump{}
	for table, query := range m.rows {
		all[table] = servertest.Column(m.t.Context(), m.t, m.db, query)
	}
	for i, row := range all["session"] { // when a session was last seen is no secret power
		all["session"][i], _, _ = strings.Cut(row, "|")
	}
	return all
}

func (m *matrix) send(request matrixRequest) string {
	m.t.Helper()
	b, owner, flow := m.browser, m.owner, m.flow
	v := m.shop.Begin()
	start, err := url.Parse(v.Address)
	if err != nil {
		m.t.Fatal(err)
	}
	text := strings.NewReplacer("USER", owner.name, "WRONG", owner.phone.Wrong(), "AUTHORIZE", start.RawQuery).Replace(request.form)
	form, err := url.ParseQuery(text)
	if err != nil {
		m.t.Fatalf("%s: %v", request, err)
	}
	if flow != "" && !strings.HasPrefix(request.form, "AUTHORIZE") {
		form.Set("flow", flow)
	}
	path := strings.NewReplacer("{id}", owner.id, "{kind}", totp.Name, "{hash}", "none", "{name}", "none").Replace(request.path)
	return strings.ReplaceAll(describe(rawRequest(b, request.method, path, form)), owner.id, "{id}")
}

// raw sends one request and does not follow where it leads.
func rawRequest(b *servertest.Browser, method, path string, form url.Values) (*servertest.Page, *url.URL) {
	b.T.Helper()
	address, body := b.Site.Config.Issuer+path, ""
	if method == http.MethodGet && len(form) > 0 {
		address += "?" + form.Encode()
	} else {
		body = form.Encode()
	}
	request, err := http.NewRequestWithContext(b.T.Context(), method, address, strings.NewReader(body))
	if err != nil {
		b.T.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", b.Site.Config.Issuer)
	}
	return b.Once(request)
}

// describe says in a few words what was answered.
func describe(p *servertest.Page, next *url.URL) string {
	if p != nil && p.Name == "form-post" {
		next = p.Deliver().Left
	}
	switch {
	case next != nil && next.Query().Get("error") != "":
		return "client: " + next.Query().Get("error")
	case next != nil && next.Query().Has("code"):
		return "client: CODE"
	case next != nil:
		return "-> " + next.Path
	case p.Name != "" && p.Status != http.StatusOK:
		return fmt.Sprintf("%s/%s %d", p.Name, p.State, p.Status)
	case p.Name != "":
		return p.Name + "/" + p.State
	}
	return fmt.Sprint(p.Status)
}

// judge holds each cell to what no expectation may allow.
func (m *matrix) judge(request matrixRequest, answer string) {
	m.t.Helper()
	page, _, _ := strings.Cut(answer, "/")
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{strings.Contains(answer, "CODE"), "gives the client a code"},
		{changesMore(answer, mayChange[request.String()]), "changes what needs a proof"},
		{slices.Contains(memberPages, page) && !m.maySee(request, page), "shows a page of the account"},
		{strings.HasSuffix(answer, " 500"), "is a fault of ours"},
	} {
		if rule.broken {
			m.t.Errorf("%s, as %q: %s: %s", request, m.state.name, answer, rule.text)
		}
	}
}

// maySee reports whether the state may be shown the page: whoever is signed in begins a sign-in with the page of consent, which
// is no other's.
func (m *matrix) maySee(request matrixRequest, page string) bool {
	if request.method == http.MethodGet && request.path == "/authorize" && page == "consent" {
		return slices.Contains(m.state.sees, "security")
	}
	return slices.Contains(m.state.sees, page)
}

// mayChange is what some requests are for, and needs no proof: it only takes rights away.
var mayChange = map[string][]string{
	"POST /logout":                      {"session"},
	"POST /account/browsers/forget":     {"browser"},
	"POST /account/sessions/end-others": {"session", "account", "browser"}, // the session's id, and the epoch, with which remembered browsers go
}

// changesMore reports whether the answer says that a table has changed which is none of these.
func changesMore(answer string, tables []string) bool {
	_, changes, found := strings.Cut(answer, " changes ")
	return found && slices.ContainsFunc(strings.Split(changes, " changes "), func(table string) bool { return !slices.Contains(tables, table) })
}

// memberPages are the pages for users who have proved all that they can.
var memberPages = []string{"security", "setup", "codes", "remove", "rename", "activity", "apps", "app-remove", "password", "consent"}

// matrixTable writes the whole matrix.
func matrixTable(requests []matrixRequest, columns [][]string) string {
	var b strings.Builder
	for _, state := range matrixStates {
		fmt.Fprintf(&b, "# %s: %s\n", state.name, state.means)
	}
	for i, request := range requests {
		fmt.Fprintf(&b, "\n%s\n", request)
		for j, state := range matrixStates {
			if i < len(columns[j]) {
				fmt.Fprintf(&b, "  %-14s %s\n", state.name, columns[j][i])
			}
		}
	}
	return b.String()
}

// difference lists the lines of either text that the other has not, with the request that they belong to.
func difference(want, got string) string {
	var b strings.Builder
	old, fresh := strings.Split(want, "\n"), strings.Split(got, "\n")
	request := ""
	for i := range max(len(old), len(fresh)) {
		a, c := lineAt(old, i), lineAt(fresh, i)
		if !strings.HasPrefix(c, " ") && c != "" {
			request = c
		}
		if a != c {
			fmt.Fprintf(&b, "%s\n  want %s\n  got  %s\n", request, a, c)
		}
	}
	return b.String()
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

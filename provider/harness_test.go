package provider_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/jwks/jwkstest"
	"vestibule/provider/logout"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
)

const (
	issuer   = "https://id.example"
	callback = "https://shop.example/cb"
	verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"
)

// op is a provider with pages that sign a user in at once.
type op struct {
	t        testing.TB
	store    *providertest.Memory
	sealer   *providertest.Sealer
	p        *provider.Provider
	mux      *http.ServeMux
	ui       *pages
	secret   string
	audit    audit.Recorder
	accounts account.Accounts // nil: those of the store
	ladder   assurance.Levels
	signs    string // the algorithm; empty: the usual one
	mustPush bool
	noPages  bool // the host has no pages for devices, and none with the frames of clients

	mu  sync.Mutex
	now time.Time
}

// pages prove what sign says and finish.
type pages struct {
	o      *op
	sign   func(ix *interaction.Interaction)
	refuse string
	hold   bool // show a page and wait
	honest bool // refuse what sign does not reach, as real pages do
	last   *interaction.Interaction
	err    error // the last error shown
}

func (ui *pages) Authorize(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction) error {
	ui.last = ix
	if ui.hold {
		return nil
	}
	if ui.refuse != "" {
		return ui.o.p.Refuse(w, r, ix, ui.refuse)
	}
	ui.sign(ix)
	if ui.honest && !ix.Login.Satisfies(ix.Required(), ui.o.clock()) {
		return ui.o.p.Refuse(w, r, ix, assurance.ErrorUnmet)
	}
	return ui.o.p.Finish(w, r, ix, ui.o.clock())
}

func (ui *pages) EndSession(w http.ResponseWriter, r *http.Request, request *logout.Request) error {
	http.Redirect(w, r, request.Destination(), http.StatusSeeOther)
	return nil
}

// FormPost answers with the form as JSON.
func (ui *pages) FormPost(w http.ResponseWriter, _ *http.Request, f interaction.FormPost) error {
	return json.NewEncoder(w).Encode(f)
}

func (ui *pages) Error(w http.ResponseWriter, _ *http.Request, err error) {
	ui.err = err
	status := http.StatusInternalServerError
	var fault *interaction.RequestError
	switch {
	case errors.As(err, &fault):
		status = fault.Status
	case errors.Is(err, store.ErrUnavailable):
		status = http.StatusServiceUnavailable
	}
	w.WriteHeader(status)
}

func newOP(t testing.TB) *op {
	o := &op{t: t, store: providertest.New(), sealer: providertest.NewSealer(), now: time.Now()}
	secret, hash := client.NewSecret()
	o.secret = secret
	o.store.AddClient(client.Client{ID: "shop", Name: "Demo Shop", SecretHash: hash, RedirectURIs: []string{callback},
		Scopes: []string{"openid", "profile", "email", "offline_access"}, IDTokenAlg: client.ES256})
	o.store.AddClient(client.Client{ID: "net", SecretHash: hash, RedirectURIs: []string{callback}, Scopes: []string{"openid", "profile", "email", "offline_access"},
		IDTokenAlg: client.ES256, ResponseTypes: []string{"code", "id_token"}})
	o.store.AddClient(client.Client{ID: "other", SecretHash: hash, RedirectURIs: []string{callback}, Scopes: []string{"openid"}})
	o.store.AddClient(client.Client{ID: "app", Public: true, RedirectURIs: []string{"http://127.0.0.1/cb", "com.example.app:/cb"}, Scopes: []string{"openid"}})
	o.store.AddAccount(account.Account{Subject: "u1", Username: "ana", Name: "Ana", Email: "ana@example.com"}, "")
	if err := jwkstest.Add(t.Context(), o.store, o.sealer, o.now); err != nil {
		t.Fatal(err)
	}
	o.restart()
	return o
}

// restart makes a new provider on the same store.
func (o *op) restart() {
	o.t.Helper()
	accounts := o.accounts
	if accounts == nil {
		accounts = &account.Directory{Store: o.store, Hasher: &account.Hasher{}}
	}
	p, err := provider.New(o.t.Context(), provider.Config{
		Issuer: issuer, Store: o.store, Accounts: accounts, Sealer: o.sealer,
		Secrets: [][]byte{[]byte("0123456789abcdef0123456789abcdef")}, Now: o.clock, Log: slog.New(slog.DiscardHandler),
		Audit: o.audit, Levels: o.ladder, SigningAlgorithm: o.signs, RequirePushedRequests: o.mustPush, Locales: []string{"en", "pt-BR"}, FrontChannel: !o.noPages, Devices: !o.noPages,
	})
	if err != nil {
		o.t.Fatal(err)
	}
	o.p, o.mux, o.ui = p, http.NewServeMux(), &pages{o: o, sign: func(ix *interaction.Interaction) {
		ix.Login = assurance.PasswordLogin("u1", 0, o.clock())
	}}
	if err := p.Register(o.mux, o.ui); err != nil {
		o.t.Fatal(err)
	}
}

func (o *op) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *op) advance(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

func (o *op) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	o.mux.ServeHTTP(w, r)
	o.checkDescription(w)
	return w.Result()
}

// checkDescription holds every description of an error, fosite's hints among them, to the characters that it may have.
func (o *op) checkDescription(w *httptest.ResponseRecorder) {
	var body struct {
		Description string `json:"error_description"`
	}
	json.Unmarshal(w.Body.Bytes(), &body) // what is no JSON has none
	location, err := url.Parse(w.Header().Get("Location"))
	if err != nil {
		o.t.Errorf("Location: %v", err)
		return
	}
	for _, text := range []string{body.Description, location.Query().Get("error_description")} {
		if !provider.Describable(text) {
			o.t.Errorf("error_description has a character that it may not have: %s", text)
		}
	}
}

// request returns the parameters of a good authorization request, changed by pairs of name and value. The value "-"
// takes a parameter out.
func request(pairs ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return change(url.Values{
		"client_id": {"shop"}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid offline_access"}, "state": {"st"},
		"nonce": {"n"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}, pairs)
}

func change(v url.Values, pairs []string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

func (o *op) authorize(v url.Values) *http.Response {
	return o.do(httptest.NewRequest("GET", issuer+"/authorize?"+v.Encode(), nil))
}

// answer returns the parameters that the client was sent.
func answer(t testing.TB, r *http.Response) url.Values {
	t.Helper()
	if r.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d, want a redirect to the client", r.StatusCode)
	}
	u, err := r.Location()
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func (o *op) code(pairs ...string) string {
	o.t.Helper()
	v := answer(o.t, o.authorize(request(pairs...)))
	if v.Get("code") == "" {
		o.t.Fatalf("no code in %v", v)
	}
	return v.Get("code")
}

// token posts to the token endpoint with the client's credentials in the header.
func (o *op) token(client string, form url.Values) (int, map[string]any) {
	r := httptest.NewRequest("POST", issuer+"/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, o.secret)
	}
	return decode(o.t, o.do(r))
}

func decode(t testing.TB, r *http.Response) (int, map[string]any) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	body := map[string]any{}
	if err := json.Unmarshal(data, &body); err != nil {
		t.Errorf("body %q: %v", data, err)
	}
	return r.StatusCode, body
}

func exchange(code string, pairs ...string) url.Values {
	return change(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}, "code_verifier": {verifier}}, pairs)
}

func refresh(token any, pairs ...string) url.Values {
	return change(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.(string)}}, pairs)
}

// tokens signs in and exchanges the code.
func (o *op) tokens(pairs ...string) map[string]any {
	o.t.Helper()
	status, body := o.token("shop", exchange(o.code(pairs...)))
	if status != http.StatusOK {
		o.t.Fatalf("exchange: %d %v", status, body)
	}
	return body
}

func (o *op) userinfo(token any) (int, map[string]any) {
	r := httptest.NewRequest("GET", issuer+"/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token.(string))
	return decode(o.t, o.do(r))
}

// claims reads a JWT without looking at the signature.
func claims(t testing.TB, token any) (header, body map[string]any) {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	for i, into := range []*map[string]any{&header, &body} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	return header, body
}

// cheap is a Hasher that tests can wait for.
func cheap() *account.Hasher { return &account.Hasher{Memory: 64, Passes: 1} }

// begunAnew is the interaction as it comes back from an address, begun anew.
func (o *op) begunAnew(ix *interaction.Interaction) *interaction.Interaction {
	o.t.Helper()
	flow, err := o.p.Flow(ix)
	if err != nil {
		o.t.Fatal(err)
	}
	back, err := o.p.Resume(o.t.Context(), flow)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.p.Restart(back)
}

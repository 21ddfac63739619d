// Package certification asks what the test plans of the OpenID Foundation's conformance suite ask of an OpenID Provider. A
// subtest has the name of the module of the suite whose question it asks; docs/certification.md says where to find each.
package certification

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
	"vestibule/provider/client"
)

// op is a provider whose one user, ana, has all claims filled, and an authenticator.
type op struct {
	site     *servertest.Site
	user     account.Account
	phone    servertest.Phone
	metadata map[string]any
}

func newOP(t *testing.T, database string) *op {
	t.Helper()
	o := &op{site: servertest.New(t, database)}
	o.user = o.site.AddUser("ana", func(a *account.Account) {
		a.Attributes = servertest.EveryAttribute()
	})
	o.phone, _ = o.site.NewBrowser(t).Enrol("ana")
	if err := json.Unmarshal(o.get(t, "/.well-known/openid-configuration").body, &o.metadata); err != nil {
		t.Fatal(err)
	}
	return o
}

// reply is an answer that comes without a browser.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// json reads the body, which says that it is JSON and that nobody may keep it.
func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(r.body, &all); err != nil || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		t.Fatalf("%d with %s: %s (%v)", r.status, r.header.Get("Content-Type"), r.body, err)
	}
	if r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer may be kept: %s", r.header.Get("Cache-Control"))
	}
	return all
}

func (o *op) get(t *testing.T, path string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.site.Config.Issuer+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.do(t, request)
}

func (o *op) do(t *testing.T, request *http.Request) reply {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return readReply(t, response)
}

// endpoint is the address of one that the metadata name.
func (o *op) endpoint(name string) string {
	address, _ := o.metadata[name].(string)
	return address
}

// path is the endpoint below the issuer.
func (o *op) path(name string) string {
	return strings.TrimPrefix(o.endpoint(name), o.site.Config.Issuer)
}

// lists is a list of the metadata.
func (o *op) lists(name string) []string {
	var all []string
	values, _ := o.metadata[name].([]any)
	for _, value := range values {
		text, _ := value.(string)
		all = append(all, text)
	}
	return all
}

// supports fails the test unless the list of the metadata has all values.
func (o *op) supports(t *testing.T, name string, values ...string) {
	t.Helper()
	for _, value := range values {
		if !slices.Contains(o.lists(name), value) {
			t.Errorf("%s is %q, without %s", name, o.lists(name), value)
		}
	}
}

// newClient registers a client that may ask for every scope.
func (o *op) newClient(t *testing.T, id, mode string, change ...func(*client.Client)) *rp {
	t.Helper()
	all := append([]func(*client.Client){func(c *client.Client) {
		c.Scopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}
	}}, change...)
	return &rp{Client: o.site.NewClient(t, id, all...), op: o, mode: mode}
}

// through takes the browser through the pages that stand between it and the client, and returns where it comes to and the
// pages that it has seen. Whoever has to say so allows all.
func (o *op) through(t *testing.T, p *servertest.Page) (end *servertest.Page, seen []string) {
	t.Helper()
	for range 6 {
		if p.Left != nil {
			return p, seen
		}
		seen = append(seen, p.Name)
		switch p.Name {
		case "login":
			o.site.Clock.Advance(servertest.Step) // the last code is used
			fields := []string{"password", servertest.Password}
			if name := p.Value("username"); name != "ana" && name != o.user.Email { // nobody, or whom a login_hint has named
				fields = append(fields, "username", "ana")
			}
			p = p.Press("Sign in", fields...)
		case "totp":
			p = p.GiveCode(o.phone.Code(0))
		case "consent":
			p = p.Press("Allow")
		default:
			return p, seen
		}
	}
	t.Fatalf("the browser saw %q, and is not at the client", seen)
	return nil, nil
}

// with sets parameters, given as name and value in turn; "-" takes one away.
func with(form url.Values, changes ...string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		if form.Set(changes[i], changes[i+1]); changes[i+1] == "-" {
			form.Del(changes[i])
		}
	}
	return form
}

package clients

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// app is a program of Node that signs users in, and a browser that is at it.
type app struct {
	*servertest.Client
	t       *testing.T
	origin  string
	browser *servertest.Browser
	phone   servertest.Phone
}

// startApp runs a program with the client of the document that has this id, and adds a user with an authenticator.
func startApp(t *testing.T, s *servertest.Site, id, program string) *app {
	t.Helper()
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	n := servertest.StartNode(t, modules, filepath.Join("testdata", "apps"), "main.mjs",
		"import { issuer, secret, origin, store, serve } from './test.mjs'\n"+program+"\nserve(app)\n")
	var begin struct{ Origin string }
	n.Read(&begin)
	a := &app{Client: register(t, s, id, begin.Origin), t: t, origin: begin.Origin, browser: s.NewBrowser(t)}
	n.Write(map[string]string{"issuer": s.Config.Issuer, "secret": a.OAuth.ClientSecret})
	var serving struct{ Serving bool }
	n.Read(&serving)
	s.AddUser(id)
	a.phone, _ = s.NewBrowser(t).Enrol(id)
	return a
}

// shown is what a browser has come to: a page of the app, or an address of another.
type shown struct {
	status int
	body   string
	left   *url.URL
}

// get opens a page of the app, and follows it while it stays there.
func (a *app) get(path string) shown {
	a.t.Helper()
	return a.send(http.MethodGet, a.origin+path, nil)
}

func (a *app) send(method, address string, form url.Values) shown {
	a.t.Helper()
	for range 10 {
		request, err := http.NewRequestWithContext(a.t.Context(), method, address, strings.NewReader(form.Encode()))
		if err != nil {
			a.t.Fatal(err)
		}
		if form != nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		response, err := a.browser.HTTP.Do(request)
		if err != nil {
			a.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		next, fault := response.Location()
		switch {
		case err != nil:
			a.t.Fatal(err)
		case fault != nil:
			return shown{status: response.StatusCode, body: string(body)}
		case next.Scheme+"://"+next.Host != a.origin:
			return shown{left: next}
		}
		method, address, form = http.MethodGet, next.String(), nil
	}
	a.t.Fatalf("too many redirects, the last to %s", address)
	return shown{}
}

// signIn goes on at the address that the app has sent the browser to, with password, code and consent, and comes back.
func (a *app) signIn(to shown) shown {
	a.t.Helper()
	if to.left == nil {
		a.t.Fatalf("the app shows %d %s, want a sign-in", to.status, to.body)
	}
	p := a.browser.Open(to.left.String()).At("login", "initial").GiveName(a.OAuth.ClientID, servertest.Password)
	p = p.At("totp", "initial").GiveCode(a.phone.Code(0))
	if p.Left == nil { // the first time
		p = p.Allow()
	}
	return a.arrive(p)
}

// arrive brings the answer to the app.
func (a *app) arrive(p *servertest.Page) shown {
	a.t.Helper()
	switch {
	case p.Left == nil:
		a.t.Fatalf("the browser is at %s, want the app", p.Address)
	case p.Posted:
		form := p.Left.Query()
		p.Left.RawQuery = ""
		return a.send(http.MethodPost, p.Left.String(), form)
	}
	return a.send(http.MethodGet, p.Left.String(), nil)
}

// signedOut fails the test if the browser still has a session at the server.
func (a *app) signedOut() {
	a.t.Helper()
	a.browser.Open("/account/security").At("login", "initial")
}

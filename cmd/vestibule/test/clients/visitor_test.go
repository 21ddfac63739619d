package clients

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
)

// visitor is a browser, without scripts, that goes from the site to other people's software and back.
type visitor struct{ *servertest.Browser }

// screen is what it shows of that software.
type screen struct {
	address *url.URL
	status  int
	body    string
}

func newVisitor(t *testing.T, s *servertest.Site) visitor { return visitor{s.NewBrowser(t)} }

// open goes to an address, and on to where that leads: a page of the site, or else a screen.
func (v visitor) open(address string) (*servertest.Page, screen) {
	v.T.Helper()
	for range 12 {
		if strings.HasPrefix(address, v.Site.Config.Issuer+"/") {
			p := v.Open(address)
			if p.Left == nil {
				return p, screen{}
			}
			address = p.Left.String()
			continue
		}
		request, err := http.NewRequestWithContext(v.T.Context(), http.MethodGet, address, nil)
		if err != nil {
			v.T.Fatalf("open %s: %v", address, err)
		}
		request.Header.Set("Accept", "text/html,*/*;q=0.8") // as browsers do; much software sends nobody else to a sign-in
		response, err := v.HTTP.Do(request)
		if err != nil {
			v.T.Fatalf("open %s: %v", address, err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			v.T.Fatalf("open %s: %v", address, err)
		}
		if response.StatusCode/100 != 3 {
			return nil, screen{response.Request.URL, response.StatusCode, string(body)}
		}
		next, err := response.Location()
		if err != nil {
			v.T.Fatalf("open %s: %v", address, err)
		}
		address = next.String()
	}
	v.T.Fatalf("too many redirects, the last to %s", address)
	return nil, screen{}
}

// page goes to an address that leads to a page of the site.
func (v visitor) page(address string) *servertest.Page {
	v.T.Helper()
	p, s := v.open(address)
	if p == nil {
		v.T.Fatalf("%s shows %d at %s, want a page of the site:\n%s", address, s.status, s.address, s.body)
	}
	return p
}

// shows goes to an address that leads to a screen with that status.
func (v visitor) shows(status int, address string) screen {
	v.T.Helper()
	p, s := v.open(address)
	if p != nil {
		v.T.Fatalf("%s leads to page %s in state %s (%d):\n%s", address, p.Name, p.State, p.Status, p.Text())
	}
	if s.status != status {
		v.T.Fatalf("%s shows %d at %s, want %d:\n%s", address, s.status, s.address, status, s.body)
	}
	return s
}

// back goes on from a page that has sent the browser to the software.
func (v visitor) back(status int, p *servertest.Page) screen {
	v.T.Helper()
	if p.Left == nil {
		v.T.Fatalf("the browser is at page %s in state %s (%d):\n%s", p.Name, p.State, p.Status, p.Text())
	}
	return v.shows(status, p.Left.String())
}

// member is a user with two steps.
type member struct {
	name  string
	phone servertest.Phone
}

// addMember adds a user to the site of a new browser, and sets up the second step.
func addMember(b *servertest.Browser, name string, change func(*account.Account)) member {
	b.T.Helper()
	b.Site.AddUser(name, change)
	phone, _ := b.Enrol(name)
	return member{name, phone}
}

// inGroups has a user be in them.
func inGroups(names ...string) func(*account.Account) {
	return func(a *account.Account) { a.Groups = names }
}

// signIn gives password and code, and consents.
func (m member) signIn(p *servertest.Page) *servertest.Page {
	p.T.Helper()
	return m.signInAgain(p).Allow()
}

// signInAgain is signIn at a client that remembers the consent.
func (m member) signInAgain(p *servertest.Page) *servertest.Page {
	p.T.Helper()
	return p.At("login", "initial").GiveName(m.name, servertest.Password).At("totp", "initial").GiveCode(m.phone.Code(0))
}

// get asks for an address, with an access token if there is one, and returns the answer with its body read.
func get(t *testing.T, address, token string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

// hrefOf is where a link leads.
func hrefOf(t *testing.T, link string) string {
	t.Helper()
	_, after, _ := strings.Cut(link, `href="`)
	address, _, ok := strings.Cut(after, `"`)
	if !ok {
		t.Fatalf("%s is no link", link)
	}
	return html.UnescapeString(address)
}

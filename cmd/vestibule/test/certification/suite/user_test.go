//go:build conformance

package suite

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/cmd/vestibule/servertest"
)

// user has a browser and an authenticator, and does what the pages ask.
type user struct {
	t       *testing.T
	name    string
	browser *servertest.Browser
	phone   servertest.Phone
	last    int64 // the step of the last code
	refuses bool  // consent
	idle    int   // so many visits, with which the user does nothing
}

// code is one that was not used yet. Before there is one it waits.
func (u *user) code() string {
	const seconds = int64(servertest.Step / time.Second)
	u.last = max(u.last+1, time.Now().Unix()/seconds)
	for time.Now().Unix()/seconds < u.last-1 {
		time.Sleep(time.Second)
	}
	return u.phone.RealCode(int(u.last - time.Now().Unix()/seconds))
}

// visit goes to an address of the server and through its pages. It returns the pages that the user has seen; the last is where
// the browser stays, unless it has left for the app.
func (u *user) visit(to address) (seen []*servertest.Page, left bool) {
	p := u.open(to)
	if u.idle > 0 {
		u.idle--
		return nil, false
	}
	for range 10 {
		if p.Left != nil {
			u.deliver(p)
			return seen, true
		}
		seen = append(seen, p)
		switch p.Name {
		case "login":
			p = u.signIn(p)
		case "totp":
			p = p.GiveCode(u.code())
		case "consent":
			p = p.Press(map[bool]string{false: "Allow", true: "Don’t allow"}[u.refuses])
		case "logout":
			p = p.Press("Sign out")
		case "logged-out":
			return seen, u.leave(p)
		default:
			return seen, false
		}
	}
	u.t.Fatalf("the pages do not end: %s", names(seen))
	return nil, false
}

// open sends the browser there from the suite, with the parameters in a form if that is the method.
func (u *user) open(to address) *servertest.Page {
	if to.Method != http.MethodPost {
		return u.browser.Open(to.URL)
	}
	path, query, _ := strings.Cut(to.URL, "?")
	request := must(http.NewRequestWithContext(u.t.Context(), http.MethodPost, path, strings.NewReader(query)))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", "https://"+suiteHost)
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	return u.browser.Follow(request)
}

// signIn gives name and password. The name is there already when the user is asked again.
func (u *user) signIn(p *servertest.Page) *servertest.Page {
	fields := []string{"password", servertest.Password}
	if p.Value("username") != u.name {
		fields = append(fields, "username", u.name)
	}
	return p.Press("Sign in", fields...)
}

// leave loads the frames of the page after a sign-out, and goes back to the app if the page does.
func (u *user) leave(p *servertest.Page) bool {
	for _, frame := range p.All(servertest.Element("iframe")) {
		u.fetch(http.MethodGet, servertest.Attribute(frame, "src"), nil)
	}
	back := p.Find(servertest.HasAttribute("data-after-frames"))
	if back == nil {
		return false
	}
	u.fetch(http.MethodGet, servertest.Attribute(back, "href"), nil)
	return true
}

// submit is in the page of the suite that sends it the fragment of the address, by a script.
var submit = regexp.MustCompile(`xhr\.open\('POST', "([^"]+)"`)

// deliver takes the answer of the server to the suite, as the browser and the script of the suite do.
func (u *user) deliver(p *servertest.Page) {
	to, fragment, body := *p.Left, p.Left.Fragment, url.Values(nil)
	method := http.MethodGet
	if p.Posted {
		method, body, to.RawQuery = http.MethodPost, p.Left.Query(), ""
	}
	to.Fragment = ""
	page := u.fetch(method, to.String(), body)
	found := submit.FindStringSubmatch(page)
	if found == nil {
		return
	}
	if fragment != "" {
		fragment = "#" + fragment
	}
	request := must(http.NewRequestWithContext(u.t.Context(), http.MethodPost, strings.ReplaceAll(found[1], `\/`, "/"), strings.NewReader(fragment)))
	request.Header.Set("Content-Type", "text/plain")
	u.do(request)
}

// fetch asks the suite for something, as the browser does.
func (u *user) fetch(method, address string, form url.Values) string {
	request := must(http.NewRequestWithContext(u.t.Context(), method, address, strings.NewReader(form.Encode())))
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return u.do(request)
}

func (u *user) do(request *http.Request) string {
	response, err := u.browser.HTTP.Do(request)
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	return string(must(io.ReadAll(response.Body)))
}

// names are those of the pages, each with its state and status.
func names(pages []*servertest.Page) string {
	var all []string
	for _, p := range pages {
		all = append(all, p.Name+" "+p.State+" "+strconv.Itoa(p.Status))
	}
	return strings.Join(all, ", ")
}

// says is what stands on the page, without its frame.
func says(p *servertest.Page) string {
	if p.Doc == nil {
		return p.Body
	}
	return servertest.TextOf(p.Find(func(n *html.Node) bool { return n.Data == "main" }))
}

package servertest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// Browser is a browser without JavaScript, but for the address that a page gets. It follows redirects as long as they stay at the site, and presses the button
// of a page that brings an answer to a client.
type Browser struct {
	T    testing.TB
	Site *Site
	HTTP *http.Client
}

// NewBrowser is a browser without cookies.
func (s *Site) NewBrowser(t testing.TB) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatalf("cookie jar: %v", err)
	}
	return &Browser{T: t, Site: s, HTTP: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Open goes to an address, absolute or at the site.
func (b *Browser) Open(address string) *Page {
	b.T.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.Site.Config.Issuer + address
	}
	request, err := http.NewRequestWithContext(b.T.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.T.Fatalf("open %s: %v", address, err)
	}
	return b.Follow(request)
}

// Post sends a form as a page at the site does.
func (b *Browser) Post(address string, form url.Values) *Page {
	b.T.Helper()
	request, err := b.send(address, form)
	if err != nil {
		b.T.Fatalf("post to %s: %v", address, err)
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Follow(request)
}

// send is the request of a form.
func (b *Browser) send(address string, form url.Values) (*http.Request, error) {
	if strings.HasPrefix(address, "/") {
		address = b.Site.Config.Issuer + address
	}
	request, err := http.NewRequestWithContext(b.T.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.Site.Origin())
	return request, nil
}

// Follow sends a request and follows what it is answered with, as far as that stays at the site.
func (b *Browser) Follow(request *http.Request) *Page {
	b.T.Helper()
	for range 12 {
		p, next := b.Once(request)
		if next == nil {
			return p.Deliver()
		}
		if next.Host != request.URL.Host {
			return &Page{Browser: b, Left: next}
		}
		var err error
		if request, err = http.NewRequestWithContext(b.T.Context(), http.MethodGet, next.String(), nil); err != nil {
			b.T.Fatalf("follow %s: %v", next, err)
		}
	}
	b.T.Fatalf("too many redirects, the last to %s", request.URL)
	return nil
}

// Once makes one request and returns the page, or where it redirects to.
func (b *Browser) Once(request *http.Request) (*Page, *url.URL) {
	b.T.Helper()
	response, err := b.HTTP.Do(request)
	if err != nil {
		b.T.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	defer response.Body.Close()
	b.checkCookies(response)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.T.Fatalf("%s %s: %v", request.Method, request.URL, err)
	}
	if response.StatusCode/100 == 3 {
		next, err := response.Location()
		if err != nil {
			b.T.Fatalf("%s %s: %s without a place to go", request.Method, request.URL, response.Status)
		}
		if response.StatusCode != http.StatusSeeOther && response.StatusCode != http.StatusFound {
			b.T.Errorf("%s %s: %s could send a form on (RFC 9700 section 4.12)", request.Method, request.URL, response.Status)
		}
		return nil, next
	}
	p := &Page{Browser: b, Address: request.URL, Status: response.StatusCode, Header: response.Header, Body: string(body)}
	p.read()
	return p, nil
}

// checkCookies holds every cookie to what a session cookie has to be.
func (b *Browser) checkCookies(response *http.Response) {
	b.T.Helper()
	for _, c := range response.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Domain != "" || c.Path != "/" {
			b.T.Errorf("%s sets a careless cookie: %s", response.Request.URL.Path, c.Raw)
		}
		if c.MaxAge >= 0 {
			b.Site.KeepSecret(c.Value)
		}
	}
}

// From is the browser at an address that a proxy tells.
func (b *Browser) From(address string) *Browser {
	c := *b
	h := *b.HTTP
	c.HTTP = &h
	c.HTTP.Transport = Forwarded(address)
	return &c
}

// Forwarded is a proxy that adds this X-Forwarded-For.
type Forwarded string

// RoundTrip sends the request on.
func (f Forwarded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", string(f))
	return http.DefaultTransport.RoundTrip(r)
}

// Twin is a browser with the same cookies.
func (b *Browser) Twin() *Browser {
	b.T.Helper()
	twin := b.Site.NewBrowser(b.T)
	u, err := url.Parse(b.Site.Config.Issuer)
	if err != nil {
		b.T.Fatal(err)
	}
	twin.HTTP.Jar.SetCookies(u, b.HTTP.Jar.Cookies(u))
	twin.HTTP.Transport = b.HTTP.Transport
	return twin
}

// TrySend posts a form and leaves it at that.
func (b *Browser) TrySend(address string, form url.Values) error {
	request, err := b.send(address, form)
	if err != nil {
		return err
	}
	response, err := b.HTTP.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

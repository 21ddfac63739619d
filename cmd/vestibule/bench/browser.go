package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"vestibule/provider/operator"
)

// mostHops is how many requests a sign-in may be.
const mostHops = 20

// browser has cookies and is somebody's.
type browser struct {
	http   *http.Client
	origin string
	user   user
}

// newBrowser is one without cookies. All share the connections.
func newBrowser(transport http.RoundTripper, issuer string, u user) (*browser, error) {
	at, err := url.Parse(issuer)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &browser{origin: at.Scheme + "://" + at.Host, user: u, http: &http.Client{
		Transport: transport, Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// authorize goes from the authorization request to the answer for the client, and does on the way what pages ask for.
func (b *browser) authorize(ctx context.Context, address string) (url.Values, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for range mostHops {
		next, body, err := b.send(request)
		switch {
		case err != nil:
			return nil, err
		case next != nil && strings.HasPrefix(next.String(), operator.SeedReturn+"?"):
			return answered(next.Query())
		case next != nil:
			request, err = b.follow(ctx, next)
		default:
			request, err = b.fill(ctx, request.URL, readPage(body))
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, faultf("no end", "the sign-in takes more than %d requests", mostHops)
}

func answered(answer url.Values) (url.Values, error) {
	if answer.Get("code") == "" {
		return nil, faultf(answer.Get("error")+" at the client", "%s", answer.Get("error_description"))
	}
	return answer, nil
}

// send makes one request and returns where it redirects to, or the page.
func (b *browser) send(request *http.Request) (*url.URL, []byte, error) {
	response, err := b.http.Do(request)
	if err != nil {
		return nil, nil, noAnswer(request.URL.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, nil, noAnswer(request.URL.Path, err)
	case response.StatusCode/100 == 3:
		next, err := response.Location()
		return next, nil, err
	case response.StatusCode != http.StatusOK:
		p := readPage(body)
		return nil, nil, faultf(response.Status, "%s %s shows the page %s in the state %s", request.Method, request.URL.Path, p.name, p.state)
	}
	return nil, body, nil
}

// follow stays at the server.
func (b *browser) follow(ctx context.Context, next *url.URL) (*http.Request, error) {
	if next.Scheme+"://"+next.Host != b.origin {
		return nil, faultf("sent away", "a redirect leads to %s://%s%s", next.Scheme, next.Host, next.Path)
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, next.String(), nil)
}

// fill sends the form of a page.
func (b *browser) fill(ctx context.Context, at *url.URL, p page) (*http.Request, error) {
	if p.state != "initial" {
		return nil, faultf("page "+p.name+" "+p.state, "%s answers with it", at.Path)
	}
	switch p.name {
	case "login":
		p.fields.Set("username", b.user.name)
		p.fields.Set("password", b.user.password)
	case "totp":
		code, err := b.user.code()
		if err != nil {
			return nil, err
		}
		p.fields.Set("code", code)
	case "consent":
		p.fields.Set("action", "allow")
	default:
		return nil, faultf("page "+p.name, "%s asks for something that this cannot do", at.Path)
	}
	return b.post(ctx, at, p)
}

func (b *browser) post(ctx context.Context, at *url.URL, p page) (*http.Request, error) {
	to, err := at.Parse(p.action)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(p.fields.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", b.origin)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	return request, nil
}

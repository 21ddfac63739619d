package protocol

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestPushedRequest signs in by a pushed request, with a password, a code and consent in the way. Its page can be loaded again;
// its request_uri opens nothing a second time, before the sign-in is done and after.
func TestPushedRequest(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.BeginOffline().Push()
		page := b.Open(v.Address).At("login", "initial")
		for name, twin := range map[string]*servertest.Browser{"the same browser": b, "another browser": s.NewBrowser(t)} {
			used(t, name, twin.Open(v.Address))
		}
		consent := page.Reload().At("login", "initial").GiveName(c.User, servertest.Password).GiveCode(c.Phone.Code(0)).At("consent", "initial")
		used(t, "before the user allows it", b.Open(v.Address))
		r := v.Finish(consent.Press("Allow")).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		if r.Token.RefreshToken == "" {
			t.Error("there is no refresh token")
		}
		used(t, "after the sign-in", b.Open(v.Address))

		silent := c.Begin("prompt", "none").Push()
		silent.Finish(b.Open(silent.Address)).Same(t, r)
		v = c.Begin("prompt", "none").Push()
		v.Refused(s.NewBrowser(t).Open(v.Address), "login_required")

		v = c.Begin().Push()
		v.Finish(b.Post("/authorize", addressQuery(t, v))).Same(t, r)
		v = c.Begin().Push()
		s.Clock.Advance(s.Config.PushedRequestLifetime)
		used(t, "expired", b.Open(v.Address))
		v = c.Begin().Push()
		other := s.NewClient(t, "other")
		used(t, "of another client", b.Open(strings.Replace(v.Address, "client_id=shop", "client_id="+other.OAuth.ClientID, 1)))
		v.Finish(b.Open(v.Address+"&prompt=login&nonce=theirs&state=theirs")).Same(t, r)

		s.Clock.Advance(time.Second)
		if err := s.First().Do(t.Context(), "purge"); err != nil {
			t.Fatal(err)
		}
		if rows := pushedRows(t, s); rows != 0 {
			t.Errorf("%d requests are left after the purge", rows)
		}
		form := addressQuery(t, c.Begin()) // nothing is left of the secret in this one, says whoever searches the database
		form.Set("client_secret", c.OAuth.ClientSecret)
		poster := *c.Client
		poster.OAuth.ClientSecret = ""
		if reply := s.Ask(&poster, s.Config.Issuer+"/par", form); reply.Status != http.StatusCreated || pushedRows(t, s) != 1 {
			t.Errorf("by client_secret_post: %+v", reply)
		}
	})
}

// used fails the test unless the page says that the request_uri opens nothing.
func used(t *testing.T, name string, p *servertest.Page) {
	t.Helper()
	if p.Left != nil || p.Name != "error" || p.State != "request" || p.Status != http.StatusBadRequest || !strings.Contains(p.Text(), "invalid_request_uri") {
		t.Errorf("%s: the browser is at %v, page %s, state %s (%d)", name, p.Left, p.Name, p.State, p.Status)
	}
}

// pushedRows counts the requests that wait.
func pushedRows(t *testing.T, s *servertest.Site) int {
	t.Helper()
	db, _, _ := servertest.OpenDump(t, s.Config.Database)
	defer db.Close()
	return len(servertest.Column(t.Context(), t, db, `SELECT signature FROM pushed_request`))
}

// TestPushedRequestOnce has many browsers come at once, to two servers, with the request_uri of one request.
func TestPushedRequestOnce(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database)
		if !servertest.OnSQLite(database) {
			s.Start(2)
		}
		c := s.NewClient(t, "shop")
		for range 3 {
			v := c.Begin().Push()
			opened := 0
			for _, status := range servertest.AtOnce(8, func(int) int {
				answer, err := s.NewBrowser(t).HTTP.Get(v.Address)
				if err != nil {
					return 0
				}
				answer.Body.Close()
				return answer.StatusCode
			}) {
				switch status {
				case http.StatusSeeOther:
					opened++
				case http.StatusBadRequest:
				default:
					t.Errorf("status %d", status)
				}
			}
			if opened != 1 {
				t.Errorf("the request_uri of one request begins %d sign-ins", opened)
			}
		}
	})
}

// TestLongPushedRequest pushes what no address can hold: the sign-in is a row from its begin on, also while passwords are
// wrong, and when its page is loaded again.
func TestLongPushedRequest(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		for _, n := range []int{384, 2048} {
			b := s.NewBrowser(t)
			v := c.Begin()
			v.State, v.Nonce = noise(n), noise(n)
			q := addressQuery(t, v)
			q.Set("state", v.State)
			q.Set("nonce", v.Nonce)
			q.Set("prompt", "consent")
			v.Address = v.OAuth.Endpoint.AuthURL + "?" + q.Encode()
			page := b.Open(v.Push().Address).At("login", "initial").GiveName(c.User, "wrong").Reload()
			if row := !strings.HasPrefix(page.Address.Query().Get("flow"), "r."); row != (n == 2048) {
				t.Errorf("a sign-in of a state of %d bytes is a row: %v", n, row)
			}
			used(t, "again", b.Open(v.Address))
			consent := page.GiveName(c.User, servertest.Password).GiveCode(c.Phone.Code(0)).At("consent", "initial")
			s.Clock.Advance(servertest.Step)
			page = consent.Press("Use a different account").At("login", "initial")
			if n := len(page.Address.String()); n > 4000 {
				t.Errorf("the address for another account has %d bytes", n)
			}
			consent = page.GiveName(c.User, servertest.Password).GiveCode(c.Phone.Code(0)).At("consent", "initial")
			form := consent.Form("Allow")
			twin := form.Twin()
			first, again := form.Send(), twin.Post(form.Address, form.Values)
			if v.Code(first) != v.Code(again) {
				t.Error("a double click is answered with two codes")
			}
			v.Finish(first)
			s.Clock.Advance(servertest.Step)
		}
	})
}

// noise is n bytes of text that cannot be compressed.
func noise(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)[:n]
}

// TestPushedRequestsAreRequired has a client be sent back that sends its request by the browser though it must push it.
func TestPushedRequestsAreRequired(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	c := s.NewClient(t, "bank", func(c *client.Client) { c.RequirePushedRequests = true })
	v := c.Begin()
	v.Refused(s.NewBrowser(t).Open(v.Address), "invalid_request")
	v = c.Begin()
	v.Finish(v.Push().SignIn(s.NewBrowser(t), "ana").Allow())
	public := s.NewClient(t, "app", func(c *client.Client) { c.Public, c.RedirectURIs = true, []string{"http://127.0.0.1:39217/callback"} })
	v = public.Begin()
	v.Finish(v.Push().SignIn(s.NewBrowser(t), "ana").Allow())
	if status, err := announced(t, c, s.Config.Issuer+"/par"); err != nil || status != http.StatusRequestEntityTooLarge {
		t.Errorf("a request of a megabyte: %d (%v), want %d as soon as it is too long", status, err, http.StatusRequestEntityTooLarge)
	}
}

// announced sends a request of a megabyte of which a part comes, and then nothing more until there is an answer.
func announced(t *testing.T, c *servertest.Client, endpoint string) (status int, err error) {
	t.Helper()
	rest, more := io.Pipe()
	defer more.Close()
	late := time.AfterFunc(time.Minute, func() { more.CloseWithError(errors.New("the server waits for the rest")) })
	defer late.Stop()
	body := io.MultiReader(strings.NewReader("scope="+strings.Repeat("x", 1<<16)), rest)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, body)
	if err != nil {
		return 0, err
	}
	request.ContentLength = 1 << 20
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(c.OAuth.ClientID, c.OAuth.ClientSecret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

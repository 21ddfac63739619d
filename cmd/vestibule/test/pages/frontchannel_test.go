package pages

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// frameLog is where browsers load frames after a sign-out.
type frameLog struct {
	mu     sync.Mutex
	loaded []string
}

func (f *frameLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loaded = append(f.loaded, r.URL.RequestURI())
	fmt.Fprint(w, `<!doctype html><title>Shop</title>`)
}

func (f *frameLog) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := strings.Join(f.loaded, " ")
	f.loaded = nil
	return all
}

// back waits until the page with the frames has led to the shop.
func back(b *servertest.Tab) {
	b.T.Helper()
	b.Do("go back to the shop", chromedp.WaitVisible(chromedp.CSS(`main[data-page="shop"][data-state="signed-out"]`), chromedp.NodeReady))
}

// TestFrontChannelInBrowser has a browser load the frame of each app, and go back to the app that has asked. One that does not
// load keeps nobody.
func TestFrontChannelInBrowser(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	frames := &frameLog{}
	shop := httptest.NewServer(frames)
	t.Cleanup(shop.Close)
	release := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(stuck.Close)
	t.Cleanup(func() { close(release) })
	s.ChangeClient(t, "shop", func(c *client.Client) {
		origin := strings.Replace(shop.URL, "127.0.0.1", "localhost", 1)
		c.RedirectURIs = append(c.RedirectURIs, origin+"/callback")
		c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = origin+"/out", true
	})
	s.Clock.Advance(servertest.Step)
	tokens := inShop(sh, b)
	b.Open(sh.SignOut("id_token_hint", tokens.IDToken(), "post_logout_redirect_uri", sh.SignedOutURI(), "state", "one"))
	back(b)
	signedOut(sh, b, "one")
	if got := frames.take(); !strings.HasPrefix(got, "/out?iss=http") || !strings.HasSuffix(got, "&sid="+tokens.Session) {
		t.Errorf("the frames are %q", got)
	}

	inShop(sh, b)
	b.Open("/logout").At("logout", "initial").Press("Sign out").At("logged-out", "initial")
	if got := frames.take(); !strings.HasPrefix(got, "/out?iss=http") {
		t.Errorf("after the user's own sign-out the frames are %q", got)
	}

	s.ChangeClient(t, "shop", func(c *client.Client) {
		c.FrontchannelLogoutURI = strings.Replace(stuck.URL, "127.0.0.1", "localhost", 1) + "/out"
	})
	s.Clock.Advance(servertest.Step)
	tokens = inShop(sh, b)
	b.Open(sh.SignOut("id_token_hint", tokens.IDToken(), "post_logout_redirect_uri", sh.SignedOutURI(), "state", "two"))
	back(b)
	signedOut(sh, b, "two")
}

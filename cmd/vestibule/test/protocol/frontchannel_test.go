package protocol

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// framed has a client hear of sign-outs in a frame of the browser.
func framed(uri string, session bool) func(*client.Client) {
	return func(c *client.Client) {
		c.RedirectURIs, c.PostLogoutRedirectURIs = []string{servertest.ReturnURI}, []string{signedOutURI}
		c.FrontchannelLogoutURI, c.FrontchannelLogoutSessionRequired = uri, session
	}
}

// frames are the addresses that the page loads.
func frames(p *servertest.Page) (all []string) {
	for _, n := range p.All(func(n *html.Node) bool { return n.Data == "iframe" }) {
		for _, a := range n.Attr {
			if a.Key == "src" {
				all = append(all, a.Val)
			}
		}
	}
	return all
}

// TestFrontChannelLogout asks what the certification of an OpenID Provider for Front-Channel Logout asks: a frame with iss and
// sid, and then the way back to the app.
func TestFrontChannelLogout(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		o := newSignOuts(t, s)
		o.supports(t, "frontchannel")
		o.shop = s.NewClient(t, "till", framed("https://shop.example/out?a=b%20c", true))
		plain := s.NewClient(t, "kiosk", framed("https://shop.example/kiosk", false), func(c *client.Client) {
			c.FrontchannelLogoutURI, c.RedirectURIs = "https://kiosk.example:8443/out", append(c.RedirectURIs, "https://kiosk.example:8443/cb")
		})
		s.NewClient(t, "unused", framed("https://shop.example/unused", true))
		frame := func(v *visit) string {
			return "https://shop.example/out?a=b%20c&iss=" + url.QueryEscape(s.Config.Issuer) + "&sid=" + v.tokens.Session
		}

		t.Run("oidcc-frontchannel-rp-initiated-logout", func(t *testing.T) {
			v := o.signIn(t, o.shop)
			p := v.asks("id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI, "state", "s1").At("logged-out", "apps")
			if got := frames(p); len(got) != 1 || got[0] != frame(v) {
				t.Errorf("the frames are %q, want %s", got, frame(v))
			}
			checkFramePolicy(t, p, "https://shop.example")
			for _, part := range []string{`href="` + signedOutURI + `?state=s1"`, `<noscript><meta http-equiv="refresh" content="5; url=` + signedOutURI + `?state=s1"></noscript>`} {
				if !strings.Contains(p.Body, part) {
					t.Errorf("the page lacks %s:\n%s", part, p.Body)
				}
			}
			v.wants(p, "logged-out apps 200", true)
		})
		t.Run("two apps, and no way back", func(t *testing.T) {
			v := o.signIn(t, o.shop)
			trip := plain.Begin()
			trip.Finish(v.browser.Open(trip.Address).Allow())
			p := v.browser.Open("/logout").Press("Sign out").At("logged-out", "initial")
			if got := strings.Join(frames(p), " "); got != "https://kiosk.example:8443/out "+frame(v) {
				t.Errorf("the frames are %q", got)
			}
			checkFramePolicy(t, p, "https://kiosk.example:8443 https://shop.example")
			if strings.Contains(p.Body, "http-equiv") {
				t.Error("the page leads somewhere by itself")
			}
			v.wants(p, "logged-out initial 200", true)
			again := v.browser.Open(p.Address.String())
			if len(frames(again)) != 2 {
				t.Error("a page that is loaded again has no frames")
			}
			s.Clock.Advance(5 * time.Minute)
			if late := v.browser.Open(p.Address.String()).At("logged-out", "initial"); len(frames(late)) != 0 {
				t.Error("a page that is opened later has frames")
			}
		})
		t.Run("after the question", func(t *testing.T) {
			v := o.signIn(t, o.shop)
			p := v.asks("client_id", "till", "post_logout_redirect_uri", signedOutURI).At("logout", "app").Press("Sign out")
			if got := frames(p.At("logged-out", "apps")); len(got) != 1 || got[0] != frame(v) {
				t.Errorf("the frames are %q", got)
			}
		})
		t.Run("nothing that was not sealed here", func(t *testing.T) {
			for _, leaving := range []string{"x", "x.y", ".", strings.Repeat("A", 400)} {
				p := s.NewBrowser(t).Open("/logged-out?leaving="+leaving).At("logged-out", "initial")
				if len(frames(p)) > 0 || strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-src") {
					t.Errorf("%q makes frames", leaving)
				}
			}
		})
		t.Run("no client of the session wants frames", func(t *testing.T) {
			v := o.signIn(t, s.NewClient(t, "other", afterLogout(signedOutURI)))
			v.wants(v.asks("id_token_hint", v.hint, "post_logout_redirect_uri", signedOutURI), signedOutURI, true)
		})
	})
}

// checkFramePolicy lets the page load frames from exactly these origins, and nobody frame the page.
func checkFramePolicy(t *testing.T, p *servertest.Page, origins string) {
	t.Helper()
	policy := p.Header.Get("Content-Security-Policy")
	if !strings.HasSuffix(policy, "; frame-src "+origins) || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") || p.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("the policy is %q", policy)
	}
}

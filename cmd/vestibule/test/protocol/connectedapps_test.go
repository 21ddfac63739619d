package protocol

import (
	"net/http"
	"testing"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// dead checks that nothing can be done with the tokens.
func (l *living) dead(c *servertest.Client, tokens *oauth2.Token) {
	l.T.Helper()
	if status := l.Site.UserInfo(tokens.AccessToken); status != http.StatusUnauthorized {
		l.T.Errorf("userinfo answers %d to %s", status, c.OAuth.ClientID)
	}
	if tokens.RefreshToken == "" {
		return
	}
	if _, err := c.Refresh(tokens.RefreshToken); err == nil {
		l.T.Errorf("%s still refreshes", c.OAuth.ClientID)
	}
}

func (l *living) alive(c *servertest.Client, tokens *oauth2.Token) {
	l.T.Helper()
	if status := l.Site.UserInfo(tokens.AccessToken); status != http.StatusOK {
		l.T.Errorf("userinfo answers %d to %s", status, c.OAuth.ClientID)
	}
}

// TestConnectedApps: whatever has come of a user's sign-ins is on the page of connected apps, whether an answer is remembered or not,
// and ends when the user removes it there, and nothing else does.
func TestConnectedApps(t *testing.T) {
	eachLiving(t, 1, func(t *testing.T, l *living) {
		s, b := l.Site, l.Site.NewBrowser(t)
		notes, asks := s.NewClient(t, "notes"), s.NewClient(t, "asks", func(c *client.Client) { c.Consent = client.ConsentAsk })
		own := s.NewClient(t, "own", func(c *client.Client) { c.Consent = client.ConsentNever })
		trip := notes.BeginOffline()
		ofNotes := trip.Finish(l.signIn(b.Open(trip.Address)).Allow())
		trip = asks.Begin("scope", "openid email")
		ofAsks := trip.Finish(b.Open(trip.Address).Press("Allow")).Token
		trip = own.Begin()
		ofOwn := trip.Finish(b.Open(trip.Address)).Token
		d := l.tv.NewDevice(t, "openid offline_access")
		d.Enter(b).Allow().At("device-done", "initial")
		ofTV := wants(t, "poll", d.Poll(), "").Tokens()

		p := b.Open("/account/apps").At("apps", "initial")
		for _, words := range []string{"notes", "asks", "own", "tv", "Keep this access when you are not using the app", "Your organisation lets this app have access", "last used", "See your email address"} {
			p.Says(words)
		}
		remove := func(id string) {
			t.Helper()
			b.Open("/account/apps/remove?client="+id).At("app-remove", "initial").Press("Remove access").At("apps", "removed")
			b.Open("/account/apps/remove?client="+id).At("apps", "gone")
		}
		remove("tv")
		l.dead(l.tv, ofTV)
		l.alive(asks, ofAsks)
		remove("asks")
		l.dead(asks, ofAsks)
		remove("own")
		l.dead(own, ofOwn)
		l.alive(notes, ofNotes.Token)
		remove("notes")
		l.dead(notes, ofNotes.Token)
		trip = notes.Begin("prompt", "none")
		trip.Refused(b.Open(trip.Address), "consent_required")
		b.Open("/account/apps").At("apps", "none")
		b.Open("/account/security").At("security", "on") // the session lives
	})
}

// TestConnectedAppsAfterSignOut: what rests on a session is gone with it, and what the app does while the user is away is not.
func TestConnectedAppsAfterSignOut(t *testing.T) {
	eachLiving(t, 1, func(t *testing.T, l *living) {
		s, b := l.Site, l.Site.NewBrowser(t)
		asks := s.NewClient(t, "asks", func(c *client.Client) { c.Consent = client.ConsentAsk })
		d := l.tv.NewDevice(t, "openid offline_access")
		l.signIn(d.Enter(b)).Allow().At("device-done", "initial")
		tokens := wants(t, "poll", d.Poll(), "").Tokens()
		trip := asks.Begin()
		trip.Finish(b.Open(trip.Address).Press("Allow"))
		b.Open("/logout").Press("Sign out")
		l.signIn(b.Open("/account/apps")).At("apps", "initial").Says("tv")
		b.Open("/account/apps/remove?client=asks").At("apps", "gone")
		b.Open("/account/apps/remove?client=tv").At("app-remove", "initial").Says("What it does while you are away ends").Press("Remove access")
		l.dead(l.tv, tokens)
	})
}

package protocol

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
)

// lineage is the refresh tokens of one family, the oldest first, and the access token that came with the last.
type lineage struct {
	refresh []string
	access  string
}

func (l *lineage) last() string { return l.refresh[len(l.refresh)-1] }

// TestOldRefreshToken has families live for 80 days with a refresh every ten, and a clean-up after each. Then one token of each
// comes again: the oldest is known as theirs, though it has no row, and whatever was not given out ends nothing.
func TestOldRefreshToken(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		v := c.BeginOffline()
		b := s.NewBrowser(t)
		first := v.Finish(v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).Allow())
		api := c.Inspector()
		ask := func(token string) servertest.Reply {
			return s.Token(c.Client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		}
		refresh := func(l *lineage) {
			t.Helper()
			r := ask(l.last())
			if r.Status != http.StatusOK {
				t.Fatalf("refresh: %d %s", r.Status, r.Description)
			}
			l.refresh, l.access = append(l.refresh, r.RefreshToken), r.AccessToken
		}
		families := map[string]*lineage{}
		for name := range oldTokens {
			v := c.Begin("scope", "openid offline_access", "prompt", "none")
			r := v.Finish(b.Open(v.Address))
			families[name] = &lineage{[]string{r.Token.RefreshToken}, r.Token.AccessToken}
		}
		for range 8 {
			s.Clock.Advance(10 * 24 * time.Hour)
			for _, l := range families {
				refresh(l)
			}
			if _, err := s.Store.Purge(t.Context(), s.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		s.Clock.Advance(time.Minute)
		reused := 0
		for name, tt := range oldTokens {
			l := families[name]
			if tt.ends {
				reused++
			}
			if r := ask(tt.token(l)); r.Status != http.StatusBadRequest || r.Error != "invalid_grant" {
				t.Errorf("%s: %d %s, want invalid_grant", name, r.Status, r.Error)
			}
			if got := len(s.Events(t, first.Subject, audit.EventTokenReused)); got != reused {
				t.Errorf("%s: %d tokens are recorded as reused, want %d", name, got, reused)
			}
			if alive := s.UserInfo(l.access) == http.StatusOK; alive == tt.ends {
				t.Errorf("%s: the access token is alive: %v, want %v", name, alive, !tt.ends)
			}
			if r := ask(l.last()); (r.Status == http.StatusOK) == tt.ends {
				t.Errorf("%s: the refresh token of the family is answered with %d, want it alive: %v", name, r.Status, !tt.ends)
			}
		}
		l := families["another place in its family"]
		if api.Ask(t, l.refresh[0]).Active {
			t.Error("a refresh token that was used is active")
		}
		if err := c.Revoke(l.refresh[0]); err != nil {
			t.Fatal(err)
		}
		if r := ask(l.last()); r.Status == http.StatusOK {
			t.Error("a family lives on after its oldest refresh token was revoked")
		}
	})
}

// oldTokens are what comes of each family, and whether that ends it.
var oldTokens = map[string]struct {
	token func(l *lineage) string
	ends  bool
}{
	"the oldest":                  {func(l *lineage) string { return l.refresh[0] }, true},
	"the one before":              {func(l *lineage) string { return l.refresh[len(l.refresh)-2] }, true},
	"another place in its family": {func(l *lineage) string { return alter(l.last(), 23) }, false},
	"another family":              {func(l *lineage) string { return alter(l.refresh[0], 3) }, false},
	"an access token":             {func(l *lineage) string { return "vst_rt_" + strings.TrimPrefix(l.access, "vst_at_") }, false},
}

// alter changes one byte of what a refresh token says of itself.
func alter(token string, at int) string {
	head, mac, _ := strings.Cut(strings.TrimPrefix(token, "vst_rt_"), ".")
	data, _ := base64.RawURLEncoding.DecodeString(head)
	data[at] ^= 1
	return "vst_rt_" + base64.RawURLEncoding.EncodeToString(data) + "." + mac
}

// TestRetryAfterTheNextRefresh has an answer get lost, and its retry come when another tab has refreshed twice, all within the
// grace time: it gets the answer that was lost, and nothing ends.
func TestRetryAfterTheNextRefresh(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		v := c.BeginOffline()
		first := v.Finish(v.SignIn(s.NewBrowser(t), c.User).GiveCode(c.Phone.Code(0)).Allow()).Token.RefreshToken
		ask := func(token string) servertest.Reply {
			return s.Token(c.Client, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
		}
		second := ask(first)
		third := ask(second.RefreshToken)
		if err := c.Revoke(third.AccessToken); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(9 * time.Second)
		if got := ask(first); got != second {
			t.Errorf("the retry gets %+v, want %+v", got, second)
		}
		if got := ask(second.RefreshToken); got != third {
			t.Errorf("the next one gets %+v, want %+v", got, third)
		}
		if s.UserInfo(second.AccessToken) == http.StatusOK || s.UserInfo(third.AccessToken) == http.StatusOK {
			t.Error("an access token that was replaced or revoked is alive")
		}
		if got := ask(third.RefreshToken); got.Status != http.StatusOK {
			t.Errorf("the last refresh token is answered with %d", got.Status)
		}
	})
}

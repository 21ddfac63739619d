package protocol

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// TestRotatedSecret gives an app another secret while it has tokens: both are good until the overlap is over, and then the new
// one alone. Nothing that the app has ends by it.
func TestRotatedSecret(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		v := c.BeginOffline()
		r := v.Finish(v.SignIn(s.NewBrowser(t), c.User).GiveCode(c.Phone.Code(0)).Allow())
		refresh := r.Token.RefreshToken
		works := func(secret string, want bool) {
			t.Helper()
			c.OAuth.ClientSecret = secret
			got, err := c.Refresh(refresh)
			if (err == nil) != want {
				t.Fatalf("refresh: %v, want it done: %v", err, want)
			}
			if err == nil {
				refresh = got.RefreshToken
			}
			s.Clock.Advance(5 * time.Second)
		}
		before := c.OAuth.ClientSecret
		works(before, true)
		_, after, err := s.Operator().RotateSecret(t.Context(), c.OAuth.ClientID, "", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(after)
		works(before, true) // a server that remembers the client from before goes on with it as it is now
		works(after, true)
		works(before, true)
		s.Clock.Advance(time.Hour)
		works(before, false)
		works(after, true)
		_, last, err := s.Operator().RotateSecret(t.Context(), c.OAuth.ClientID, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(last)
		works(after, false)
		works(last, true)
	})
}

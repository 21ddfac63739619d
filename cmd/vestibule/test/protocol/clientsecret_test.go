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
		after, err := s.Operator().RotateSecret(t.Context(), c.OAuth.ClientID, "", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(after.Secret)
		works(before, true) // a server that remembers the client from before goes on with it as it is now
		works(after.Secret, true)
		works(before, true)
		again, err := s.Operator().RotateSecret(t.Context(), c.OAuth.ClientID, "", time.Hour) // its answer is lost, say
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(again.Secret)
		works(before, true) // for the hour that was said
		works(after.Secret, true)
		works(again.Secret, true)
		s.Clock.Advance(time.Hour)
		works(before, false)
		works(again.Secret, true)
		last, err := s.Operator().RotateSecret(t.Context(), c.OAuth.ClientID, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(last.Secret)
		works(again.Secret, false)
		works(last.Secret, true)
	})
}

package signin

import (
	"context"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/interaction"
)

// TestAllowRestsOnSession has the session of a sign-in end, or go on in another epoch, while its user reads what to allow. The
// commit that answers finds that out by itself.
func TestAllowRestsOnSession(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		save := func(change func(*interaction.Session)) func(context.Context, interaction.Session) error {
			return func(ctx context.Context, session interaction.Session) error {
				old := session.ID
				change(&session)
				return s.Store.SaveSession(ctx, old, &session)
			}
		}
		for name, tt := range map[string]struct {
			meanwhile func(context.Context, interaction.Session) error
			lives     bool
		}{
			"ended": {func(ctx context.Context, x interaction.Session) error {
				return s.Store.EndSession(ctx, x.Login.Session)
			}, false},
			"at its end":       {save(func(x *interaction.Session) { x.Expires = s.Clock.Now() }), false},
			"not used":         {save(func(x *interaction.Session) { x.Seen = s.Clock.Now().Add(-365 * 24 * time.Hour) }), false},
			"another's":        {save(func(x *interaction.Session) { x.Login.Session = "another" }), false},
			"of a new id":      {save(func(x *interaction.Session) { x.ID = otherID(x.ID) }), false},
			"all others ended": {func(ctx context.Context, x interaction.Session) error { return endOthers(ctx, s, x) }, true},
		} {
			s.Clock.Advance(servertest.Step)
			app := s.NewClient(t, "app-"+strings.Fields(name)[0][:2])
			v := app.BeginOffline()
			p := s.NewBrowser(t).Open(v.Address).GiveName("ana", servertest.Password).GiveCode(c.Phone.Code(0)).At("consent", "initial")
			all, err := s.Store.Sessions(t.Context(), subjectOf(t, s))
			if err != nil || len(all) == 0 {
				t.Fatalf("the sessions are %v, %v", all, err)
			}
			if err := tt.meanwhile(t.Context(), all[len(all)-1]); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if p = p.Allow(); tt.lives {
				v.Finish(p)
			} else {
				p.At("login", "again")
			}
		}
	})
}

// otherID is another id of the same length.
func otherID(id []byte) []byte { return append([]byte{id[0] ^ 1}, id[1:]...) }

// endOthers ends all but the session, which goes on in the next epoch, as the page of the account does.
func endOthers(ctx context.Context, s *servertest.Site, session interaction.Session) error {
	return s.Store.Atomic(ctx, func(ctx context.Context) error {
		next, err := s.Store.EndOthers(ctx, session.Login.Subject, session.Login.Epoch, session.Login.Session)
		if err != nil {
			return err
		}
		session.Login.Epoch = next
		return s.Store.SaveSession(ctx, session.ID, &session)
	})
}

func subjectOf(t *testing.T, s *servertest.Site) string {
	t.Helper()
	user, _, err := s.Store.AccountByName(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	return user.Subject
}

package hydra

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
	"vestibule/provider/operator"
)

// holds reports whether Hydra has sessions of the user, and whether it says that the token is good.
func (u *user) holds(token string) (sessions, active bool) {
	u.t.Helper()
	response, err := http.PostForm(u.hydra.AdminURL+"/admin/oauth2/introspect", url.Values{"token": {token}})
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct {
		Active bool `json:"active"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		u.t.Fatal(err)
	}
	return u.hydra.Sessions(u.subject) > 0, got.Active
}

// TestAccessEnded: what ends all that a user has open ends it at Hydra as well, as soon as that answers.
func TestAccessEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		fresh := "another cobalt heron umbrella"
		for name, end := range map[string]func(u *user) error{
			"ended": func(u *user) error {
				return w.First().EndAccess(t.Context(), u.subject, "wiki:admin", "a stolen laptop")
			},
			"disabled": func(u *user) error { return w.Operator().Disable(t.Context(), w.Account(t, u.name)) },
			"password": func(u *user) error {
				return w.Operator().UpdateUser(t.Context(), w.Account(t, u.name), operator.UserChange{Password: &fresh})
			},
			"own": func(u *user) error {
				p := u.b.Open("/account/password")
				if p.Find(servertest.Named("apps")) != nil {
					t.Error("the user is asked which tokens to spare, and they are not here")
				}
				p.Press("Change password", "password", servertest.Password, "new-password", fresh).At("security", "off").Says("apps have to ask you again")
				return nil
			},
		} {
			u := w.user(t, name)
			_, token := u.redeem("shop", u.ask("shop"))
			if sessions, active := u.holds(token.AccessToken); !sessions || !active {
				t.Fatalf("%s: Hydra has sessions: %v, the token is active: %v", name, sessions, active)
			}
			w.Clock.Advance(2 * time.Second)
			w.hydra.SetFault(func(r *http.Request) hydratest.Fault {
				if r.Method == http.MethodDelete {
					return hydratest.Unavailable
				}
				return hydratest.NoFault
			})
			if err := end(u); err != nil {
				t.Fatalf("%s, while Hydra is away: %v", name, err)
			}
			if err := w.First().Do(t.Context(), "revocations"); err == nil {
				t.Errorf("%s: the job does not tell that Hydra is away", name)
			}
			if sessions, active := u.holds(token.AccessToken); !sessions || !active {
				t.Fatalf("%s: Hydra has sessions: %v, the token is active: %v, though nothing can have ended", name, sessions, active)
			}
			w.hydra.SetFault(nil)
			if err := w.First().Do(t.Context(), "revocations"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if sessions, active := u.holds(token.AccessToken); sessions || active {
				t.Errorf("%s: Hydra has sessions: %v, the token is active: %v", name, sessions, active)
			}
			token.Expiry = time.Now().Add(-time.Hour)
			if _, err := u.oauth("shop").TokenSource(t.Context(), token).Token(); err == nil {
				t.Errorf("%s: Hydra refreshes", name)
			}
			if left, err := w.Store.Revocations(t.Context(), w.Clock.Now()); err != nil || len(left) > 0 {
				t.Errorf("%s: %v is left to be told (%v)", name, left, err)
			}
		}
	})
}

// TestAccessRemoved: what an app can do ends at Hydra as well when the user or an operator takes it back, and the session there lives on.
func TestAccessRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, end := range map[string]func(u *user) error{
			"ana": func(u *user) error {
				u.b.Open("/account/apps").At("apps", "initial").Says("shop")
				u.b.Open("/account/apps/remove?client=shop").Press("Remove access").At("apps", "removed")
				return nil
			},
			"ben": func(u *user) error {
				return w.Operator().RevokeConsent(t.Context(), u.subject, "shop", "a shop that was hacked")
			},
		} {
			u := w.user(t, name)
			_, token := u.redeem("shop", u.ask("shop"))
			if err := end(u); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := w.First().Do(t.Context(), "revocations"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if sessions, active := u.holds(token.AccessToken); !sessions || active {
				t.Errorf("%s: Hydra has sessions: %v, the token is active: %v", name, sessions, active)
			}
			if left, err := w.Store.Revocations(t.Context(), w.Clock.Now().Add(24*time.Hour)); err != nil || len(left) > 0 {
				t.Errorf("%s: %v is left to be told (%v), which would end what the user allows anew", name, left, err)
			}
		}
	})
}

// TestAnsweredBeforeTheEnd: Hydra has taken the login and the consent, and the browser follows its answer after all was ended.
func TestAnsweredBeforeTheEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		p := u.follow(u.answer(u.open(u.authURL("shop")))).At("consent", "initial").Press("Allow", "remember", "yes")
		for p.Left == nil || !p.Left.Query().Has("consent_verifier") {
			p = u.b.Open(p.Left.String())
		}
		if err := w.Operator().Disable(t.Context(), w.Account(t, "ana")); err != nil {
			t.Fatal(err)
		}
		told := func() {
			t.Helper()
			if err := w.First().Do(t.Context(), "revocations"); err != nil {
				t.Fatal(err)
			}
		}
		told()
		w.Clock.Advance(4 * time.Minute) // of those that the stand-in waits
		end := u.follow(p)
		if end.Left == nil || end.Left.Query().Get("code") == "" {
			t.Fatalf("Hydra gives no code: %v", end.Left)
		}
		_, token := u.redeem("shop", end.Left.Query())
		told()
		if _, active := u.holds(token.AccessToken); !active {
			t.Fatal("the token is dead at once, and nothing is left to end")
		}
		w.Clock.Advance(32 * time.Minute)
		told()
		token.Expiry = time.Now().Add(-time.Hour)
		if _, err := u.oauth("shop").TokenSource(t.Context(), token).Token(); err == nil {
			t.Error("35 minutes after the ending Hydra still refreshes")
		}
	})
}

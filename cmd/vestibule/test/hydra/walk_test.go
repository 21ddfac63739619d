package hydra

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/hydra/hydratest"
)

var (
	one  = []string{"pwd"}
	both = []string{"pwd", "otp", "mfa"}
)

// essential is the claims parameter of a client that takes no less than the level.
func essential(level string) string {
	return `{"id_token":{"acr":{"essential":true,"value":"` + level + `"}}}`
}

// TestEnrolled is a user with an authenticator.
func TestEnrolled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana").enrol()
		first := u.sees("login totp consent", "shop").are(t, "aal2", both...)
		if first.Subject != u.subject || first.Username != "ana" {
			t.Errorf("claims %+v", first)
		}
		w.Clock.Advance(2 * time.Second)
		if again := u.sees("", "shop").are(t, "aal2", both...).at(t, first, false); again.Session != first.Session {
			t.Error("another session where the login was skipped")
		}
		u.sees("", "shop", "acr_values", refeds).are(t, refeds, both...).at(t, first, false)
		u.sees("", "shop", "prompt", "none").are(t, "aal2", both...).at(t, first, false)
		w.Clock.Advance(2 * time.Second)
		old := u.sees("login totp", "shop", "max_age", "1").are(t, "aal2", both...).at(t, first, true)
		if old.Session == first.Session {
			t.Error("the same session after max_age ran out")
		}
		u.sees("", "shop").are(t, "aal2", both...).at(t, old, false) // though the session has another id
		w.Clock.Advance(2 * time.Second)
		u.sees("login totp", "shop", "prompt", "login").are(t, "aal2", both...).at(t, old, true)
		u.sees("", "shop", "prompt", "none").are(t, "aal2", both...)
		u.sees("consent", "shop", "prompt", "consent").are(t, "aal2", both...)
	})
}

// TestStepUp is a user with a password only, who gets an authenticator.
func TestStepUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		first := u.sees("login consent", "shop").are(t, "aal1", one...)
		w.Clock.Advance(2 * time.Second)
		u.sees("", "shop").are(t, "aal1", one...).at(t, first, false)
		u.sees("", "shop", "prompt", "none").are(t, "aal1", one...).at(t, first, false)
		u.hears("interaction_required", "", "shop", "prompt", "none", "acr_values", "aal2")
		u.hears("interaction_required", "", "shop", "prompt", "none", "claims", essential("aal2"))
		u.enrol()
		w.Clock.Advance(2 * time.Second)
		stepped := u.sees("totp", "shop", "claims", essential("aal2")).are(t, "aal2", both...).at(t, first, true)
		w.Clock.Advance(2 * time.Second)
		u.sees("", "shop").are(t, "aal2", both...).at(t, stepped, false)
		u.sees("", "shop", "prompt", "none", "acr_values", "aal2").are(t, "aal2", both...).at(t, stepped, false)
	})
}

// TestObliged is a client whose metadata at Hydra obliges its users, and a policy that changes.
func TestObliged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		u.sees("login setup codes consent", "bank").are(t, "aal2", both...)
		w.Clock.Advance(2 * time.Second)
		u.sees("", "bank").are(t, "aal2", both...)

		ben := w.user(t, "ben")
		ben.sees("login consent", "shop").are(t, "aal1", one...)
		w.Clock.Advance(2 * time.Second)
		w.client("shop", required)
		ben.hears("interaction_required", "", "shop", "prompt", "none")
		ben.sees("setup codes", "shop").are(t, "aal2", both...)
	})
}

// TestDenied is a user who does not allow what the client asks for.
func TestDenied(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.client("news", "")
		u := w.user(t, "ana")
		u.denies = true
		u.hears("access_denied", "login consent", "shop")
		u.denies = false
		first := u.sees("login consent", "shop").are(t, "aal1", one...) // Hydra has begun no session for a login that was rejected
		w.Clock.Advance(2 * time.Second)
		u.denies = true
		u.hears("access_denied", "consent", "news")
		u.hears("consent_required", "", "news", "prompt", "none")
		u.denies = false
		u.sees("consent", "news").are(t, "aal1", one...).at(t, first, false)
	})
}

// TestClientMadeAnew is a client that is changed, which keeps what its users have allowed it, and then one that takes its id,
// which inherits nothing: neither before the sign-in nor while it is under way.
func TestClientMadeAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana")
		u.sees("login consent", "shop")
		w.Clock.Advance(2 * time.Second)
		w.client("shop", `{"owner":"x"}`)
		u.sees("", "shop")
		w.Clock.Advance(2 * time.Second)
		w.remake("shop")
		u.hears("consent_required", "", "shop", "prompt", "none")
		u.sees("consent", "shop")
		w.Clock.Advance(2 * time.Second)
		u.sees("", "shop")

		login := u.challengeOf(u.authURL("shop"))
		w.Clock.Advance(2 * time.Second)
		w.remake("shop")
		if p := u.open(login); p.Left != nil && p.Left.Query().Get("code") != "" {
			t.Errorf("made anew before the login is accepted: the client gets %v", p.Left.Query())
		}
		u.sees("consent", "shop")
	})
}

// remake has Hydra lose the client, and get one of the same id from somebody else.
func (w *world) remake(id string) {
	w.hydra.DeleteClient(id)
	w.client(id, "")
}

// TestRefreshed holds the tokens of a refresh to those of the code.
func TestRefreshed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana").enrol()
		first, token := u.redeem("shop", u.ask("shop"))
		w.Clock.Advance(5 * time.Minute)
		token.Expiry = time.Now().Add(-time.Hour)
		fresh, err := u.oauth("shop").TokenSource(t.Context(), token).Token()
		if err != nil {
			t.Fatal(err)
		}
		u.introspects(fresh, u.read("shop", fresh).are(t, "aal2", both...).at(t, first, false))
	})
}

// TestLongChallenge is a Hydra whose challenges fit into no address of a page.
func TestLongChallenge(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{Challenge: 5000})
	u := w.user(t, "ana").enrol()
	u.sees("login totp consent", "shop").are(t, "aal2", both...)
	u.sees("", "shop").are(t, "aal2", both...)
}

// TestExpired is a user who takes longer than Hydra waits, and longer than the pages do.
func TestExpired(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := w.user(t, "ana").enrol()
		p := u.open(u.authURL("shop")).At("login", "initial")
		w.Clock.Advance(31 * time.Minute)
		p = p.Press("Sign in", "username", "ana", "password", servertest.Password).At("error", "expired")
		u.pages = nil
		c, _ := u.redeem("shop", u.goOn(u.follow(p.Press("Start again"))))
		if c.are(t, "aal2", both...); len(u.pages) < 3 {
			t.Errorf("pages %v", u.pages)
		}
	})
}

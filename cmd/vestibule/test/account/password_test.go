package account

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
)

const anotherPassword = "a field of tall barley"

// changed sends the form of the password.
func changed(p *servertest.Page, password string, fields ...string) *servertest.Page {
	return p.At("password", "initial").Press("Change password", append([]string{"password", servertest.Password, "new-password", password}, fields...)...)
}

// TestChangePassword: a user with the old password and a young code has another one from then on, stays signed in here, and nowhere
// else; what apps may do is as the form says.
func TestChangePassword(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.RememberBrowsers, func(t *testing.T, s *servertest.Site) {
		shop := s.NewClient(t, "shop")
		for _, keep := range []bool{false, true} {
			u := s.NewUser(t, shop)
			b, elsewhere := u.SignedIn("remember", "yes"), u.Browser()
			away := func(b *servertest.Browser) *oauth2.Token {
				t.Helper()
				trip := shop.BeginOffline()
				p := b.Open(trip.Address)
				if p.Left == nil && p.Name == "login" {
					p = p.GiveName(u.Name, servertest.Password).GiveCode(u.Phone.Code(0))
				}
				if p.Left == nil {
					p = p.Allow()
				}
				return trip.Finish(p).Token
			}
			tokens := []*oauth2.Token{away(b), away(elsewhere)}
			trip := shop.Begin("scope", "openid")
			short := trip.Finish(b.Open(trip.Address)).Token

			fields := []string{}
			if keep {
				fields = []string{"apps", ""}
			}
			p := changed(b.Open("/account/security").Click("Change your password"), anotherPassword, fields...).At("security", "on")
			p.Says("Your password was changed.").Says(map[bool]string{false: "apps have to ask you again", true: "while you are away keep it"}[keep]).Says("Set " + s.Clock.Now().UTC().Format("2 January 2006")).Says("You are signed in nowhere else.")
			elsewhere.Open("/account/security").At("login", "initial")

			if got := s.UserInfo(short.AccessToken); got != http.StatusUnauthorized {
				t.Errorf("keep %v: the access token of this browser is answered %d", keep, got)
			}
			for i, one := range tokens {
				if got := s.UserInfo(one.AccessToken); (got == http.StatusOK) != keep {
					t.Errorf("keep %v: access token %d is answered %d", keep, i, got)
				}
				if _, err := shop.Refresh(one.RefreshToken); (err == nil) != keep {
					t.Errorf("keep %v: refresh token %d: %v", keep, i, err)
				}
			}
			u.Login("/account/security").Send().At("login", "wrong")
			s.Clock.Advance(servertest.Step)
			u.Browser().Open("/login").GiveName(u.Name, anotherPassword).At("totp", "initial").GiveCode(u.Phone.Code(0)).At("security", "on")
			s.Clock.Advance(servertest.Step)
			b.Open("/logout").Press("Sign out")
			b.Open("/login").GiveName(u.Name, anotherPassword).At("totp", "initial") // not remembered any more

			events := s.Events(t, u.Subject, audit.EventPasswordChanged)
			if want := map[bool]string{false: "ended", true: "kept"}[keep]; len(events) != 1 || events[0].Detail["apps"] != want || events[0].Method != assurance.MethodPassword || events[0].Actor != "" {
				t.Errorf("keep %v: the events are %+v", keep, events)
			}
		}
	})
}

// TestChangePasswordRefused: what is wrong with the form is said, and nothing is changed. Only a wrong password is a guess.
func TestChangePasswordRefused(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.PasswordMinLength, c.PasswordGuesses, c.AddressGuesses = 10, 4, 100 }, func(t *testing.T, s *servertest.Site) {
		shop := s.NewClient(t, "shop")
		u := s.NewUser(t, shop)
		b := u.Browser()
		b.Open("/login").GiveName(u.Name, servertest.Password).At("security", "off")
		b.Open("/account/password").At("password", "initial").Says("At least 10 characters.")
		wrong := func(state, says, current, wanted string) {
			t.Helper()
			p := b.Open("/account/password").Press("Change password", "password", current, "new-password", wanted, "apps", "").At("password", state).Says(says)
			if got := p.Value("username"); got != u.Name {
				t.Errorf("%s: password managers are told of user %q", state, got)
			}
			if p.Value("password") != "" || p.Value("new-password") != "" {
				t.Errorf("%s: a password is in the page", state)
			}
			if apps := p.Find(servertest.Named("apps")); servertest.HasAttribute("checked")(apps) {
				t.Errorf("%s: what the user had chosen is lost", state)
			}
		}
		wrong("required", "Enter your current password", "", anotherPassword)
		wrong("required", "Enter a new password", "", "")
		wrong("required", "Enter a new password", servertest.Password, "")
		wrong("same", "Both passwords are the same", servertest.Password, servertest.Password)
		wrong("short", "at least 10 characters", servertest.Password, "too short")
		wrong("common", "leaked", servertest.Password, "1234567890")
		wrong("repeats", "repeats", servertest.Password, strings.Repeat("z", 12))
		wrong("personal", "your name", servertest.Password, u.Name+u.Name+u.Name)
		wrong("long", "too long", servertest.Password, strings.Repeat("so long ", 129))
		wrong("encoding", "cannot be read", servertest.Password, "\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff\xfe")
		if events := s.Events(t, u.Subject, audit.EventPasswordFailed); len(events) > 0 {
			t.Errorf("%d guesses are counted, and none was made", len(events))
		}
		for range 3 {
			wrong("wrong", "That password is not right", "not it at all", anotherPassword)
		}
		wrong("locked", "Too many tries", "not it at all", anotherPassword)
		wrong("locked", "Too many tries", servertest.Password, anotherPassword)
		if events := s.Events(t, u.Subject, audit.EventPasswordChanged); len(events) > 0 {
			t.Error("the password was changed")
		}
		s.Clock.Advance(16 * time.Minute)
		p := b.Open("/account/password").Press("Change password", "password", servertest.Password, "new-password", "too short").At("password", "short")
		changed(b.Open("/account/password"), anotherPassword).At("security", "off").Says("Your password was changed.")
		trip := shop.Begin("scope", "openid", "max_age", "60")
		b.Open(trip.Address).At("consent", "initial") // the password was given a moment ago
		p.Reload().At("password", "initial")          // by the Back button: it says nothing of a fault that was mended
	})
}

// TestChangePasswordNeedsTheFactor: whoever has a session and the password needs a young code as well.
func TestChangePasswordNeedsTheFactor(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		u := s.NewUser(t, s.NewClient(t, "shop"))
		b := u.SignedIn()
		p := b.Open("/account/password").At("password", "initial")
		s.Clock.Advance(11 * time.Minute)
		changed(p, anotherPassword).At("totp", "initial")
		b.Open("/account/password").At("totp", "initial").GiveCode(u.Phone.Code(0)).At("password", "initial")
		if events := s.Events(t, u.Subject, audit.EventPasswordChanged); len(events) > 0 {
			t.Fatal("the password was changed without a code")
		}
		changed(b.Open("/account/password"), anotherPassword).At("security", "on").Says("Your password was changed.")
	})
}

// TestChangePasswordOvertaken: of two who change it at once one does, and what an operator has set meanwhile stays.
func TestChangePasswordOvertaken(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		u := s.NewUser(t, s.NewClient(t, "shop"))
		one := u.SignedIn()
		s.Clock.Advance(servertest.Step)
		two := u.Browser()
		two.Open("/login").GiveName(u.Name, servertest.Password).GiveCode(u.Phone.Code(0)).At("security", "on")
		forms := []servertest.Form{}
		for i, b := range []*servertest.Browser{one, two} {
			forms = append(forms, b.Open("/account/password").Form("Change password", "password", servertest.Password, "new-password", []string{"tall barley one", "tall barley two"}[i]))
		}
		ends := make([]string, len(forms))
		done := make(chan int)
		for i, f := range forms {
			go func() { ends[i] = f.Send().Name; done <- i }()
		}
		for range forms {
			<-done
		}
		won := 0
		for i, password := range []string{"tall barley one", "tall barley two"} {
			p := u.Browser().Open("/login").GiveName(u.Name, password)
			if p.Name == "totp" {
				won++
			}
			if signedIn := forms[i].Open("/account/security").Name == "security"; signedIn != (p.Name == "totp") {
				t.Errorf("browser %d, which ended at %q, is signed in: %v, and its password gets to %q", i, ends[i], signedIn, p.Name)
			}
		}
		if won != 1 {
			t.Errorf("%d passwords are right, and the forms ended at %q", won, ends)
		}
	})
}

// TestChangePasswordOfAnotherUser: the form of one user is no guess at the password of another, who has signed in since in the same
// browser, and changes nothing of theirs.
func TestChangePasswordOfAnotherUser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		shop := s.NewClient(t, "shop")
		ana, ben := s.NewUser(t, shop), s.NewUser(t, shop)
		b := ana.Browser()
		b.Open("/login").GiveName(ana.Name, servertest.Password).At("security", "off")
		p := b.Open("/account/password").At("password", "initial")
		b.Open("/logout").Press("Sign out")
		b.Open("/login").GiveName(ben.Name, servertest.Password).At("security", "off")
		for _, current := range []string{servertest.Password, "not it at all"} {
			p.Press("Change password", "password", current, "new-password", anotherPassword).At("security", "off").Says("Nothing was changed again.")
		}
		for _, kind := range []string{audit.EventPasswordChanged, audit.EventPasswordFailed} {
			if events := s.Events(t, "", kind); len(events) > 0 {
				t.Errorf("recorded are %+v", events)
			}
		}
	})
}

// TestPasswordOfAnotherDevice: what looks the same is the same password, however a device writes it.
func TestPasswordOfAnotherDevice(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		u := s.NewUser(t, s.NewClient(t, "shop"))
		b := u.Browser()
		b.Open("/login").GiveName(u.Name, servertest.Password).At("security", "off")
		changed(b.Open("/account/password"), "caf\u00e9 au lait").At("security", "off")
		for _, same := range []string{"caf\u00e9 au lait", "cafe\u0301 au lait", "\uff43af\u00e9 au lait"} {
			u.Browser().Open("/login").GiveName(u.Name, same).At("security", "off")
		}
		u.Browser().Open("/login").GiveName(u.Name, "cafe au lait").At("login", "wrong")
		p := b.Open("/account/password").Press("Change password", "password", "caf\u00e9 au lait", "new-password", "cafe\u0301 au lait")
		p.At("password", "same")
	})
}

// TestChangePasswordWhereItIs: password managers find the page by its well-known address, and where users do not change their
// passwords there is none.
func TestChangePasswordWhereItIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		set  func(c *config.Config)
		page bool // there is one
		root bool // there is one at the well-known address
	}{
		"usual":        {func(*config.Config) {}, true, true},
		"below a path": {servertest.Below("/id"), true, false},
		"switched off": {func(c *config.Config) { c.PasswordChange = false }, false, false},
	} {
		s := servertest.New(t, servertest.SQLite(t), tt.set)
		s.AddUser("ana")
		b := s.NewBrowser(t)
		b.Open("/account/security").GiveName("ana", servertest.Password).At("security", "off")
		if got := b.Open("/account/password").End(); got != map[bool]string{true: "password initial 200", false: "error not-found 404"}[tt.page] {
			t.Errorf("%s: the page is %q", name, got)
		}
		if got := strings.Contains(b.Open("/account/security").Text(), "Change your password"); got != tt.page {
			t.Errorf("%s: the security page leads to it: %v", name, got)
		}
		if got := strings.Contains(b.Open("/account/activity").Text(), "Change your password at once"); got != tt.page {
			t.Errorf("%s: who sees something strange is sent there: %v", name, got)
		}
		if got := b.Open(s.Origin() + "/.well-known/change-password").Name; (got == "password") != tt.root {
			t.Errorf("%s: the well-known address leads to %q", name, got)
		}
		if got := b.Open("/.well-known/change-password").Name; (got == "password") != tt.root {
			t.Errorf("%s: an address below a path, which nobody looks at, leads to %q", name, got)
		}
		if got := b.Open(s.Origin() + "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200"); got.Status == http.StatusOK {
			t.Errorf("%s: there is something at any well-known address", name)
		}
	}
}

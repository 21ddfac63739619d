package protocol

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/storage"
)

// living is a site whose devices have a user with an authenticator.
type living struct {
	*servertest.Enrolled
	tv *servertest.Client // runs on devices, and is public
}

// eachLiving runs the test at a site of some servers on each database.
func eachLiving(t *testing.T, servers int, test func(t *testing.T, l *living), options ...func(*config.Config)) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, options...)
		if servertest.OnSQLite(database) { // which one process serves
			servers = 1
		}
		test(t, &living{servertest.NewEnrolled(t, s, servers), s.NewClient(t, "tv", servertest.OnDevice)})
	})
}

// signIn gives the password and the code at the page that asks for them.
func (l *living) signIn(p *servertest.Page) *servertest.Page {
	l.T.Helper()
	l.Site.Clock.Advance(servertest.Step) // the last code is used
	return p.At("login", "initial").GiveName(l.User, servertest.Password).At("totp", "initial").GiveCode(l.Phone.Code(0))
}

// wants fails the test unless the answer is that error; empty: tokens.
func wants(t *testing.T, what string, got servertest.Reply, code string) servertest.Reply {
	t.Helper()
	if got.Failure != nil || got.Error != code || (code == "") != (got.AccessToken != "") {
		t.Errorf("%s: %d %q (%s) %v, want %q", what, got.Status, got.Error, got.Description, got.Failure, code)
	}
	return got
}

// TestDevice signs a device in: by a user with a second factor, who types the code as he likes.
func TestDevice(t *testing.T) {
	eachLiving(t, 2, func(t *testing.T, l *living) {
		d := l.tv.NewDevice(t, "openid email offline_access")
		if d.Expires != 600 || d.Interval != 5 || d.URI != l.Site.Config.Issuer+"/device" || d.Complete != d.URI+"?user_code="+d.UserCode || len(d.UserCode) != 9 {
			t.Errorf("the device gets %+v", d)
		}
		wants(t, "before the user", d.Poll(), "authorization_pending")
		b := l.Site.NewBrowser(t)
		typed := strings.ToLower(strings.ReplaceAll(d.UserCode, "-", " "))
		p := b.Open("/device").At("device", "initial").Press("Continue", "code", " "+typed)
		p = l.signIn(p).At("consent", "initial").Says("The tv").Says("Only go on if you have the device before you").Says("go on at your device")
		wants(t, "before the consent", d.PollNext(), "authorization_pending")
		if p = p.Allow().At("device-done", "initial"); strings.Contains(p.Address.String(), "?") {
			t.Errorf("the last page is at %s", p.Address)
		}
		first := wants(t, "after the consent", d.PollNext(), "")
		told := l.tv.Read(first.Tokens()).Authenticated(t, "aal2", l.Site.Clock.Now().Add(-10*time.Second), "pwd", "otp", "mfa")
		if status := l.Site.UserInfo(first.AccessToken); status != http.StatusOK {
			t.Errorf("userinfo answers %d", status)
		}
		renewed, err := l.tv.Refresh(first.RefreshToken)
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		l.tv.Read(renewed).Same(t, told)
		wants(t, "the same again", d.Poll(), "invalid_grant")
		if _, err := l.tv.Refresh(renewed.RefreshToken); err == nil {
			t.Error("a refresh token lives though the device code was used twice")
		}
		b.Open("/device").At("device", "initial").Press("Continue", "code", d.UserCode).At("device", "wrong")

		// Whoever has signed in need only allow the next one; the code in an address is shown before it is taken.
		next := l.tv.NewDevice(t, "openid")
		b.Open(next.Complete).At("device", "check").Press("Continue").Allow().At("device-done", "initial")
		if got := wants(t, "the second device", next.Poll(), ""); got.RefreshToken != "" {
			t.Error("a device without offline_access gets a refresh token")
		}
	})
}

// TestDeviceRefused is a device that gets nothing: the user says no, is late, or never comes; the code is another client's; the
// client may not.
func TestDeviceRefused(t *testing.T) {
	eachLiving(t, 1, func(t *testing.T, l *living) {
		b := l.Site.NewBrowser(t)
		denied := l.tv.NewDevice(t, "openid")
		p := l.signIn(denied.Enter(b)).At("consent", "initial").Press("Don’t allow").At("device-again", "denied")
		wants(t, "denied", denied.Poll(), "access_denied")
		wants(t, "denied, later", denied.PollNext(), "access_denied")
		p.Click("Enter the code").At("device", "initial").Press("Continue", "code", denied.UserCode).At("device", "wrong")

		late, never := l.tv.NewDevice(t, "openid"), l.tv.NewDevice(t, "openid")
		p = late.Enter(b).At("consent", "initial")
		l.Site.Clock.Advance(10 * time.Minute)
		p.Allow().At("device-again", "late")
		b.Open(never.URI).Press("Continue", "code", never.UserCode).At("device", "wrong")
		for range 2 {
			wants(t, "late", late.PollNext(), "expired_token")
			wants(t, "never", never.PollNext(), "expired_token")
			if _, err := l.Site.Store.Purge(t.Context(), l.Site.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}
		radio := l.Site.NewClient(t, "radio", servertest.OnDevice)
		d := l.tv.NewDevice(t, "openid")
		wants(t, "of another client, waiting", d.PollAs(radio), "invalid_grant")
		d.Enter(b).Allow().At("device-done", "initial")
		l.Site.Clock.Advance(5 * time.Second)
		wants(t, "of another client", d.PollAs(radio), "invalid_grant")
		given := wants(t, "of its own client", d.Poll(), "")
		l.Site.Clock.Advance(10 * time.Second)
		wants(t, "of another client, used", d.PollAs(radio), "invalid_grant")
		if status := l.Site.UserInfo(given.AccessToken); status != http.StatusOK {
			t.Errorf("when another client has sent the code, userinfo answers %d", status)
		}
		wants(t, "of a client without the grant", d.PollAs(l.Client), "unauthorized_client")
		for spelling, code := range map[string]string{"as a code": "vst_ac_" + d.Code[7:], "made up": d.Code + "x"} {
			form := url.Values{"grant_type": {client.GrantDevice}, "device_code": {code}}
			wants(t, spelling, l.Site.Token(l.tv, form), "invalid_grant")
			wants(t, spelling+", elsewhere", l.Site.Token(l.Client, url.Values{"grant_type": {"authorization_code"}, "code": {code}}), "invalid_grant")
		}
		if err := l.tv.Revoke(d.Code); err == nil || !strings.Contains(err.Error(), "unsupported_token_type") {
			t.Errorf("a device code is revoked: %v", err)
		}
		l.refusedAtOnce(t)
	})
}

// refusedAtOnce are requests of devices that are wrong as they are.
func (l *living) refusedAtOnce(t *testing.T) {
	t.Helper()
	endpoint := l.Provider.Endpoint().DeviceAuthURL
	for _, tt := range []struct {
		from *servertest.Client
		form url.Values
		want string
	}{
		{l.Client, url.Values{"scope": {"openid"}}, "unauthorized_client"},
		{l.tv, url.Values{"scope": {"openid\""}}, "invalid_scope"},
		{l.tv, url.Values{"scope": {"openid", "email"}}, "invalid_request"},
		{l.tv, url.Values{"prompt": {"none"}}, "invalid_request"},
		{l.tv, url.Values{"max_age": {"x"}}, "invalid_request"},
		{l.tv, url.Values{"claims": {servertest.Essential("none-that-is-known")}}, "unmet_authentication_requirements"},
		{l.tv, url.Values{"client_secret": {"none"}}, "invalid_client"},
	} {
		wants(t, tt.form.Encode(), l.Site.Ask(tt.from, endpoint, tt.form), tt.want)
	}
	if p := l.tv.Begin().Address; l.Site.NewBrowser(t).Open(p).At("error", "request").Left != nil {
		t.Error("a client of devices is answered at the authorization endpoint")
	}
}

// TestDevicePace holds devices to their interval, which grows.
func TestDevicePace(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	tv := s.NewClient(t, "tv", servertest.OnDevice)
	d, other := tv.NewDevice(t, "openid"), tv.NewDevice(t, "openid")
	for i, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"}, {4 * time.Second, "authorization_pending"}, // as a network may have it
		{3 * time.Second, "slow_down"}, {4 * time.Second, "slow_down"}, // 10 s, then 15 s from the last one in time
		{8 * time.Second, "authorization_pending"}, {10 * time.Second, "slow_down"}, {10 * time.Second, "authorization_pending"},
	} {
		s.Clock.Advance(tt.after)
		if got := d.Poll(); got.Error != tt.want || got.Status != http.StatusBadRequest {
			t.Errorf("poll %d: %d %q, want %q", i, got.Status, got.Error, tt.want)
		}
	}
	wants(t, "another device", other.Poll(), "authorization_pending")
}

// TestDeviceAtOnce has everything happen in one moment: a device that was allowed asks eight times, and users allow and deny one.
func TestDeviceAtOnce(t *testing.T) {
	eachLiving(t, 3, func(t *testing.T, l *living) {
		b := l.Site.NewBrowser(t)
		l.signIn(l.tv.NewDevice(t, "openid").Enter(b)).At("consent", "initial")
		for range 5 {
			d := l.tv.NewDevice(t, "openid offline_access")
			d.Enter(b).Allow().At("device-done", "initial")
			given := 0
			for _, got := range servertest.AtOnce(8, func(int) servertest.Reply { return d.Poll() }) {
				if got.AccessToken != "" {
					given++
				} else if got.Error != "slow_down" && got.Error != "invalid_grant" {
					t.Errorf("a poll gets %d %q", got.Status, got.Error)
				}
			}
			if given != 1 {
				t.Errorf("of eight polls at once %d got tokens, want 1", given)
			}
		}
		for range 4 {
			d := l.tv.NewDevice(t, "openid")
			pages := []*servertest.Page{d.Enter(b.Twin()), d.Enter(b.Twin()), d.Enter(b.Twin())}
			states := servertest.AtOnce(len(pages), func(i int) string {
				p := pages[i].Press([]string{"Allow", "Don’t allow", "Allow"}[i])
				return p.Name + " " + p.State
			})
			got, allowed := d.Poll(), strings.Count(strings.Join(states, ","), "device-done")
			if denied := states[1] == "device-again denied"; allowed > 1 || denied == (allowed == 1) ||
				(allowed == 1) != (got.AccessToken != "") || denied != (got.Error == "access_denied") {
				t.Errorf("browsers end at %q, and the device gets %q", states, got.Error)
			}
		}
	})
}

// TestDeviceGuesses: wrong user codes are counted, and no code is compared in a lock.
func TestDeviceGuesses(t *testing.T) {
	eachLiving(t, 1, func(t *testing.T, l *living) {
		d := l.tv.NewDevice(t, "openid")
		b := l.Site.NewBrowser(t).From("198.51.100.7")
		p := b.Open(d.URI)
		for i, code := range []string{"BCDF-GHJK", "x", "AEIO-U123", "BCDFGHJ"} {
			p = p.At("device", map[bool]string{true: "initial", false: "wrong"}[i == 0]).Press("Continue", "code", code)
		}
		p.At("device", "wrong").Press("Continue", "code", "BCDF-GHJL").At("device", "locked").HasStatus(http.StatusTooManyRequests)
		b.Open(d.Complete).At("device", "locked")
		if n := len(l.Site.Events(t, "", audit.EventDeviceCodeFailed)) + len(l.Site.Events(t, "", audit.EventDeviceCodeLocked)); n != 5 {
			t.Errorf("%d wrong codes are recorded, want 5", n)
		}
		elsewhere := l.Site.NewBrowser(t).From("198.51.100.8")
		l.signIn(d.Enter(elsewhere)).At("consent", "initial").Press("Allow").At("device-done", "initial")
		l.Site.Clock.Advance(15 * time.Minute)
		l.tv.NewDevice(t, "openid").Enter(b).At("login", "initial")
	}, func(c *config.Config) {
		c.DeviceGuesses, c.DeviceAddressGuesses = 3, 5
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
}

// TestDevicePolls is what a device costs that waits: one question to the database, and no commit.
func TestDevicePolls(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database)
		tv := s.NewClient(t, "tv", servertest.OnDevice)
		d, other := tv.NewDevice(t, "openid"), tv.NewDevice(t, "openid")
		wants(t, "the first", d.Poll(), "authorization_pending")
		var trips []storage.Trip
		s.First().Observe(func(trip storage.Trip) { trips = append(trips, trip) })
		defer s.First().Observe(nil)
		wants(t, "too early", d.Poll(), "slow_down")
		if len(trips) != 0 {
			t.Errorf("a poll that is too early asks the database %d times", len(trips))
		}
		s.Clock.Advance(10 * time.Second)
		wants(t, "another device", other.Poll(), "authorization_pending") // and the client is known again
		trips = nil
		wants(t, "in time", d.Poll(), "authorization_pending")
		if len(trips) != 1 || trips[0].Writes || len(trips[0].Queries) != 1 {
			t.Errorf("a poll in time makes these questions: %+v", trips)
		}
	})
}

// TestNodeDevice is an unmodified openid-client that runs on a device.
func TestNodeDevice(t *testing.T) {
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	t.Parallel()
	script, err := os.ReadFile(filepath.Join("testdata", "node", "device.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	s := servertest.New(t, servertest.SQLite(t))
	l := &living{servertest.NewEnrolled(t, s, 1), s.NewClient(t, "tv", servertest.OnDevice)}
	program := startScript(t, modules, nodeSettings(l.tv), "main.mjs", string(script))
	var begin struct{ Complete string }
	program.read(&begin)
	l.signIn(s.NewBrowser(t).Open(begin.Complete).At("device", "check").Press("Continue")).Allow().At("device-done", "initial")
	var end struct {
		Claims, Renewed servertest.Claims
		UserInfo        struct{ Sub string }
	}
	program.read(&end)
	if subject := s.Account(t, l.User).Subject; end.Claims.Subject != subject || end.UserInfo.Sub != subject || end.Claims.ACR != "aal2" {
		t.Errorf("the program learns %+v", end)
	}
	servertest.Tokens{Claims: end.Renewed}.Same(t, servertest.Tokens{Claims: end.Claims})
}

package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/provider/audit"
)

// eventLog is Activity and audit.Recorder in memory. What is recorded in a commit that fails was never there.
type eventLog struct {
	mu     sync.Mutex
	events []audit.Event
	now    func() time.Time
	down   error
}

// commit is what a commit has put off until it succeeds.
type commit struct{}

func (l *eventLog) Record(ctx context.Context, e audit.Event) error {
	if put, ok := ctx.Value(commit{}).(*[]func()); ok {
		*put = append(*put, func() { l.add(e) })
		return nil
	}
	l.add(e)
	return nil
}

func (l *eventLog) add(e audit.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = l.now()
	}
	e.ID = fmt.Sprintf("%020d-%06d", e.Time.UnixMicro(), len(l.events))
	l.events = append(l.events, e)
}

func (l *eventLog) Activity(_ context.Context, subject string, kinds []string, before string, n int) ([]audit.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []audit.Event
	for _, e := range slices.Backward(l.events) {
		if e.Subject == subject && slices.Contains(kinds, e.Kind) && (before == "" || e.ID < before) && len(found) < n {
			found = append(found, e)
		}
	}
	return found, l.down
}

// withLog gives the site a log that its pages show.
func (s *site) withLog() *eventLog {
	l := &eventLog{now: s.clock.now}
	s.configure(func(c *Config) { c.Journal.Recorder, c.Stores.Activity = l, l })
	return l
}

func TestActivityOfSignIn(t *testing.T) {
	s := newSite(t)
	s.withLog()
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open("/account").at("login", "initial").press("Sign in", "username", "ana", "password", "wrong").password("ana")
	if other := s.signedIn(&a).open("/account/activity"); strings.Count(other.text(), "The right password was given, but the sign-in was not finished.") != 0 {
		t.Errorf("the password stands beside the sign-in that went on after it: %s", other.text()) // from the same address
	}
	p.press("Continue", "code", a.wrong()).at("totp", "wrong").press("Continue", "code", a.code(0)).at("security", "on").
		says("Recent activity", "Signed in with the password and a code.", "A wrong code was given after the right password.", "All activity")
	p = b.open("/account").click("All activity").at("activity", "initial").says("A wrong password was given.", "from 127.0.0.1", "3 March 2026, 14:05 UTC", "Was something not you?", "help@example.com")
	if strings.Contains(p.text(), "Older") || strings.Contains(p.text(), "Newest") {
		t.Errorf("there are other pages: %s", p.text())
	}
	s.newBrowser().open("/account/activity").at("login", "initial").password("ben").at("activity", "initial").says("Signed in with the password.")
}

// TestRecentActivity: what matters for the safety of the account is not lost among the apps.
func TestRecentActivity(t *testing.T) {
	s := newSite(t)
	l := s.withLog()
	b := s.signedIn(nil)
	l.Record(t.Context(), audit.Event{Kind: audit.EventFactorRemoved, Subject: "s-ana", Detail: map[string]string{"name": "Phone"}})
	for i := range 20 {
		for _, kind := range []string{audit.EventConsent, audit.EventAuthorized, audit.EventConsentDenied} {
			l.Record(t.Context(), audit.Event{Kind: kind, Subject: "s-ana", Client: "app " + strconv.Itoa(i)})
		}
	}
	p := b.open("/account/security").says("The authenticator “Phone” was removed.")
	if strings.Contains(p.text(), "app 1") {
		t.Errorf("the security page lists apps: %s", p.text())
	}
	b.open("/account/activity").says("app 19 was allowed to use the account.", "Went on to app 19.")
}

func TestActivityPages(t *testing.T) {
	s := newSite(t)
	l := s.withLog()
	b := s.signedIn(nil)
	l.events = nil
	b.open("/account/activity").at("activity", "none").says("There is nothing to show.")
	for i := range 120 {
		l.Record(t.Context(), audit.Event{
			Time: s.clock.now().Add(time.Duration(i) * time.Minute), Kind: audit.EventFactorAdded, Subject: "s-ana",
			Detail: map[string]string{"name": "Phone " + strconv.Itoa(i)},
		})
	}
	p := b.open("/account/activity").at("activity", "initial").says("Phone 119", "Phone 70")
	if got := len(p.all("time")); got != 50 {
		t.Errorf("%d lines, want 50", got)
	}
	p = p.click("Older").at("activity", "initial").says("Phone 69", "Phone 20").click("Older").at("activity", "initial").says("Phone 19", "“Phone 0”")
	if strings.Contains(p.text(), "Older") {
		t.Error("there is a page after the last")
	}
	p.click("Newest").says("Phone 119")
	b.open("/account/activity?before=%00").at("activity", "none").says("There is nothing older to show.")
	s.configure(func(c *Config) { c.Times.ActivityKept = 90 * 24 * time.Hour })
	b.open("/account/activity").says("It is kept for 90 days.")
	l.down = errDown
	b.open("/account/activity").at("error", "unavailable")
	b.open("/account/security").at("error", "unavailable")
}

// Names are people's, and reasons are operators': they are text and nothing else.
func TestActivityEscapes(t *testing.T) {
	s := newSite(t)
	l := s.withLog()
	b := s.signedIn(nil)
	l.Record(t.Context(), audit.Event{
		Kind: audit.EventFactorRenamed, Subject: "s-ana", Address: "<b>", Detail: map[string]string{"from": "{to}<script>x</script>", "to": "{client}&amp;"},
	})
	p := b.open("/account/activity").says("“{to}<script>x</script>” was renamed to “{client}&amp;”.", "from <b>")
	if strings.Contains(p.body, "<script>x") {
		t.Error("a name is markup")
	}
}

// Without a database the log of the server says what was refused.
func TestRefusalsAreLogged(t *testing.T) {
	for _, tt := range []struct {
		path string
		err  error
		want string
	}{
		{"/login", errDown, "event=auth.password.refused"},
		{"/login/totp", errDown, "event=auth.totp.refused"},
		{"/login/recovery/used", errDown, "event=auth.recovery.refused"},
		{"/consent", errDown, "event=consent.refused"},
		{"/authorize", errDown, "event=authorization.refused"},
		{"/account/security", errDown, "event=account.refused"},
		{"/logout", errDown, "event=request.refused"},
		{"/login", errors.New("broken"), ""},
	} {
		s := newSite(t)
		s.pages.Error(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, tt.path, nil), tt.err)
		want := tt.want + " outcome=refused reason=unavailable"
		if got := s.log.String(); tt.want == "" && strings.Contains(got, "event=") || tt.want != "" && !strings.Contains(got, want) {
			t.Errorf("%s, %v: the log has %s, want %q", tt.path, tt.err, got, tt.want)
		}
	}
}

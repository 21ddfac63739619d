package web

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
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

// eventLog is Activity and audit.Recorder in memory.
type eventLog struct {
	mu     sync.Mutex
	events []audit.Event
	now    func() time.Time
	down   error
}

func (l *eventLog) Record(_ context.Context, e audit.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Time.IsZero() {
		e.Time = l.now()
	}
	e.ID = fmt.Sprintf("%020d-%06d", e.Time.UnixMicro(), len(l.events))
	l.events = append(l.events, e)
	return nil
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
	s.pages.Audit, s.pages.Activity = l, l
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
	s.pages.ActivityKept = 90 * 24 * time.Hour
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

func TestActivityLines(t *testing.T) {
	s := newSite(t)
	event := func(minutes int, kind, address, client string) audit.Event {
		return audit.Event{Time: s.clock.now().Add(time.Duration(minutes) * time.Minute), Kind: kind, Address: address, Client: client}
	}
	const right, wrong, in, out = audit.EventPassword, audit.EventPasswordFailed, audit.EventSignedIn, audit.EventSignedOut
	for _, tt := range []struct {
		name   string
		events []audit.Event // the newest first
		want   string        // times and texts
	}{
		{"nothing", nil, ""},
		{"several in a row", []audit.Event{event(3, wrong, "a", ""), event(2, wrong, "a", ""), event(1, wrong, "b", ""), event(0, wrong, "a", "")},
			"2 A wrong password was given. | 1 A wrong password was given. | 1 A wrong password was given."},
		{"a sign-in", []audit.Event{event(3, in, "a", ""), event(2, right, "a", "")}, "1 Signed in with the password."},
		{"one that was not finished", []audit.Event{event(2, right, "a", "")}, "1 The right password was given, but the sign-in was not finished."},
		{"one from elsewhere", []audit.Event{event(3, in, "a", ""), event(2, right, "b", "")},
			"1 Signed in with the password. | 1 The right password was given, but the sign-in was not finished."},
		{"one long before", []audit.Event{event(30, in, "a", ""), event(2, right, "a", "")},
			"1 Signed in with the password. | 1 The right password was given, but the sign-in was not finished."},
		{"an app", []audit.Event{event(3, audit.EventAuthorized, "a", "shop")}, "1 Went on to <bdi>Demo Shop</bdi>."},
		{"an app that is gone", []audit.Event{event(3, audit.EventConsent, "a", "gone")}, "1 <bdi>gone</bdi> was allowed to use the account."},
		{"out", []audit.Event{event(3, out, "a", "")}, "1 Signed out."},
	} {
		lines, err := s.pages.lines(t.Context(), tt.events)
		var got []string
		for _, l := range lines {
			got = append(got, strconv.Itoa(l.Times)+" "+string(l.Text))
		}
		if err != nil || strings.Join(got, " | ") != tt.want {
			t.Errorf("%s: %v (%v), want %v", tt.name, strings.Join(got, " | "), err, tt.want)
		}
	}
}

// hiddenKinds are events of users that the page does not show, because others say the same or nobody could act on them.
var hiddenKinds = []string{
	audit.EventTOTP, audit.EventRefused, audit.EventPolicyReported,
	audit.EventAdminClientCreated, audit.EventAdminClientUpdated, audit.EventAdminClientDeleted, audit.EventAdminReseal,
	audit.EventAuditPurged,
}

// Every kind of event is either shown, with no hole in its sentence, or hidden on purpose.
func TestActivitiesAreWhole(t *testing.T) {
	for name, kind := range eventKinds(t) {
		text, shown := activities[kind]
		if shown == slices.Contains(hiddenKinds, kind) {
			t.Errorf("%s (%s) is neither shown nor hidden, or both", name, kind)
		}
		got := string(sentence(audit.Event{Kind: kind}, "Shop"))
		if strings.ContainsAny(got, "{}") {
			t.Errorf("the sentence of %s has a hole: %s", kind, got)
		}
		for _, word := range []string{"log in", "token", "OTP", "MFA", "2FA"} {
			if strings.Contains(text, word) {
				t.Errorf("the sentence of %s says %q to people", kind, word)
			}
		}
	}
}

// eventKinds reads the kinds from the source of provider.
func eventKinds(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(gotoken.NewFileSet(), "../provider/audit/event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Event") {
			kinds[spec.Names[0].Name], err = strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	if err != nil || len(kinds) < 30 {
		t.Fatalf("%d kinds, %v", len(kinds), err)
	}
	return kinds
}

func TestKept(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", 24 * time.Hour: "24 hours", 36 * time.Hour: "36 hours", 48 * time.Hour: "2 days", 90 * 24 * time.Hour: "90 days",
	} {
		if got := kept(d); got != want {
			t.Errorf("kept(%v) = %q, want %q", d, got, want)
		}
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

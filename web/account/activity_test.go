package account

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
	"vestibule/web/ui"
)

// clients are Clients as a map.
type clients map[string]client.Client

func (c clients) Client(_ context.Context, id string) (client.Client, error) {
	client, ok := c[id]
	if !ok {
		return client, store.ErrNotFound
	}
	return client, nil
}

// english is the language that the sentences are read in.
func english(t *testing.T) *catalogue.Language {
	t.Helper()
	set, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	return set.Choose("", "")
}

// apps knows authenticator apps.
var apps = &mfa.Service{Kinds: []mfa.Kind{totp.Kind{}}}

func pages(t *testing.T) *ui.Pages {
	t.Helper()
	pages, err := ui.New(ui.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestActivityLines(t *testing.T) {
	now := time.Date(2026, 3, 3, 14, 5, 10, 0, time.UTC)
	s := New(Config{Pages: pages(t), MFA: apps, Clients: clients{"shop": {ID: "shop", Name: "Demo Shop"}, "stranger": {ID: "stranger", Name: "Demo Shop", RegisteredBy: client.ByItself}}})
	event := func(minutes int, kind, address, client string) audit.Event {
		return audit.Event{Time: now.Add(time.Duration(minutes) * time.Minute), Kind: kind, Address: address, Client: client}
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
		{"an app that registered itself", []audit.Event{event(3, audit.EventAuthorized, "a", "stranger")}, "1 Went on to <bdi>Demo Shop</bdi>."},
		{"an app that is gone", []audit.Event{event(3, audit.EventConsent, "a", "gone")}, "1 <bdi>gone</bdi> was allowed to use the account."},
		{"an app without a name", []audit.Event{event(3, audit.EventConsent, "a", "")}, "1 <bdi>An app</bdi> was allowed to use the account."},
		{"out", []audit.Event{event(3, out, "a", "")}, "1 Signed out."},
	} {
		lines, err := s.lines(t.Context(), tt.events)
		var got []string
		for _, l := range lines {
			got = append(got, strconv.Itoa(l.Times)+" "+string(l.Text.Apart(english(t))))
		}
		if err != nil || strings.Join(got, " | ") != tt.want {
			t.Errorf("%s: %v (%v), want %v", tt.name, strings.Join(got, " | "), err, tt.want)
		}
	}
}

// slowClients are Clients that answer when the test lets them.
type slowClients struct {
	ask     func(ctx context.Context, id string) (client.Client, error)
	mu      sync.Mutex
	asked   map[string]int
	waiting int
	most    int // that waited at once
}

func (c *slowClients) Client(ctx context.Context, id string) (client.Client, error) {
	c.note(id, 1)
	defer c.note(id, -1)
	return c.ask(ctx, id)
}

func (c *slowClients) note(id string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 {
		c.asked[id]++
	}
	c.waiting += n
	c.most = max(c.most, c.waiting)
}

// The names of apps are no reason for a page not to come: whoever keeps the clients may be slow, or in trouble, with some or
// with all of them.
func TestLabels(t *testing.T) {
	hangs := func(ctx context.Context, _ string) (client.Client, error) {
		<-ctx.Done()
		return client.Client{}, ctx.Err()
	}
	named := func(_ context.Context, id string) (client.Client, error) {
		return client.Client{ID: id, Name: "The " + id}, nil
	}
	but := func(id string, other func(context.Context, string) (client.Client, error)) func(context.Context, string) (client.Client, error) {
		return func(ctx context.Context, asked string) (client.Client, error) {
			if asked == id {
				return other(ctx, asked)
			}
			return named(ctx, asked)
		}
	}
	var events []audit.Event
	for i := range 120 {
		events = append(events, audit.Event{Kind: audit.EventAuthorized, Client: "app" + strconv.Itoa(i%40)}, audit.Event{Kind: audit.EventSignedIn})
	}
	for name, tt := range map[string]struct {
		ask   func(ctx context.Context, id string) (client.Client, error)
		app7  string
		app39 string
	}{
		"all answer":     {named, "The app7", "The app39"},
		"one hangs":      {but("app7", hangs), "app7", "The app39"},
		"one fails":      {but("app7", func(context.Context, string) (client.Client, error) { return client.Client{}, store.ErrUnavailable }), "app7", "The app39"},
		"one is strange": {but("app7", func(context.Context, string) (client.Client, error) { return client.Client{}, errors.New("strange") }), "app7", "The app39"},
		"one has none":   {but("app7", func(context.Context, string) (client.Client, error) { return client.Client{ID: "app7"}, nil }), "app7", "The app39"},
		"one is gone":    {but("app7", func(context.Context, string) (client.Client, error) { return client.Client{}, store.ErrNotFound }), "app7", "The app39"},
		"all hang":       {hangs, "app7", "app39"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &slowClients{ask: tt.ask, asked: map[string]int{}}
			begun := time.Now()
			labels, err := New(Config{Pages: pages(t), MFA: apps, Clients: c}).clients(t.Context(), clientsOf(events))
			if took := time.Since(begun); took > clientTime+2*time.Second {
				t.Errorf("it took %v", took)
			}
			if err != nil || len(labels) != 40 || labels["app7"].Label() != tt.app7 || labels["app39"].Label() != tt.app39 {
				t.Errorf("%d labels, %q and %q (%v), want 40, %q and %q", len(labels), labels["app7"].Label(), labels["app39"].Label(), err, tt.app7, tt.app39)
			}
			for id, n := range c.asked {
				if n > 1 {
					t.Errorf("%s was asked for %d times", id, n)
				}
			}
			if c.most > clientsAtOnce {
				t.Errorf("%d questions at once", c.most)
			}
		})
	}
	t.Run("nobody waits for the page", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := &slowClients{ask: hangs, asked: map[string]int{}}
		if _, err := New(Config{Pages: pages(t), MFA: apps, Clients: c}).lines(ctx, events); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
}

// hiddenKinds are events of users that the page does not show, because others say the same or nobody could act on them.
var hiddenKinds = []string{
	audit.EventTOTP, audit.EventDeviceCode, audit.EventRefused, audit.EventPolicyReported, audit.EventTokenRevoked, audit.EventLogoutFailed, // the last two are of apps, not of users
	audit.EventTokenKeyRefused, audit.EventClientToken, audit.EventCertificateRefused, // these too
	audit.EventAdminClientCreated, audit.EventAdminClientUpdated, audit.EventAdminSecretRotated, audit.EventAdminClientDeleted, audit.EventAdminReseal,
	audit.EventSigningKeyMade, audit.EventSigningKeyAdvanced, audit.EventSigningKeyRemoved,
	audit.EventInitialTokenMade, audit.EventInitialTokenGone, audit.EventClientRegistered, audit.EventClientChanged, audit.EventClientRemoved,
	audit.EventAdminBenchSeeded, audit.EventAdminBenchRemoved, audit.EventAuditPurged,
}

// Every kind of event is either shown, with no hole in its sentence, or hidden on purpose.
func TestActivitiesAreWhole(t *testing.T) {
	s := New(Config{Pages: pages(t), MFA: apps})
	for name, kind := range eventKinds(t) {
		id, shown := activities[kind]
		if factor, result, ok := audit.Proof(kind); ok && factor == totp.Name && result != audit.ResultOK {
			id, shown = "activity.totp."+result, slices.Contains(s.activityKinds(), kind)
		}
		if shown == slices.Contains(hiddenKinds, kind) {
			t.Errorf("%s (%s) is neither shown nor hidden, or both", name, kind)
		}
		got := string(s.sentence(audit.Event{Kind: kind}, "Shop").Apart(english(t)))
		if shown && (strings.ContainsAny(got, "{}") || got == id) {
			t.Errorf("the sentence of %s has a hole: %s", kind, got)
		}
		for _, word := range []string{"log in", "token", "OTP", "MFA", "2FA"} {
			if shown && strings.Contains(got, word) {
				t.Errorf("the sentence of %s says %q to people", kind, word)
			}
		}
	}
}

// eventKinds reads the kinds from the source of provider.
func eventKinds(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../provider/audit/event.go", nil, 0)
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

// What the kind of an event does not say, its details do.
func TestSentences(t *testing.T) {
	s := New(Config{Pages: pages(t), MFA: apps})
	for _, tt := range []struct {
		kind   string
		detail map[string]string
		want   string
	}{
		{audit.EventSignedIn, map[string]string{"amr": "pwd"}, "Signed in with the password."},
		{audit.EventSignedIn, map[string]string{"amr": "pwd otp mfa"}, "Signed in with the password and a code."},
		{audit.EventSignedIn, map[string]string{"amr": "pwd hwk mfa", "factor": "totp"}, "Signed in with the password and a code."},
		{audit.EventSignedIn, map[string]string{"amr": "pwd mfa"}, "Signed in with the password and a recovery code."},
		{audit.EventTOTPFailed, map[string]string{"set_up": "yes"}, "A wrong code was given while an authenticator was set up."},
		{audit.EventRecoveryUsed, map[string]string{"left": "3"}, "A recovery code was used. <bdi>3</bdi> left."},
		{audit.EventBrowserForgotten, map[string]string{"browser": "all"}, "Asked for a second step again: all devices."},
		{audit.EventBrowserForgotten, nil, "Asked for a second step again: a device that signed out."},
		{audit.EventBrowserForgotten, map[string]string{"browser": "Firefox on Linux"}, "Asked for a second step again: <bdi>Firefox on Linux</bdi>."},
		{audit.EventBrowserRemembered, map[string]string{"browser": "A browser"}, "No longer asked for a second step: <bdi>A browser</bdi>."},
		{audit.EventAdminReset, map[string]string{"reason": "<lost>"}, "Two-step verification was reset: <bdi>&lt;lost&gt;</bdi>"},
	} {
		got := string(s.sentence(audit.Event{Kind: tt.kind, Detail: tt.detail}, "").Apart(english(t)))
		if got != tt.want {
			t.Errorf("%s %v: %q, want %q", tt.kind, tt.detail, got, tt.want)
		}
	}
}

package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
	"vestibule/storage"
)

// A reset takes the factor away and ends all that was signed in with it.
func TestUserTOTPReset(t *testing.T) {
	t.Parallel()
	d := &demonstration{env: &env{nil, nil, t.Output(), t.Output(), nil}}
	if err := d.prepare(t.Context(), "127.0.0.1:0", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer d.close()
	ctx, db, subject := t.Context(), servertest.OpenDatabase(t, d.config.Database), d.strong.Subject
	now := time.Now()
	session := interaction.Session{
		ID: bytes.Repeat([]byte{1}, 32), Login: *assurance.PasswordLogin(subject, 0, now),
		Created: now, Seen: now, Expires: now.Add(time.Hour),
	}
	code := tokens.Code{Signature: "code", Family: "family", Client: sampleID, Subject: subject, Data: []byte("{}"), Created: now, Expires: now.Add(time.Hour)}
	token := tokens.Token{
		Kind: tokens.RefreshToken, Signature: "token", Family: "family", Client: sampleID, Subject: subject, Data: []byte("{}"),
		Created: now, Expires: now.Add(time.Hour),
	}
	sample, err := db.Client(ctx, sampleID)
	if err := errors.Join(err, db.SaveSession(ctx, nil, &session), db.SaveCode(ctx, code, sample), db.Exchange(ctx, "code", time.Now(), nil, []tokens.Token{token})); err != nil {
		t.Fatal(err)
	}

	command := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		w := &env{[]string{"VESTIBULE_DATABASE=sqlite:" + d.folder + "/demo.db"}, strings.NewReader(""), &out, t.Output(), nil}
		if err := run(ctx, args, w); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return out.String()
	}
	if text := command("user", "get", "grace"); !strings.Contains(text, "two-step verification  on") || !strings.Contains(text, "10 of 10") {
		t.Errorf("user get before:\n%s", text)
	}
	text := command("user", "totp", "reset", "grace", "--reason", "lost it")
	for _, want := range []string{"removed the second factor of grace (authenticators: 1)", "ended the session of " + moment(now) + " UTC (pwd), last used " + moment(now)} {
		if !strings.Contains(text, want) {
			t.Errorf("it says %q, want %q", text, want)
		}
	}
	events, err := db.AuditEvents(ctx, storage.AuditFilter{Subject: subject, Kind: audit.EventAdminReset}, 10)
	if err != nil || len(events) != 1 || events[0].Detail["reason"] != "lost it" || events[0].Actor != actor() {
		t.Errorf("the audit log has %+v (%v), want one reset, by %s", events, err, actor())
	}
	if text := command("user", "get", "grace"); !strings.Contains(text, "two-step verification  off") {
		t.Errorf("user get after:\n%s", text)
	}
	if _, err := db.Session(ctx, session.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the session: %v, want %v", err, store.ErrNotFound)
	}
	if _, err := db.Token(ctx, tokens.RefreshToken, "token"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the refresh token: %v, want %v", err, store.ErrNotFound)
	}
}

// All of a reset is one commit: a process that is killed in it leaves nothing half done.
func TestUserTOTPResetIsOneCommit(t *testing.T) {
	t.Parallel()
	d := &demonstration{env: &env{nil, nil, t.Output(), t.Output(), nil}}
	if err := d.prepare(t.Context(), "127.0.0.1:0", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var commits int
	db := servertest.OpenDatabase(t, d.config.Database)
	db.Observe(func(trip storage.Trip) {
		if trip.Writes {
			commits++
		}
	})
	done, err := operations(db).ResetFactors(t.Context(), d.strong.Account, "lost it")
	if err != nil || commits != 1 {
		t.Errorf("reset took %d authenticators in %d commits (%v), want 1", done.Authenticators, commits, err)
	}
}

// Whoever removes an authenticator is told which sessions that ended.
func TestUserTOTPRemoveEndsSessions(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		b := s.NewBrowser(t)
		b.Enrol("ana")
		p := b.Open("/account/authenticators/new").At("setup", "initial")
		p.Press("Continue", "code", p.Phone().Code(0), "name", "Second").At("security", "on")
		text := must(t, s, "user", "totp", "remove", "ana", "--authenticator", "Second")
		if !strings.Contains(text, "ended the session of ") || !strings.Contains(text, "(pwd otp mfa)") {
			t.Errorf("it says %q, want the session", text)
		}
		b.Open("/account/security").At("login", "initial")
	})
}

package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/cmd/vestibule/terminal"
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
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Clock.Advance(-time.Minute) // the command has a clock of its own
		ctx, subject := t.Context(), s.AddUser("grace").Subject
		s.NewBrowser(t).Enrol("grace")
		s.NewClient(t, "sample")
		now := time.Now()
		session := interaction.Session{
			ID: bytes.Repeat([]byte{1}, 32), Login: *assurance.PasswordLogin(subject, 0, now),
			Created: now, Seen: now, Expires: now.Add(time.Hour),
		}
		code := tokens.Code{Signature: "code", Family: "family", Client: "sample", Subject: subject, Data: []byte("{}"), Created: now, Expires: now.Add(time.Hour)}
		token := tokens.Token{
			Kind: tokens.RefreshToken, Signature: "token", Family: "family", Client: "sample", Subject: subject, Data: []byte("{}"),
			Created: now, Expires: now.Add(time.Hour),
		}
		sample, err := s.Store.Client(ctx, "sample")
		if err := errors.Join(err, s.Store.SaveSession(ctx, nil, &session), s.Store.SaveCode(ctx, code, sample), s.Store.Exchange(ctx, "code", []tokens.Token{token})); err != nil {
			t.Fatal(err)
		}

		if text := must(t, s, "user", "get", "grace"); !strings.Contains(text, "two-step verification  on") || !strings.Contains(text, "10 of 10") {
			t.Errorf("user get before:\n%s", text)
		}
		text := must(t, s, "user", "totp", "reset", "grace", "--reason", "lost it")
		for _, want := range []string{"removed the second factor of grace (authenticators: 1)", "ended the session of " + terminal.Moment(now) + " UTC (pwd), last used " + terminal.Moment(now)} {
			if !strings.Contains(text, want) {
				t.Errorf("it says %q, want %q", text, want)
			}
		}
		events := s.Events(t, subject, audit.EventAdminReset)
		if len(events) != 1 || events[0].Detail["reason"] != "lost it" || events[0].Actor != actor() {
			t.Errorf("the audit log has %+v, want one reset, by %s", events, actor())
		}
		if text := must(t, s, "user", "get", "grace"); !strings.Contains(text, "two-step verification  off") {
			t.Errorf("user get after:\n%s", text)
		}
		if _, err := s.Store.Session(ctx, session.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the session: %v, want %v", err, store.ErrNotFound)
		}
		if _, err := s.Store.Token(ctx, token.Key()); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the refresh token: %v, want %v", err, store.ErrNotFound)
		}
	})
}

// All of a reset is one commit: a process that is killed in it leaves nothing half done.
func TestUserTOTPResetIsOneCommit(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("grace")
		s.NewBrowser(t).Enrol("grace")
		var commits int
		s.Store.Observe(func(trip storage.Trip) {
			if trip.Writes {
				commits++
			}
		})
		done, err := operations(s.Store).ResetFactors(t.Context(), user, "lost it")
		if err != nil || done.Authenticators != 1 || commits != 1 {
			t.Errorf("reset took %d authenticators in %d commits (%v), want 1", done.Authenticators, commits, err)
		}
	})
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

package servertest

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/web"
	"vestibule/web/notice"
)

// Actor is who acts for operators in these tests.
const Actor = "cli:0"

// operatorReason is what operators say who reset something.
const operatorReason = "phoned from the number on file"

// OperatorLog records what an operator does, as a command does.
func (s *Site) OperatorLog() *audit.Log {
	return &audit.Log{Store: s.Store, Now: s.Clock.Now, Actor: Actor, Hooks: []audit.Hook{notice.Hook(s.Store)}}
}

// PlanReset plans a reset of the subject's second factor by an operator, and returns its id.
func (s *Site) PlanReset(t *testing.T, subject string, delay time.Duration) (id string) {
	t.Helper()
	now := s.Clock.Now()
	plan := mfa.PlannedReset{ID: rand.Text(), Subject: subject, Reason: operatorReason, Actor: Actor, Created: now, Due: now.Add(delay)}
	err := s.Store.Atomic(t.Context(), func(ctx context.Context) error {
		if err := s.Store.PlanReset(ctx, plan); err != nil {
			return err
		}
		return s.OperatorLog().Record(ctx, audit.Event{
			Kind: audit.EventAdminResetPlanned, Outcome: audit.OutcomeOK, Subject: subject,
			Detail: map[string]string{"reason": plan.Reason, "reset": plan.ID, "due": plan.Due.UTC().Format(time.RFC3339)},
		})
	})
	if err != nil {
		t.Fatalf("plan a reset: %v", err)
	}
	return plan.ID
}

// ResetFactors removes the subject's second factor, as an operator does.
func (s *Site) ResetFactors(ctx context.Context, subject string) error {
	e := audit.Event{Subject: subject, Detail: map[string]string{"reason": operatorReason}}
	_, err := server.ResetFactors(ctx, s.Store, s.OperatorLog(), e)
	return err
}

// LinkAudit puts all events so far into the chain of the audit log, as a server does every second.
func (s *Site) LinkAudit(t *testing.T) {
	t.Helper()
	if err := server.LinkAudit(t.Context(), s.Store); err != nil {
		t.Fatal(err)
	}
}

// EnrolLink makes a link with which the user sets up an authenticator, once. Its token is a secret of the site.
func (s *Site) EnrolLink(t *testing.T, user account.Account) string {
	t.Helper()
	now := s.Clock.Now()
	address, id := web.EnrolAddress(s.Config.Issuer)
	link := mfa.EnrolLink{ID: id, Subject: user.Subject, Created: now, Expires: now.Add(24 * time.Hour)}
	if err := s.Store.SaveEnrolLink(t.Context(), link); err != nil {
		t.Fatalf("make a link: %v", err)
	}
	s.KeepSecret(address[len(s.Config.Issuer)+len("/enrol?token="):])
	return address
}

// ChangeClient changes a relying party, as an operator does.
func (s *Site) ChangeClient(t *testing.T, id string, change func(*provider.Client)) {
	t.Helper()
	c, err := s.Store.Client(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	was := c.Updated
	c.Updated = s.Clock.Now()
	if !c.Updated.After(was) {
		c.Updated = was.Add(time.Microsecond)
	}
	if change(&c); provider.CheckClient(c) != nil {
		t.Fatalf("client %s cannot be changed so: %v", id, provider.CheckClient(c))
	}
	if err := s.Store.UpdateClient(t.Context(), c, was); err != nil {
		t.Fatalf("change client %s: %v", id, err)
	}
}

// ExpireLinks ends the time of the user's links.
func (s *Site) ExpireLinks(t *testing.T, subject string) {
	t.Helper()
	now := s.Clock.Now()
	err := s.Store.SaveEnrolLink(t.Context(), mfa.EnrolLink{ID: []byte("newer than all"), Subject: subject, Created: now, Expires: now})
	if err != nil {
		t.Fatal(err)
	}
}

// Account is the user with that name.
func (s *Site) Account(t *testing.T, name string) account.Account {
	t.Helper()
	user, _, err := s.Store.AccountByName(t.Context(), name)
	if err != nil {
		t.Fatalf("user %s: %v", name, err)
	}
	return user
}

// Authenticators are the ids of the subject's authenticators.
func (s *Site) Authenticators(t *testing.T, subject string) (ids []string) {
	t.Helper()
	factors, err := s.Store.Factors(t.Context(), subject)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range factors.Authenticators {
		ids = append(ids, a.ID)
	}
	return ids
}

// Events are the user's events of a kind, or whosever if the subject is empty, the newest first.
func (s *Site) Events(t *testing.T, subject, kind string) []storage.Recorded {
	t.Helper()
	found, err := s.Store.AuditEvents(t.Context(), storage.AuditFilter{Subject: subject, Kind: kind}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

package servertest

import (
	"context"
	"testing"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/enrol"
	"vestibule/web/notice"
)

// Actor is who acts for operators in these tests.
const Actor = "cli:0"

// operatorReason is what operators say who reset something.
const operatorReason = "phoned from the number on file"

// OperatorLog records what an operator does, as a command does.
func (s *Site) OperatorLog() *audit.Log {
	return &audit.Log{Store: s.Store, Now: s.Clock.Now, Actor: Actor, Hooks: []audit.Hook{notice.Hook(s.Store), server.RevocationHook(s.Store)}}
}

// Operator acts on the site as an operator does, by the clock of the site and with its secret keys.
func (s *Site) Operator() *operator.Operator {
	s.T.Helper()
	o := operator.New(s.Store, s.OperatorLog(), Actor)
	o.MFA, o.Now = s.MFA(), s.Clock.Now
	o.Keys, o.Hasher = o.MFA.Keys, &account.Hasher{Memory: o.MFA.Memory, Passes: o.MFA.Passes}
	return o
}

// PlanReset plans a reset of the user's second factor by an operator, and returns its id.
func (s *Site) PlanReset(t *testing.T, user account.Account, delay time.Duration) (id string) {
	t.Helper()
	plan, err := s.Operator().PlanReset(t.Context(), user, operatorReason, delay)
	if err != nil {
		t.Fatal(err)
	}
	return plan.ID
}

// ResetFactors removes the user's second factor, as an operator does.
func (s *Site) ResetFactors(ctx context.Context, user account.Account) error {
	_, err := s.Operator().ResetFactors(ctx, user, operatorReason)
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
func (s *Site) EnrolLink(t *testing.T, name string) string {
	t.Helper()
	user := s.Account(t, name)
	address, id := enrol.NewLink(s.Config.Issuer)
	if _, err := s.Operator().IssueLink(t.Context(), user, id, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	s.KeepSecret(address[len(s.Config.Issuer)+len("/enrol?token="):])
	return address
}

// ChangeClient changes a relying party, as an operator does.
func (s *Site) ChangeClient(t *testing.T, id string, change func(*client.Client)) {
	t.Helper()
	if _, err := s.Operator().UpdateClient(t.Context(), id, change); err != nil {
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
func (s *Site) Events(t *testing.T, subject, kind string) []audit.Recorded {
	t.Helper()
	found, err := s.Store.AuditEvents(t.Context(), storage.AuditFilter{Subject: subject, Kind: kind}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

package operator

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
)

// A whole sign-in is in the log, in order, and the user sees it. No event holds what was typed.
func TestAuditOfSignIn(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.Begin()
		p := b.Open(v.Address).GiveName("ana", "not the password").At("login", "wrong").GiveName("ana", servertest.Password)
		wrong := c.Phone.Code(-20)
		v.Finish(p.At("totp", "initial").GiveCode(wrong).At("totp", "wrong").GiveCode(c.Phone.Code(0)).Allow())

		db := s.Store
		s.LinkAudit(t)
		var kinds []string
		err := db.EachAudit(t.Context(), func(r audit.Recorded) error {
			if r.Kind == audit.EventPasswordFailed {
				kinds = nil // what came before is the set-up
			}
			kinds = append(kinds, r.Kind)
			for _, typed := range []string{servertest.Password, "not the password", wrong, c.Phone.Code(0)} {
				if strings.Contains(fmt.Sprint(r.Client, r.Session, r.Address, r.Actor, r.Detail), typed) {
					t.Errorf("%s holds what was typed: %+v", r.Kind, r)
				}
			}
			if r.Request == "" && r.Actor == "" || r.Address == "" && r.Actor == "" {
				t.Errorf("%s has no request id or no address", r.Kind)
			}
			return nil
		})
		want := []string{
			audit.EventPasswordFailed, audit.EventPassword, audit.EventTOTPFailed, audit.EventTOTP,
			audit.EventSignedIn, audit.EventConsent, audit.EventAuthorized,
		}
		if err != nil || !slices.Equal(kinds, want) {
			t.Errorf("%v, %v\nwant %v", kinds, err, want)
		}
		if _, err := db.VerifyAudit(t.Context(), nil); err != nil {
			t.Error(err)
		}
		b.Open("/account").At("security", "on").Says("Signed in with the password and a code.")
		b.Open("/account/activity").At("activity", "initial").Says("A wrong password was given.").Says("was allowed to use the account")
	})
}

// Somebody holds the end of the chain: whoever signs in does not notice.
func TestSignInsDoNotWaitForTheChain(t *testing.T) {
	t.Parallel()
	database := servertest.PostgreSQL(t)
	s := servertest.New(t, database)
	c := servertest.NewEnrolled(t, s, 1)
	db := s.Store
	s.LinkAudit(t)
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	hold, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hold.Exec(t.Context(), `LOCK TABLE audit_chain`); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(servertest.Step)
	v := c.Begin()
	v.Finish(v.SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Code(0)).Allow())
	if err := hold.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.LinkAudit(t)
	if report, err := db.VerifyAudit(t.Context(), nil); err != nil || report.Waiting != 0 {
		t.Errorf("%+v, %v, want all linked", report, err)
	}
}

// While the database is away nothing can be recorded: then the log of the server says what was refused.
func TestRefusalsWithoutDatabase(t *testing.T) {
	t.Parallel()
	way, database := servertest.NewProxy(t, servertest.PostgreSQL(t))
	s := servertest.New(t, database)
	s.AddUser("ana")
	b := s.NewBrowser(t)
	c := s.NewClient(t, "shop")
	v := c.Begin()
	code := v.Code(v.SignIn(s.NewBrowser(t), "ana").Allow())
	p := b.Open(c.Begin().Address).At("login", "initial")
	form, values := p.Fill("Sign in", "username", "ana", "password", servertest.Password)
	way.Set(true)
	b.Post(form, values).At("error", "unavailable")
	b.Open("/account").At("login", "initial") // knows nobody, and need not ask
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {servertest.ReturnURI}, "code_verifier": {v.PKCE}}
	if a := s.Token(c, exchange); a.Status != http.StatusServiceUnavailable {
		t.Errorf("the token endpoint answers %+v, want 503", a)
	}
	way.Set(false)
	for _, want := range []string{
		"path=/login reference=", "event=auth.password.refused outcome=refused reason=unavailable",
		"path=/token", "event=token.refused outcome=refused reason=unavailable",
	} {
		if !strings.Contains(s.Log.String(), want) {
			t.Errorf("the log has no %q", want)
		}
	}
	if strings.Contains(s.Log.String(), "ana") {
		t.Error("the log names the user")
	}
}

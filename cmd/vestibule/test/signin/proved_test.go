package signin

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/assurance"
)

// given is a proof that the user has really given.
type given struct {
	method string
	at     time.Time
}

// prover is a user who can give some of the proofs and no others, in a browser whose session rests on proofs of chosen
// ages.
type prover struct {
	*truthUser
	subject string
	given   []given
}

func newProver(t *testing.T, s *servertest.Site, probe *servertest.Client) *prover {
	t.Helper()
	p := &prover{truthUser: newTruthUser(t, s, probe, "ana", truth{recovery: true, refuses: true})}
	user, _, err := s.Store.AccountByName(t.Context(), "ana")
	if err != nil {
		t.Fatal(err)
	}
	p.subject = user.Subject
	v := probe.Begin()
	v.Finish(v.SignIn(p.browser, "ana").GiveCode(p.phone.Code(0)))
	return p
}

// age gives the sessions the proofs that they would have if these had been given so long ago; 0: never.
func (p *prover) age(ages map[string]time.Duration) {
	p.t.Helper()
	sessions, err := p.site.Store.Sessions(p.t.Context(), p.subject)
	if err != nil || len(sessions) == 0 {
		p.t.Fatalf("sessions %+v, %v", sessions, err)
	}
	now := p.site.Clock.Now()
	var proofs []assurance.Authentication
	p.given = nil
	for method, age := range ages {
		if age > 0 {
			proof := assurance.Authentication{Method: method, Time: now.Add(-age)}
			if method == totp.Method { // a recovery code earns nothing that amr tells of
				proof.AMR = []string{totp.Method}
			}
			if method != assurance.MethodPassword {
				proof.Sealed = p.site.Prove(p.subject, proof.Time).Sealed()
			}
			proofs = append(proofs, proof)
			p.given = append(p.given, given{method, now.Add(-age)})
		}
	}
	for _, session := range sessions {
		session.Seen, session.Expires, session.Login.Authentications = now, now.Add(time.Hour), proofs
		if err := p.site.Store.SaveSession(p.t.Context(), session.ID, &session); err != nil {
			p.t.Fatal(err)
		}
	}
}

// restock makes new recovery codes when few are left.
func (p *prover) restock() {
	p.t.Helper()
	if len(p.codes) > 2 {
		return
	}
	service, ctx := p.site.MFA(), p.t.Context()
	view, err := service.BeginCodes(ctx, p.subject, "restock", p.site.Prove(p.subject, p.site.Clock.Now()))
	if err == nil {
		err = service.Activate(ctx, p.subject, "restock", func(context.Context, mfa.Proof) error { return nil })
	}
	if err != nil {
		p.t.Fatalf("make recovery codes: %v", err)
	}
	for _, code := range view.Codes {
		p.site.KeepSecret(code)
	}
	p.codes = view.Codes
}

// try walks a request as far as a user can who has the password and can give that besides, and notes what is given.
// nil: the user had to give up.
func (p *prover) try(v *servertest.Trip, can string) *servertest.Page {
	p.t.Helper()
	p.recovery = can == "recovery"
	at := p.browser.Open(v.Address)
	for pages := 0; at.Left == nil; pages++ {
		if pages > 10 || at.State == "wrong" {
			p.t.Fatalf("the pages lead nowhere, at last to %s in state %s", at.Name, at.State)
		}
		if at.Name == "totp" && can == "" {
			return nil
		}
		clear(p.proved)
		at = p.answer(at)
		for method, when := range p.proved {
			p.given = append(p.given, given{method, when})
		}
	}
	return at
}

// since reports whether method was really proved at that second or later.
func (p *prover) since(method string, seconds int64) bool {
	return slices.ContainsFunc(p.given, func(g given) bool { return g.method == method && g.at.Unix() >= seconds })
}

// request is what the address says, with what follows from it.
type request struct {
	parameters []string
	asked      time.Time
	maxAge     int // seconds; below 0: none
	level      string
	again      bool // prompt=login or max_age=0
}

// believes returns what an API would believe wrongly that relies on acr, amr and auth_time; empty: nothing.
func (p *prover) believes(c servertest.Claims, q request, recoveryCounts bool) string {
	second := p.since("otp", c.AuthTime) || recoveryCounts && p.since("recovery", c.AuthTime)
	told := func(method string) bool { return slices.Contains(c.AMR, method) }
	exact := slices.ContainsFunc(p.given, func(g given) bool { return g.at.Unix() == c.AuthTime })
	now := p.site.Clock.Now().Unix()
	switch {
	case !p.since("pwd", c.AuthTime):
		return "the password was given before auth_time"
	case told("otp") && !p.since("otp", c.AuthTime):
		return "the code was given before auth_time"
	case told("mfa") && !told("otp") && !p.since("recovery", c.AuthTime):
		return "the recovery code was given before auth_time"
	case c.ACR == "aal2" && !second:
		return "the second factor of aal2 was proved before auth_time"
	case c.ACR != "aal1" && c.ACR != "aal2", q.level == "aal2" && c.ACR != "aal2":
		return "acr is not what was essential"
	case q.again && c.AuthTime < q.asked.Unix():
		return "a proof is from before the request"
	case q.maxAge > 0 && c.AuthTime < q.asked.Unix() && now-c.AuthTime > int64(q.maxAge):
		return "a proof is older than max_age"
	case !exact:
		return "nothing was proved at auth_time"
	}
	return ""
}

// requests are all combinations of what the address can say about the sign-in.
func requests() []request {
	var all []request
	for _, maxAge := range []int{-1, 0, 60, 1200, 8000} {
		for _, prompt := range []string{"", "login", "none"} {
			for _, level := range []string{"", "preferred", "aal1", "aal2"} {
				for _, hint := range []bool{false, true} {
					q := request{maxAge: maxAge, again: maxAge == 0 || prompt == "login"}
					add := func(name, value string) { q.parameters = append(q.parameters, name, value) }
					if maxAge >= 0 {
						add("max_age", fmt.Sprint(maxAge))
					}
					if prompt != "" {
						add("prompt", prompt)
					}
					switch level {
					case "":
					case "preferred":
						add("acr_values", "aal2")
					default:
						q.level = level
						add("claims", servertest.Essential(level))
					}
					if hint {
						add("login_hint", "ana")
					}
					all = append(all, q)
				}
			}
		}
	}
	return all
}

// proofCase is a session, a user and a request.
type proofCase struct {
	ages map[string]time.Duration // of the session's proofs; 0: there is none
	can  string                   // what the user can give beside the password
	request
}

// proofCases are all combinations.
func proofCases() []proofCase {
	var all []proofCase
	ages := []time.Duration{0, 30 * time.Second, 10 * time.Minute, 2 * time.Hour}
	for _, password := range ages[1:] {
		for _, code := range ages {
			for _, recovery := range ages {
				for _, can := range []string{"", "otp", "recovery"} {
					for _, q := range requests() {
						all = append(all, proofCase{map[string]time.Duration{"pwd": password, "otp": code, "recovery": recovery}, can, q})
					}
				}
			}
		}
	}
	return all
}

// sampleOf is a prime, so that every sampleOf-th of all cases have all values of each.
const sampleOf = 53

// TestNoAddressTellsMoreThanWasProved has users who can give only some proofs walk through requests of every kind, in
// sessions whose proofs have ages of every kind: some hundreds of all combinations, others on each database and for each
// policy.
func TestNoAddressTellsMoreThanWasProved(t *testing.T) {
	t.Parallel()
	for i, counts := range []bool{true, false} {
		t.Run(fmt.Sprintf("recovery codes count %v", counts), func(t *testing.T) {
			servertest.EachWith(t, func(c *config.Config) { c.RecoveryCounts = counts }, func(t *testing.T, s *servertest.Site) {
				first := i
				if servertest.OnSQLite(s.Config.Database) {
					first += 2
				}
				walkSample(t, s, counts, first)
			})
		})
	}
}

// walkSample walks every sampleOf-th case.
func walkSample(t *testing.T, s *servertest.Site, counts bool, first int) {
	probe, c, api := s.NewClient(t, "probe"), s.NewClient(t, "shop"), s.NewInspector(t)
	c.For(api)
	p := newProver(t, s, probe)
	s.Clock.Advance(servertest.Step)
	v := c.Begin()
	hint, _ := v.Finish(p.try(v, "otp")).Token.Extra("id_token").(string)
	walked, answered := 0, 0
	for i, q := range proofCases() {
		if i%sampleOf != first*sampleOf/4 {
			continue
		}
		parameters := append([]string{"scope", "openid offline_access"}, q.parameters...)
		if walked++; walked%2 == 0 {
			parameters = append(parameters, "id_token_hint", hint)
		}
		s.Clock.Advance(servertest.Step)
		p.restock()
		p.age(q.ages)
		q.asked = s.Clock.Now()
		v := c.Begin(parameters...)
		at := p.try(v, q.can)
		if at == nil || at.Left.Query().Has("error") {
			continue
		}
		answered++
		got := v.Finish(at)
		api.Learns(t, got)
		if wrong := p.believes(got.Claims, q.request, counts); wrong != "" {
			t.Errorf("%s: %q by a user with the password and %q, in a session of %v: amr %q, acr %q, auth_time %v ago",
				wrong, q.parameters, q.can, q.ages, got.AMR, got.ACR, s.Clock.Now().Sub(time.Unix(got.AuthTime, 0)))
		}
	}
	if t.Logf("%d requests of %d were answered", answered, walked); walked < 300 || answered < walked/4 {
		t.Errorf("only %d of %d requests were answered", answered, walked)
	}
}

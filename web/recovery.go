package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"vestibule/mfa"
	"vestibule/provider"
)

type recoveryPage struct {
	frame
	Locked bool
	Until  shown
	None   bool // there is no code left that could be given
}

func (s *Server) recoveryPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := &recoveryPage{frame: frame{Page: "recovery", Title: "Enter a recovery code", Flow: field(r, "flow"), Who: v.mem.Label}}
	p.say(&v.mem)
	p.None = len(p.Faults) > 0 && p.Faults[0].ID == "recovery.none.left"
	until := v.mem.until("recovery", s.Now())
	if until.IsZero() {
		return s.render(w, http.StatusOK, "recovery", p)
	}
	p.Locked, p.State, p.Title, p.Faults = true, "locked", "Too many wrong recovery codes", nil
	p.Until = show(fault{ID: "wait.until", Args: s.wait(w, until)})
	return s.render(w, http.StatusTooManyRequests, "locked", p)
}

// recovery is a recovery code in place of the code from the authenticator.
func (s *Server) recovery(w http.ResponseWriter, r *http.Request, v *visit) error {
	code := cut(strings.TrimSpace(field(r, "recovery")), 128)
	if v.repeats(code, s.Now()) {
		return s.send(w, r, v, "/login/recovery")
	}
	var done *visit
	err := required(code)
	if err == nil {
		err = s.recoverInTurn(r.Context(), v.subject(), code, v.passwordAt(), func(ctx context.Context, p mfa.Proof, left int) error {
			done = v.clone()
			done.mem.Won = v.sum(code)
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			done.mem.Used, done.mem.Codes = &left, false
			if err := s.recordProof(ctx, done.event(r, "", ""), p, map[string]string{"left": strconv.Itoa(left)}); err != nil {
				return err
			}
			if err := s.forgetRemembered(ctx, v.subject()); err != nil {
				return err
			}
			return s.settle(ctx, r, done)
		})
	}
	if err == nil {
		return s.settled(w, r, done)
	}
	return s.codeFault(w, r, v, recoveryForm, code, err)
}

type usedPage struct {
	frame
	Client string
	Left   int
	Notice shown
	Low    bool
	Must   bool // the policy lets nobody go on without new codes
	Short  bool // the client does not take a recovery code, so that a set-up is next
	Mailed bool // the user has been told by mail too
}

// usedPage tells what using a recovery code means. It is always shown once. By policy it also holds up whoever has
// none left, or used one in a sign-in that was given up.
func (s *Server) usedPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	left := v.left
	if v.mem.Used != nil {
		left = *v.mem.Used
	}
	p := &usedPage{
		frame:  frame{Page: "recovery-used", Title: "You used a recovery code", Flow: field(r, "flow"), Who: v.mem.Label},
		Client: v.ix.ClientName, Left: left, Low: left <= lowCodes, Must: s.Policy.NewCodes,
		Short:  !v.ix.Login.Reaches(v.ix.Demand, s.Now()),
		Notice: show(fault{ID: "recovery.used.notice", Args: values{"n": strconv.Itoa(left)}}),
	}
	if !v.ix.Login.Has(provider.MethodRecovery) {
		p.Title = "Make new recovery codes"
	}
	if p.Left == 0 {
		p.Notice = show(fault{ID: "recovery.none.left"})
	}
	p.Mailed = s.Mail && v.mem.Used != nil
	p.say(&v.mem)
	return s.render(w, http.StatusOK, "used", p)
}

// used goes on, or first to what the user wants to set up.
func (s *Server) used(w http.ResponseWriter, r *http.Request, v *visit) error {
	v.mem.calm()
	switch field(r, "action") {
	case "setup":
		v.mem.Wish = wishAuthenticator
	case "codes":
		v.mem.Wish = wishCodes
	default:
		if s.Policy.NewCodes {
			v.mem.blame("recovery-used", fault{ID: "codes.required"})
			return s.store(w, r, v, "/login/recovery/used")
		}
		v.mem.Used = nil
	}
	return s.advance(w, r, v)
}

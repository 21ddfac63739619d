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
	Until  rendered
	None   bool // there is no code left that could be given
}

func (s *Server) recoveryPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &recoveryPage{frame: frame{Page: "recovery", Title: "Enter a recovery code", Flow: field(r, "flow"), Who: fl.state.AccountLabel}}
	p.setMessages(&fl.state)
	p.None = len(p.Errors) > 0 && p.Errors[0].ID == "recovery.none.left"
	until := fl.state.lockedUntil("recovery", s.Now())
	if until.IsZero() {
		return s.render(w, http.StatusOK, "recovery", p)
	}
	p.Locked, p.State, p.Title, p.Errors = true, "locked", "Too many wrong recovery codes", nil
	p.Until = renderMessage(message{ID: "wait.until", Args: s.wait(w, until)})
	return s.render(w, http.StatusTooManyRequests, "locked", p)
}

// postRecovery is a recovery code in place of the code from the authenticator.
func (s *Server) postRecovery(w http.ResponseWriter, r *http.Request, fl *flow) error {
	code := cut(strings.TrimSpace(field(r, "recovery")), 128)
	if fl.isRejectedCode(code, s.Now()) {
		return s.redirectTo(w, r, fl, "/login/recovery")
	}
	var done *flow
	err := required(code)
	if err == nil {
		err = s.recoverInTurn(r.Context(), fl.subject(), code, fl.passwordAt(), func(ctx context.Context, p mfa.Proof, left int) error {
			done = fl.clone()
			done.state.AcceptedCode = fl.codeDigest(code)
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			done.state.CodesLeft, done.state.CodesRenewed = &left, false
			if err := s.recordProof(ctx, done.event(r, "", ""), p, map[string]string{"left": strconv.Itoa(left)}); err != nil {
				return err
			}
			if err := s.forgetRemembered(ctx, fl.subject()); err != nil {
				return err
			}
			return s.commitProof(ctx, r, done)
		})
	}
	if err == nil {
		return s.redirectAfterProof(w, r, done)
	}
	return s.codeFault(w, r, fl, recoveryForm, code, err)
}

type usedPage struct {
	frame
	Client string
	Left   int
	Notice rendered
	Low    bool
	Must   bool // the policy lets nobody go on without new codes
	Short  bool // the client does not take a recovery code, so that a set-up is next
	Mailed bool // the user has been told by mail too
}

// usedPage tells what using a recovery code means. It is always shown once. By policy it also holds up whoever has
// none left, or used one in a sign-in that was given up.
func (s *Server) usedPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	left := fl.codesLeft
	if fl.state.CodesLeft != nil {
		left = *fl.state.CodesLeft
	}
	p := &usedPage{
		frame:  frame{Page: "recovery-used", Title: "You used a recovery code", Flow: field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, Left: left, Low: left <= lowCodes, Must: s.Policy.NewCodes,
		Short:  !fl.ix.Login.Reaches(fl.ix.Demand, s.Now()),
		Notice: renderMessage(message{ID: "recovery.used.notice", Args: values{"n": strconv.Itoa(left)}}),
	}
	if !fl.ix.Login.Has(provider.MethodRecovery) {
		p.Title = "Make new recovery codes"
	}
	if p.Left == 0 {
		p.Notice = renderMessage(message{ID: "recovery.none.left"})
	}
	p.Mailed = s.Mail && fl.state.CodesLeft != nil
	p.setMessages(&fl.state)
	return s.render(w, http.StatusOK, "used", p)
}

// postUsed goes on, or first to what the user wants to set up.
func (s *Server) postUsed(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	switch field(r, "action") {
	case "setup":
		fl.state.SetupRequested = setupAuthenticator
	case "codes":
		fl.state.SetupRequested = setupCodes
	default:
		if s.Policy.NewCodes {
			fl.state.setErrors("recovery-used", message{ID: "codes.required"})
			return s.saveAndShow(w, r, fl, "/login/recovery/used")
		}
		fl.state.CodesLeft = nil
	}
	return s.commitForm(w, r, fl)
}

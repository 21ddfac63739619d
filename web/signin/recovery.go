package signin

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"vestibule/mfa"
	"vestibule/provider/assurance"
	"vestibule/web/enrol"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

type recoveryPage struct {
	ui.Frame
	None   bool      // there is no code left that could be given
	Others []ui.Kind // that the user may give an answer of instead
}

func (s factorPages) recoveryPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	if until := fl.state.lockedUntil("recovery", s.Now()); !until.IsZero() {
		return s.locked(w, r, fl, verify.Recovery, until)
	}
	p := &recoveryPage{
		Frame:  ui.Frame{Page: "recovery", Title: ui.Say("recovery.title"), Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Others: s.proofKinds(fl),
	}
	p.Say(fl.state.said())
	p.None = len(p.Errors) > 0 && p.Errors[0].ID == "recovery.none.left"
	return s.Render(w, r, http.StatusOK, "recovery", p)
}

// postRecovery is a recovery code in place of the code from the authenticator.
func (s factorPages) postRecovery(w http.ResponseWriter, r *http.Request, fl *flow) error {
	code := ui.Cut(strings.TrimSpace(ui.Field(r, "recovery")), 128)
	if fl.isRejectedCode(code, s.Now()) {
		return s.redirectTo(w, r, fl, "/login/recovery")
	}
	var done *flow
	err := verify.Required(code)
	if err == nil {
		err = s.Codes.Recover(r.Context(), fl.subject(), code, fl.passwordAt(), func(ctx context.Context, p mfa.Proof, left int) error {
			done = fl.clone()
			done.state.AcceptedCode = fl.codeDigest(code)
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			done.state.CodesLeft, done.state.CodesRenewed = &left, false
			if err := s.Journal.Record(ctx, verify.Proved(done.event(r, "", ""), p, map[string]string{"left": strconv.Itoa(left)})); err != nil {
				return err
			}
			if err := s.Remembered.ForgetAll(ctx, fl.subject()); err != nil {
				return err
			}
			return s.commitProof(ctx, r, done)
		})
	}
	if err == nil {
		return s.redirectAfterProof(w, r, done)
	}
	return s.codeFault(w, r, fl, verify.Recovery, code, err)
}

type usedPage struct {
	ui.Frame
	Client string
	Left   int
	Notice ui.Rendered
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
		Frame:  ui.Frame{Page: "recovery-used", Title: ui.Say("used.title"), Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, Left: left, Low: left <= enrol.LowCodes, Must: s.Policy.NewCodes,
		Short:  !fl.ix.Login.Reaches(fl.ix.Required(), s.Now()),
		Notice: ui.Message{ID: "recovery.used.notice", Args: ui.Values{"n": strconv.Itoa(left)}}.Rendered(),
	}
	if !fl.ix.Login.Has(assurance.MethodRecovery) {
		p.Title = ui.Say("used.title.codes")
	}
	if p.Left == 0 {
		p.Notice = ui.Message{ID: "recovery.none.left"}.Rendered()
	}
	p.Mailed = s.Mail && fl.state.CodesLeft != nil
	p.Say(fl.state.said())
	return s.Render(w, r, http.StatusOK, "used", p)
}

// postUsed goes on, or first to what the user wants to set up.
func (s *Server) postUsed(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	switch ui.Field(r, "action") {
	case "setup":
		fl.state.SetupRequested = setupAuthenticator
	case "codes":
		fl.state.SetupRequested = setupCodes
	default:
		if s.Policy.NewCodes {
			fl.state.SetErrors("recovery-used", ui.Message{ID: "codes.required"})
			return s.saveAndShow(w, r, fl, "/login/recovery/used")
		}
		fl.state.CodesLeft = nil
	}
	return s.commitForm(w, r, fl)
}

// lostDevicePage is the help for whoever cannot give a code. It needs no sign-in.
func (s *Server) lostDevicePage(w http.ResponseWriter, r *http.Request) error {
	return s.ShowPlain(w, r, "lost-device", "lost.title")
}

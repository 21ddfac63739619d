package account

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"vestibule/mfa"
	accounts "vestibule/provider/account"
	"vestibule/web/enrol"
	"vestibule/web/ui"
)

type securityPage struct {
	ui.Frame
	On         bool
	Since      time.Time
	Apps       []mfa.Info
	CodesLeft  int
	CodesTotal int
	CodesMade  time.Time
	Low        *ui.Rendered // too few recovery codes, or none
	Devices    []rememberedView
	Others     int          // live sessions of the user in other browsers
	Keep       *ui.Rendered // the policy does not let the user remove the only authenticator
	Obliged    time.Time    // from when on the user needs two-step verification; zero: does not, or has it
	Pending    *ui.Rendered // a set-up was begun and not finished
	Operator   *operatorView
	Recent     []activityLine
}

func (s *Server) securityPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	p := &securityPage{
		Frame: ui.Frame{Page: "security", Title: ui.Say("security.title"), Account: true, Who: m.account.Label()},
		On:    len(status.Authenticators) > 0, Apps: status.Authenticators,
		CodesLeft: status.CodesLeft, CodesTotal: status.CodesTotal, CodesMade: status.CodesMade,
	}
	if p.On {
		p.Since = status.Authenticators[0].Created
		p.Low = low(status.CodesLeft)
		p.Keep = s.keep(m.account, len(p.Apps))
	}
	if p.Pending, err = s.unfinished(r.Context(), m, p.On); err != nil {
		return err
	}
	if p.Operator, err = s.operator(r.Context(), m.account.Subject, p.On); err != nil {
		return err
	}
	if p.Devices, err = s.rememberedBrowsers(r, m); err != nil {
		return err
	}
	if p.Others, err = s.Sessions.Others(r.Context(), &m.session); err != nil {
		return err
	}
	if p.Recent, err = s.recent(r.Context(), m.account.Subject); err != nil {
		return err
	}
	if want := s.Policy.For(m.account.Groups, mfa.App{}, s.Now()); !p.On && !want.From.IsZero() && !s.Policy.ReportOnly {
		p.Obliged = want.From
	}
	p.Say(m.said)
	if p.State = "off"; p.On {
		p.State = "on"
	}
	return s.Render(w, r, http.StatusOK, "security", p)
}

// keep says why a user who has so many authenticators cannot remove one; nil: the user can.
func (s *Server) keep(a accounts.Account, apps int) *ui.Rendered {
	if apps > 1 || !s.mustKeep(a) {
		return nil
	}
	return new(ui.Message{ID: "last.factor"}.Rendered())
}

func low(left int) *ui.Rendered {
	switch {
	case left == 0:
		return new(ui.Message{ID: "recovery.none"}.Rendered())
	case left <= enrol.LowCodes:
		return new(ui.Message{ID: "recovery.low", Args: ui.Values{"n": strconv.Itoa(left)}}.Rendered())
	}
	return nil
}

func (s *Server) unfinished(ctx context.Context, m *signedIn, on bool) (*ui.Rendered, error) {
	_, err := s.MFA.Pending(ctx, m.owner("account"), m.account.Subject)
	switch {
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired):
		return nil, nil
	case err != nil:
		return nil, err
	case on:
		return new(ui.Message{ID: "enrol.unfinished.add"}.Rendered()), nil
	}
	return new(ui.Message{ID: "enrol.unfinished"}.Rendered()), nil
}

// mustKeep reports whether the user may not be without an authenticator. What single clients ask is no reason: at
// those the user sets up a new one.
func (s *Server) mustKeep(a accounts.Account) bool {
	return !s.Policy.ReportOnly && s.Policy.For(a.Groups, mfa.App{}, s.Now()).Must
}

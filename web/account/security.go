package account

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"vestibule/mfa"
	accounts "vestibule/provider/account"
	"vestibule/provider/interaction"
	"vestibule/web/enrol"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

type securityPage struct {
	ui.Frame
	On          bool
	Since       time.Time
	Apps        []appView
	Only        ui.Kind   // of all the authenticators; empty: they are of several
	Kinds       []ui.Kind // that the user may add
	PasswordSet time.Time // zero: not known
	CodesLeft   int
	CodesTotal  int
	CodesMade   time.Time
	Low         *ui.Rendered // too few recovery codes, or none
	Devices     []rememberedView
	Others      []interaction.Session // of the user in other browsers
	Keep        *ui.Rendered          // why the policy does not let the user remove some of them
	Coming      []mfa.Duty            // what the policy will ask of the user, who does not have it
	Pending     *ui.Rendered          // a set-up was begun and not finished
	Finish      string                // address of its page
	Operator    *operatorView
	Recent      []activityLine
}

// Many reports whether the other browsers are folded.
func (p *securityPage) Many() bool { return len(p.Others) > inSight }

func (s *Server) securityPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	p := &securityPage{
		Frame:       ui.Frame{Page: "security", Title: ui.Say("security.title"), Account: true, Who: m.account.Label()},
		PasswordSet: m.account.PasswordSet,
		On:          len(status.Authenticators) > 0, Kinds: s.kinds(),
		CodesLeft: status.CodesLeft, CodesTotal: status.CodesTotal, CodesMade: status.CodesMade,
	}
	p.Apps, p.Only = s.apps(status.Authenticators)
	if p.On {
		p.Since = status.Authenticators[0].Created
		p.Low = low(status.CodesLeft)
		p.Keep = s.keep(m.account, status.Authenticators, p.Apps)
	}
	if p.Pending, p.Finish, err = s.unfinished(r.Context(), m, p.On); err != nil {
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
	p.Coming = s.coming(m.account, status.Authenticators)
	p.Say(m.said)
	if p.State = "off"; p.On {
		p.State = "on"
	}
	return s.Render(w, r, http.StatusOK, "security", p)
}

// coming is what the policy will ask of a user with these authenticators.
func (s *Server) coming(a accounts.Account, has []mfa.Info) []mfa.Duty {
	if s.Policy.ReportOnly {
		return nil
	}
	return s.Policy.For(a.Groups, mfa.App{}, s.Now()).Ahead(mfa.Best(s.MFA.Kinds, kindNames(has)))
}

func kindNames(all []mfa.Info) []string {
	var names []string
	for _, a := range all {
		names = append(names, a.Kind)
	}
	return names
}

// keep marks the authenticators that the user must not remove, and says why; nil: all may go.
func (s *Server) keep(a accounts.Account, all []mfa.Info, views []appView) (why *ui.Rendered) {
	for i := range views {
		if msg := s.mustKeep(a, all, views[i].ID); msg != nil {
			views[i].Keep, why = true, new(msg.Rendered())
		}
	}
	return why
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

// unfinished is what is said of a set-up under way, and where it goes on.
func (s *Server) unfinished(ctx context.Context, m *signedIn, on bool) (*ui.Rendered, string, error) {
	pending, err := s.MFA.Pending(ctx, m.owner("account"), m.account.Subject)
	switch {
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired), errors.Is(err, mfa.ErrNoKind):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	}
	id := "enrol.unfinished"
	if on {
		id = "enrol.unfinished.add"
	}
	return new(ui.Message{ID: id}.Rendered()), kindEnrolPath(pending.Kind), nil
}

// appView is an authenticator on the page.
type appView struct {
	mfa.Info
	Of   ui.Kind // empty: all are of one
	Keep bool    // the policy does not let the user remove it
}

// apps returns the views, and the kind if all are of one.
func (s *Server) apps(all []mfa.Info) (views []appView, only ui.Kind) {
	several := false
	for i, a := range all {
		several = several || i > 0 && a.Kind != all[0].Kind
		views = append(views, appView{Info: a, Of: s.kindOf(a.Kind)})
	}
	if several || len(all) == 0 {
		return views, ui.Kind{}
	}
	for i := range views {
		views[i].Of = ui.Kind{}
	}
	return views, s.kindOf(all[0].Kind)
}

// kindOf is the kind of that name, which nobody need know any more.
func (s *Server) kindOf(name string) ui.Kind {
	if names, ok := s.MFA.NamesOf(name); ok {
		return verify.KindOf(names)
	}
	return ui.Kind{Name: name, Label: name}
}

// kinds are those that the user may set up.
func (s *Server) kinds() []ui.Kind {
	var kinds []ui.Kind
	for _, names := range s.MFA.Names() {
		kinds = append(kinds, verify.KindOf(names))
	}
	return kinds
}

// mustKeep says why a user with these authenticators may not be without one of them; nil: the user may. What single clients
// ask is no reason: at those the user sets up a new one.
func (s *Server) mustKeep(a accounts.Account, all []mfa.Info, id string) *ui.Message {
	if s.Policy.ReportOnly {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(all), func(a mfa.Info) bool { return a.ID == id })
	has, left := mfa.Best(s.MFA.Kinds, kindNames(all)), mfa.Best(s.MFA.Kinds, kindNames(others))
	want := s.Policy.For(a.Groups, mfa.App{}, s.Now())
	switch {
	case !want.Keeps(has, left):
		return nil
	case want.Must == mfa.PhishingResistant && has == want.Must:
		return &ui.Message{ID: "last.resistant"}
	}
	return &ui.Message{ID: "last.factor"}
}

package account

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"vestibule/mfa"
	accounts "vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// PasswordStore is what the commit of a new password asks of the store.
type PasswordStore interface {
	// RequireNoFactor has the commit of ctx, which has changed the account by then, rest on the subject's having no second factor:
	// mfa.ErrChanged, and nothing of the commit, if there is one.
	RequireNoFactor(ctx context.Context, subject string) error
	// EndAllElse ends all that the subject has open but the session with that sid: other sessions, sign-ins under way, codes and
	// tokens, remembered browsers, set-ups and links. With spareOffline, clients with offline_access keep their tokens. The
	// account comes into the epoch that is returned, and the session's login has to follow in the same commit.
	// account.ErrPassword if the account is disabled or in another epoch by now.
	EndAllElse(ctx context.Context, subject string, epoch int64, sid string, spareOffline bool) (next int64, err error)
}

type passwordPage struct {
	ui.Frame
	Username   string
	Replaces   string // see replaces
	Least      int    // characters of a new one
	Remembered bool   // the user has browsers that are not asked for a second step
	Asks       bool   // whether apps may go on: their tokens are here
	Spare      bool   // they may, as the user has said
}

// passwordPage asks for the password that the user has, and for another.
func (s *Server) passwordPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	p := &passwordPage{
		Frame:    ui.Frame{Page: "password", Title: ui.Say("password.title"), Account: true, Who: m.account.Label()},
		Username: m.account.Username, Replaces: replaces(m.account), Least: s.Changer.LeastLength(), Asks: !s.TokensElsewhere, Spare: m.said.Values["apps"] == appsKept,
	}
	browsers, err := s.rememberedBrowsers(r, m)
	if err != nil {
		return err
	}
	p.Remembered = len(browsers) > 0
	if said := m.said.Values["replaces"]; said == "" || said == p.Replaces { // else the fault was mended since
		p.Say(m.said)
		p.Summarize()
	}
	return s.Render(w, r, http.StatusOK, "password", p)
}

// replaces says in a form which password of whom it is to replace. The form of one that was replaced since, as it comes by the Back
// button, or of another user of this browser would else be a guess.
func replaces(a accounts.Account) string {
	at := int64(0) // not known
	if !a.PasswordSet.IsZero() {
		at = a.PasswordSet.UnixMicro()
	}
	return strconv.FormatInt(at, 36) + "." + a.Username
}

// What becomes of apps that have access while their user is away, in forms and in the log.
const (
	appsEnded = "ended"
	appsKept  = "kept"
)

// newPassword is what the form asks for.
type newPassword struct {
	current, wanted string
	apps            string // appsEnded or appsKept
}

// newPassword reads the form. What is elsewhere can only be ended as a whole.
func (s *Server) newPassword(r *http.Request) newPassword {
	n := newPassword{ui.Field(r, "password"), ui.Field(r, "new-password"), appsEnded}
	if !s.TokensElsewhere && ui.Field(r, "apps") != appsEnded {
		n.apps = appsKept
	}
	return n
}

// postPassword changes the password. All else that the user has open ends in the same commit, and the session is given a new id.
func (s *Server) postPassword(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	form := s.newPassword(r)
	if ui.Field(r, "replaces") != replaces(m.account) {
		return s.Answers.NoteUnlessBefore(w, r, securityPath, "password.replaced", nil)
	}
	faults, err := s.passwordFaults(m, form)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return s.passwordFault(w, r, m, form, faults...)
	}
	msg, err := s.checkOwnPassword(r, m, form.current)
	switch {
	case err != nil:
		return err
	case msg != nil:
		return s.passwordFault(w, r, m, form, *msg)
	}
	hash, err := s.Changer.HashPassword(r.Context(), form.wanted)
	if err != nil {
		return err
	}
	var done browser.Response
	e := m.event(r, audit.EventPasswordChanged, assurance.MethodPassword)
	e.Detail["apps"] = form.apps
	err = s.Journal.RecordWith(r.Context(), []audit.Event{e}, func(ctx context.Context) (err error) {
		done, err = s.changePassword(ctx, r, m, hash, form)
		return err
	})
	switch {
	case err == nil:
		return s.Answers.Respond(w, r, done)
	case browser.LoginIsOver(err), errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound), errors.Is(err, mfa.ErrChanged):
		return s.Answers.NoteUnlessBefore(w, r, securityPath, "enrol.changed", nil)
	}
	return err
}

// changePassword runs in one commit. That the password was right a moment ago is held by the epoch, which every change of it raises.
func (s *Server) changePassword(ctx context.Context, r *http.Request, m *signedIn, hash string, form newPassword) (browser.Response, error) {
	login := m.session.Login.Clone()
	login.Renew(s.Now())
	if err := s.Changer.SetPassword(ctx, m.account.Subject, hash, s.Now()); err != nil {
		return browser.Response{}, err
	}
	if m.single {
		if err := s.PasswordStore.RequireNoFactor(ctx, m.account.Subject); err != nil {
			return browser.Response{}, err
		}
	}
	note := ui.Message{ID: "password.changed"}
	if form.apps == appsKept {
		note.ID = "password.changed.apps_kept"
	}
	return s.renewAfter(ctx, r, m, login, browser.Response{Note: &note}, func(epoch int64) (int64, error) {
		return s.PasswordStore.EndAllElse(ctx, login.Subject, epoch, login.Session, form.apps == appsKept)
	})
}

// passwordFaults is what is wrong with the form before anything is compared.
func (s *Server) passwordFaults(m *signedIn, form newPassword) (faults []ui.Message, err error) {
	if form.current == "" {
		faults = append(faults, ui.Message{ID: "password.current.required", Field: "password"})
	}
	switch {
	case form.wanted == "":
		faults = append(faults, ui.Message{ID: "password.new.required", Field: "new-password"})
	case accounts.NormalPassword(form.wanted) == accounts.NormalPassword(form.current):
		faults = append(faults, ui.Message{ID: "password.new.same", Field: "new-password"})
	default:
		if refused := s.Changer.CheckPassword(m.account, form.wanted); refused != nil {
			msg, ok := s.weak(refused)
			if !ok {
				return nil, refused
			}
			faults = append(faults, msg)
		}
	}
	return faults, nil
}

// weak is what is said of a password that is refused. Not ok: the error is about something else.
func (s *Server) weak(err error) (msg ui.Message, ok bool) {
	msg.Field = "new-password"
	switch {
	case errors.Is(err, accounts.ErrPasswordEncoding):
		msg.ID = "password.new.encoding"
	case errors.Is(err, accounts.ErrPasswordShort):
		msg.ID, msg.Args = "password.new.short", ui.Values{"n": strconv.Itoa(s.Changer.LeastLength())}
	case errors.Is(err, accounts.ErrPasswordLong):
		msg.ID = "password.new.long"
	case errors.Is(err, accounts.ErrPasswordCommon):
		msg.ID = "password.new.common"
	case errors.Is(err, accounts.ErrPasswordRepeats):
		msg.ID = "password.new.repeats"
	case errors.Is(err, accounts.ErrPasswordPersonal):
		msg.ID = "password.new.personal"
	}
	return msg, msg.ID != ""
}

// passwordFault shows the form again, with what the user has chosen in it and without passwords.
func (s *Server) passwordFault(w http.ResponseWriter, r *http.Request, m *signedIn, form newPassword, faults ...ui.Message) error {
	said := ui.Fault("password", faults...)
	said.Values = map[string]string{"apps": form.apps, "replaces": replaces(m.account)}
	return s.Answers.Flash(w, r, passwordPath, said)
}

package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

type factorPage struct {
	ui.Frame
	Kind      ui.Kind
	View      any    // what the kind shows of its challenge
	Challenge string // which one the form answers; empty: the kind has none
	Username  string
	Sudo      bool
	Remember  time.Duration // for how long this browser may be remembered; 0: it is not offered
	Ticked    bool
	Wrong     int       // answers in this sign-in that were wrong
	Others    []ui.Kind // that the user may give an answer of instead
	Strongest bool      // weaker ones of the user's would not do, since this changes the factors
	Now       time.Time
}

// lockedPage is for a form that takes nothing for a while.
type lockedPage struct {
	ui.Frame
	Until  ui.Rendered
	Others []ui.Kind
}

// factorPages are those that ask for a second factor.
type factorPages struct{ *Server }

// factorHandler answers a request about a kind of authenticator that the user has.
type factorHandler func(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error

// on runs a handler for the kind that the address names, when an answer is owed. One that nobody knows has no page,
// and one that the user has not leads to one that the user has.
func (s factorPages) on(h factorHandler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		names, ok := s.MFA.NamesOf(r.PathValue("kind"))
		if !ok {
			return ui.ErrNotFound
		}
		return s.Server.on(stepFactor, func(w http.ResponseWriter, r *http.Request, fl *flow) error {
			form := verify.FormOf(names)
			if !slices.Contains(s.proofKinds(fl), form.Kind) {
				return s.redirectToStep(w, r, fl, stepFactor)
			}
			return h(w, r, fl, form)
		})(w, r)
	}
}

// page asks for an answer of an authenticator.
func (s factorPages) page(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error {
	if until := fl.state.lockedUntil(form.Name, s.Now()); !until.IsZero() {
		return s.locked(w, r, fl, form, until)
	}
	view, id, err := s.challenge(r.Context(), fl, form.Name)
	switch {
	case errors.Is(err, mfa.ErrNotEnrolled):
		return s.kindRemoved(w, r, fl)
	case errors.Is(err, store.ErrConflict):
		return s.redirectAfterConflict(w, r, fl)
	case err != nil:
		return err
	}
	flow := ui.Field(r, "flow")
	if id != "" { // the row has the challenge now: another server may remember an older one
		if flow, err = s.flowValue(fl); err != nil {
			return err
		}
	}
	p := &factorPage{
		Frame: ui.Frame{Page: form.Name, Flow: flow, Who: fl.state.AccountLabel},
		Kind:  form.Kind, View: view, Challenge: id, Others: s.otherKinds(fl, form.Name),
		Username: fl.state.Username, Sudo: fl.state.Reauth, Wrong: fl.state.WrongCodes, Now: s.Now(), Strongest: s.onlyStrongest(fl),
	}
	if s.mayRemember(fl) {
		p.Remember, p.Ticked = s.Remembered.For, fl.state.Values["remember"] != ""
	}
	p.Say(fl.state.said())
	s.linkToRecovery(p)
	return s.Render(w, r, http.StatusOK, "factor-"+form.Name, p)
}

// kindRemoved is for the page of a kind that was removed meanwhile. It leads to another of the user's. A page opens no
// session: who has no other kind begins at the password again.
func (s factorPages) kindRemoved(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.Kinds = nil
	owed, err := s.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case owed != stepFactor:
		return s.restartAtPassword(w, r, fl)
	}
	return s.saveAndShow(w, r, fl, s.pathOf(fl, owed))
}

// challenge returns what the page shows. What a challenge must be remembered by stays in the sign-in, under an id; a kind
// that needs no challenge has none.
func (s *flows) challenge(ctx context.Context, fl *flow, kind string) (view any, id string, err error) {
	view, ok, err := s.MFA.ChallengeOpen(kind, fl.state.params())
	if ok || err != nil {
		return view, "", err
	}
	state, view, err := s.MFA.Challenge(ctx, fl.subject(), fl.owner(), kind)
	if state == nil || err != nil {
		return view, "", err
	}
	c := challenge{ID: rand.Text(), Kind: kind, State: state}
	fl.state.addChallenge(c)
	return view, c.ID, s.save(ctx, fl)
}

func (s factorPages) locked(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form, until time.Time) error {
	return s.Render(w, r, http.StatusTooManyRequests, "locked", &lockedPage{
		Frame:  ui.Frame{Page: form.Name, State: "locked", Title: s.Of(form.Kind, nil, "title.locked"), Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Until:  ui.Message{ID: "wait.until", Args: ui.Wait(w, until, s.Now())}.Rendered(),
		Others: s.otherKinds(fl, form.Name),
	})
}

// linkToRecovery makes the second sentence of looks.recovery a link.
func (s *flows) linkToRecovery(p *factorPage) {
	for i, f := range p.Errors {
		if strings.HasSuffix(f.ID, ".looks.recovery") {
			p.Errors[i].Href, p.Errors[i].Link = s.Prefix+"/login/recovery?flow="+p.Flow, s.Of(p.Kind, nil, "looks.recovery.link")
		}
	}
}

// post is the answer of an authenticator. What it uses up, what it proves and the session that this opens are one
// commit, and with it all challenges of the sign-in are over.
func (s factorPages) post(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error {
	given := verify.Read(r, form)
	if fl.isRejectedCode(given.Key(), s.Now()) {
		return s.redirectTo(w, r, fl, factorPath(form.Name))
	}
	given.Owner, given.State = fl.owner(), fl.state.challengeState(form.Name, ui.Field(r, "challenge"))
	var done *flow
	err := given.Missing(form)
	if err == nil {
		ctx := r.Context()
		if fl.mustLookUpConsent() {
			ctx, fl.granted = s.Consent.GrantAlong(ctx, fl.subject(), fl.client())
		}
		err = s.MFA.Verify(ctx, fl.subject(), given.Answer, fl.passwordAt(), func(ctx context.Context, p mfa.Proof) error {
			done = fl.clone()
			done.state.AcceptedCode = fl.codeDigest(given.Key())
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			if err := s.Journal.Record(ctx, verify.Proved(done.event(r, "", ""), p, nil)); err != nil {
				return err
			}
			if err := s.rememberBrowser(ctx, r, done); err != nil {
				return err
			}
			return s.commitProof(ctx, r, done)
		})
	}
	if err == nil {
		return s.redirectAfterProof(w, r, done)
	}
	fl.state.Values = map[string]string{"remember": ui.Field(r, "remember")}
	return s.codeFault(w, r, fl, form, given.Key(), err)
}

// codeFault answers a code that was not accepted, which key tells from others. Each that was compared and refused is
// recorded, and with it its challenge is over.
func (s factorPages) codeFault(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form, key string, err error) error {
	var failed *mfa.Failed
	var locked *mfa.Locked
	var stale *mfa.Stale
	switch {
	case errors.As(err, &stale):
		fl.state.clearMessages()
		fl.state.lock(form.Name, stale.Unlocked)
		return s.saveAndShow(w, r, fl, "/login")
	case browser.LoginIsOver(err):
		return s.restartAtPassword(w, r, fl)
	case errors.Is(err, store.ErrConflict):
		return s.lateCode(w, r, fl, form)
	case errors.Is(err, mfa.ErrUsed), form == verify.Recovery && errors.Is(err, mfa.ErrCode): // perhaps by the first of two clicks
		row, gone := s.reload(whole(r), fl)
		if gone == nil && row.ix.Version == fl.ix.Version {
			break
		}
		return s.usedCode(w, r, fl, row, gone, form, key, err)
	case errors.Is(err, mfa.ErrNotEnrolled) && form != verify.Recovery: // removed meanwhile, or by an operator
		return s.withoutCode(w, r, fl)
	case errors.As(err, &locked) && !locked.Disabled:
		fl.state.lock(form.Name, locked.Until)
	}
	msg, ok := s.Codes.Message(form, err)
	if !ok {
		return err
	}
	if errors.As(err, &failed) {
		fl.state.dropChallenge(ui.Field(r, "challenge"))
	}
	if failed != nil && locked == nil && form != verify.Recovery {
		fl.state.WrongCodes++
	}
	fl.state.SetErrors(form.Name, msg)
	if locked == nil { // during a lock nobody has looked at the code, which may be a good one
		fl.state.RejectedCode = fl.rejectedCode(key, s.Now())
	}
	if e, ok := verify.Refused(fl.event(r, "", form.Method), err); ok {
		return s.saveAndShow(w, r, fl, factorPath(form.Name), e)
	}
	return s.saveAndShow(w, r, fl, factorPath(form.Name))
}

// usedCode is for a code that was used while it was compared. By the same form, sent again, it was no guess.
func (s factorPages) usedCode(w http.ResponseWriter, r *http.Request, fl, row *flow, gone error, form verify.Form, key string, err error) error {
	var before *browser.Repeated
	if errors.As(gone, &before) || gone == nil && row.isAcceptedCode(key) {
		s.MFA.NoGuess(r.Context(), err)
	} else if err := s.recordRefused(r, fl.event(r, "", form.Method), err); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	return s.redirectAfterReload(w, r, row)
}

// lateCode is for a right code that met a sign-in which had changed, so that nothing is spent: where a code is still owed
// it is taken as if it had come just now.
func (s factorPages) lateCode(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error {
	row, err := s.reload(r, fl)
	if err != nil {
		return err
	}
	owed, err := s.decide(r.Context(), row)
	if err != nil {
		return err
	}
	if fl.resubmitted || owed != stepFactor || row.subject() != fl.subject() {
		return s.redirectAfterReload(w, r, row)
	}
	row.resubmitted = true
	if form == verify.Recovery {
		return s.postRecovery(w, r, row)
	}
	return s.post(w, r, row, form)
}

// withoutCode goes on when there is no authenticator any more that could make a code. What the user has proved may be
// all that there is to prove: it is committed as a proof is.
func (s factorPages) withoutCode(w http.ResponseWriter, r *http.Request, fl *flow) error {
	done := fl.clone()
	done.state.Kinds = nil
	err := s.Journal.Atomic(r.Context(), func(ctx context.Context) error { return s.commitProof(ctx, r, done) })
	if err != nil {
		return s.onConflict(w, r, fl, err)
	}
	return s.redirectAfterProof(w, r, done)
}

// mayRemember reports whether the code page offers to remember the browser.
func (s *commits) mayRemember(fl *flow) bool { return s.Remembered.For > 0 && !fl.state.Reauth }

// rememberBrowser keeps the browser of a right code, if its user says so, in the commit that spends the code.
func (s *commits) rememberBrowser(ctx context.Context, r *http.Request, fl *flow) (err error) {
	if ui.Field(r, "remember") == "" || !s.mayRemember(fl) {
		return nil
	}
	name := ui.Agent(r.UserAgent())
	if fl.newRememberToken, err = s.Remembered.Remember(ctx, fl.rememberToken, fl.subject(), fl.ix.Login.Epoch, name); err != nil {
		return err
	}
	e := fl.event(r, audit.EventBrowserRemembered, "")
	e.Detail["browser"] = name
	return s.Journal.Record(ctx, e)
}

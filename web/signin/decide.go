package signin

import (
	"context"
	"errors"
	"slices"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/web/browser"
)

// decision is what a sign-in owes next, and what was found out on the way there. Deciding is a read: it changes nothing,
// and whoever goes on with the sign-in applies the decision to it.
type decision struct {
	owed step
	at   time.Time // as of when

	obliged    string     // the level that the policy, or the app by it, lets nobody through without
	forgets    bool       // the second factor is too old, and there is none any more that could be given again
	remembered bool       // the code is left out, because the browser is remembered
	reported   string     // why the policy would have stopped the sign-in, if it did more than report
	coming     []mfa.Duty // what the policy will ask of the user, who was not told in this sign-in and does not have it

	kinds   []ownKind     // of the user's authenticators; none: was not asked, or there are none that can be used
	renewal *renewal      // of the recovery codes, by the policy; nil: was not asked
	consent *consentFacts // nil: was not asked
}

// renewal is whether new recovery codes are owed.
type renewal struct {
	owed bool
	left int  // codes
	told bool // they were made in another tab since: the user knows all that there is to be told
}

// consentFacts are whether the user has to allow something, and what.
type consentFacts struct {
	owed    bool
	missing []string // scopes that were not allowed before
	keep    bool     // the answer is remembered unless the user says otherwise
}

// apply takes over what was found out.
func (fl *flow) apply(d decision) {
	fl.decidedAt, fl.remembered, fl.reported, fl.coming = d.at, d.remembered, d.reported, d.coming
	if fl.ix.Login == nil {
		return
	}
	fl.ix.Obliged = d.obliged
	if d.forgets {
		forgetSecond(fl.ix.Login)
	}
	m := &fl.state
	if d.kinds != nil {
		m.Kinds = d.kinds
	}
	if d.renewal != nil {
		fl.codesLeft, m.CodesRenewed = d.renewal.left, !d.renewal.owed
		if d.renewal.told {
			m.CodesLeft = nil
		}
	}
	switch {
	case d.consent == nil:
	case d.consent.owed:
		m.consentState = consentState{ConsentOwed: true, Missing: d.consent.missing, Keep: d.consent.keep}
	default:
		fl.ix.Consented = true
	}
}

// decider gathers the facts that next decides on.
type decider struct {
	accounts  account.Accounts
	clients   Clients
	consented *consent.Service
	factors   *mfa.Service
	policy    mfa.Policy
	browsers  *browser.Remembered
	now       func() time.Time
}

// decide gathers the facts, asking no store for more than the decision needs, and returns what is owed.
func (s decider) decide(ctx context.Context, fl *flow) (decision, error) {
	d := decision{at: s.now()}
	f, err := s.facts(ctx, fl, &d)
	d.owed = next(f)
	switch {
	case err != nil:
		return d, err
	case d.owed == stepFactor && !f.enrolled: // a recovery code is too little, so that nobody has asked yet what else there is
		_, err := s.enrolled(ctx, fl, &d)
		return d, err
	case d.owed != stepDone:
		return d, nil
	}
	if err := s.lastFacts(ctx, fl, &f, &d); err != nil {
		return d, err
	}
	d.owed = next(f)
	return d, nil
}

// lastFacts finds out what comes after all that the user has to prove.
func (s decider) lastFacts(ctx context.Context, fl *flow, f *facts, d *decision) (err error) {
	if err := s.compare(ctx, fl, d); err != nil {
		return err
	}
	if f.notice = len(d.coming) > 0; f.notice {
		return nil
	}
	if d.consent, err = s.consent(ctx, fl); err != nil {
		return err
	}
	f.consent = fl.state.ConsentOwed && !fl.ix.Consented || d.consent != nil && d.consent.owed
	return nil
}

// compare holds what the user has against the policy, where that is only reported or still to come. What it asks now is
// decided before.
func (s decider) compare(ctx context.Context, fl *flow, d *decision) error {
	tells := s.policy.Changes(d.at) && fl.state.PasswordGiven && !fl.state.NoticeSeen
	if !s.policy.ReportOnly && !tells {
		return nil
	}
	want, err := requirement(ctx, s.policy, s.accounts, fl.subject(), fl.app(), d.at)
	if err != nil || want.Must == mfa.Optional && len(want.Coming) == 0 {
		return err
	}
	has, err := s.strength(ctx, fl)
	switch {
	case err != nil:
		return err
	case !s.policy.ReportOnly:
		d.coming = want.Ahead(has)
	case fl.wouldStop(want.Must, has, d.at):
		d.reported = want.Why
	}
	return nil
}

// changesFactors reports whether the sign-in leads to a change of the factors: that asks for the best that the user has.
func (fl *flow) changesFactors() bool { return fl.state.Reauth || fl.state.SetupRequested != "" }

// strongest reports whether one of the second factors that count is a recovery code, or does all that the best of the
// user's authenticators does. Whoever has proved less changes no factor (NIST SP 800-63B-4 section 4.1.2): a code of an app
// that a false page has asked for must not bring its own authenticator in, nor take a key away.
func (s decider) strongest(ctx context.Context, fl *flow, counts func(assurance.Authentication) bool) (bool, error) {
	enough := func(a assurance.Authentication) bool {
		return a.PhishingResistant || a.Method == assurance.MethodRecovery
	}
	for _, a := range fl.ix.Login.SecondFactors() {
		if counts(a) && enough(a) {
			return true, nil
		}
	}
	best, err := s.strength(ctx, fl)
	return err == nil && !best.Meets(mfa.PhishingResistant), err
}

// strength is what the best of the user's authenticators does.
func (s decider) strength(ctx context.Context, fl *flow) (mfa.Strength, error) {
	all, err := s.factors.KindsOf(ctx, fl.subject())
	var has []string
	for _, k := range all {
		has = append(has, k.Kind)
	}
	return mfa.Best(s.factors.Kinds, has), err
}

// wouldStop reports whether a rule that asks for must would have had this sign-in set an authenticator up. It would not
// where the user has one that does it: then the sign-in would have asked for that one, unless a recovery code says
// that it is lost.
func (fl *flow) wouldStop(must, has mfa.Strength, now time.Time) bool {
	switch must {
	case mfa.Optional:
		return false
	case mfa.Required:
		return !has.Meets(must) && !fl.ix.Login.SecondFactor()
	}
	return fl.ix.Login.ACR() != assurance.LevelPhishingResistant && (!has.Meets(must) || fl.recoveryJustGiven(now))
}

// wanted is what is required of the sign-in, with what was found out that obliges the user.
func (fl *flow) wanted(d *decision) assurance.Demand {
	want := fl.ix.Required()
	want.Policy = d.obliged
	return want
}

// facts notes in d what it finds out beside them.
func (s decider) facts(ctx context.Context, fl *flow, d *decision) (facts, error) {
	login, m := fl.ix.Login, &fl.state
	if login == nil {
		return facts{}, nil
	}
	if err := s.obligedLevel(ctx, fl, d); err != nil { // who has no authenticator may owe more: oblige knows
		return facts{}, err
	}
	want := fl.wanted(d)
	good := func(a assurance.Authentication) bool { // a wish changes the factors, which no old proof allows
		return login.Fresh(want, a.Method, d.at) && (m.SetupRequested == "" || fl.justGiven(a.Method, d.at))
	}
	f := facts{
		known:                 want.Subject == "" || want.Subject == login.Subject,
		accountChoice:         m.FromSession && !m.PasswordGiven && !m.AccountChosen && (want.PromptSelectAccount || m.HintDiffers),
		password:              login.Fresh(want, assurance.MethodPassword, d.at),
		second:                slices.ContainsFunc(login.SecondFactors(), good),
		passwordTooOldForCode: fl.codeTimeOver(d.at) || fl.unlocked(d.at),
		recent:                want.PromptNone || fl.justGiven(assurance.MethodPassword, d.at), // a silent request can only hear what is missing
		recoveryJustGiven:     fl.recoveryJustGiven(d.at),
		twoSteps:              asksTwoSteps(want), setupRequested: m.SetupRequested != "", used: m.CodesLeft != nil,
	}
	f.belowRequiredLevel = f.second && !login.Reaches(want, d.at)
	if !f.known || f.accountChoice || !f.password && !m.Reauth {
		return f, nil
	}
	if f.second && fl.changesFactors() {
		var err error
		if f.second, err = s.strongest(ctx, fl, good); err != nil {
			return f, err
		}
	}
	if err := s.secondFacts(ctx, fl, &f, d); err != nil {
		return f, err
	}
	if m.Reauth && (f.enrolled || f.second) { // the code stands for the password as well
		f.password = !older(login, assurance.MethodPassword, d.at, passwordTime)
	}
	return f, nil
}

// secondFacts finds out what stands in for a second factor, or what becomes of a user who has none.
func (s decider) secondFacts(ctx context.Context, fl *flow, f *facts, d *decision) (err error) {
	if f.second {
		if f.belowRequiredLevel && !f.recoveryJustGiven {
			if f.strongerOwed, err = s.strongerOwed(ctx, fl, d); err != nil {
				return err
			}
		}
		if d.renewal, err = s.renewal(ctx, fl); err != nil || d.renewal == nil {
			return err
		}
		f.codesOwed, f.used = d.renewal.owed, f.used && !d.renewal.told
		return nil
	}
	if f.enrolled, err = s.enrolled(ctx, fl, d); err != nil {
		return err
	}
	if f.enrolled {
		f.remembered, err = s.remembered(ctx, fl, d)
		return err
	}
	d.forgets = true
	return s.oblige(ctx, fl, f, d)
}

// enrolled asks the store unless it has said yes before in this sign-in. A no is never remembered.
func (s decider) enrolled(ctx context.Context, fl *flow, d *decision) (bool, error) {
	if len(fl.state.Kinds) > 0 {
		return true, nil
	}
	all, err := s.kindsOf(ctx, fl)
	d.kinds = ownKinds(all, s.factors.Usable(all))
	return len(all) > 0, err
}

// remembered reports whether the browser is one that need not give a code in this sign-in. What it is remembered for
// is as old as the code that was given then, and no demand takes an older one; a step-up, a confirmation and a change of
// the factors want a code whatever is remembered.
func (s decider) remembered(ctx context.Context, fl *flow, d *decision) (bool, error) {
	want := fl.wanted(d)
	if fl.state.Reauth || fl.state.SetupRequested != "" || !sparesCode(want) || fl.ix.Login.SecondFactor() {
		return false, nil
	}
	b, err := s.browsers.Find(ctx, fl.rememberToken, fl.subject(), fl.ix.Login.Epoch)
	if err != nil || b == nil {
		return false, err
	}
	d.remembered = want.Fresh(b.Created, d.at)
	return d.remembered, nil
}

// sparesCode reports whether a remembered browser may stand in for the code: neither the client nor the policy wants one
// from every user who has an authenticator.
func sparesCode(d assurance.Demand) bool { return !d.TwoSteps() && d.Policy == "" }

// asksTwoSteps reports whether the login must have a second factor.
func asksTwoSteps(d assurance.Demand) bool {
	return assurance.Rank(d.Level()) >= assurance.Rank(assurance.LevelTwo)
}

// app is what the policy must know of the client.
func (fl *flow) app() mfa.App {
	return mfa.App{ID: fl.ix.Client, TwoSteps: mfa.Strength(fl.ix.TwoSteps)}
}

// obligedLevel finds out what the user must reach whatever is set up: what the app asks for, or a rule that wants a
// phishing-resistant factor proved. It asks the policy only if that has such a rule.
func (s decider) obligedLevel(ctx context.Context, fl *flow, d *decision) error {
	must := fl.app().TwoSteps
	if s.policy.Strongest(fl.app()) == mfa.PhishingResistant {
		want, err := requirement(ctx, s.policy, s.accounts, fl.subject(), fl.app(), d.at)
		if err != nil {
			return err
		}
		if want.Must == mfa.PhishingResistant {
			must = want.Must
		}
	}
	if !s.policy.ReportOnly {
		d.obliged = client.TwoSteps(must).Level()
	}
	return nil
}

// strongerOwed reports whether the second factor that was given allows the user to set up one that reaches what is asked
// for: it was given a moment ago, and none of those that the user has reaches it.
func (s decider) strongerOwed(ctx context.Context, fl *flow, d *decision) (bool, error) {
	given := func(a assurance.Authentication) bool { return fl.justGiven(a.Method, d.at) }
	if fl.wanted(d).Level() != assurance.LevelPhishingResistant || !slices.ContainsFunc(fl.ix.Login.SecondFactors(), given) {
		return false, nil
	}
	has, err := s.strength(ctx, fl)
	return err == nil && !has.Meets(mfa.PhishingResistant), err
}

// oblige finds out what the policy asks of a user without an authenticator.
func (s decider) oblige(ctx context.Context, fl *flow, f *facts, d *decision) error {
	if s.policy.ReportOnly {
		return nil
	}
	want, err := requirement(ctx, s.policy, s.accounts, fl.subject(), fl.app(), d.at)
	if err != nil {
		return err
	}
	f.obliged, d.obliged = want.Must != mfa.Optional, client.TwoSteps(want.Must).Level()
	return nil
}

// renewal finds out whether the policy wants new recovery codes before the user goes on: one was used since they were
// made, or none is left. Only a sign-in with the password asks the store for the latter. Nil: there is nothing to ask.
func (s decider) renewal(ctx context.Context, fl *flow) (*renewal, error) {
	at, recovered := fl.ix.Login.AuthenticatedAt(assurance.MethodRecovery)
	if !s.policy.NewCodes || fl.state.CodesRenewed || fl.state.SetupRequested != "" || !recovered && !fl.state.PasswordGiven {
		return nil, nil
	}
	status, err := s.factors.Status(ctx, fl.subject())
	if err != nil {
		return nil, err
	}
	found := &renewal{
		owed: len(status.Authenticators) > 0 && (status.CodesLeft == 0 || recovered && status.CodesMade.Before(at)),
		left: status.CodesLeft, told: recovered && status.CodesMade.After(at),
	}
	if found.owed { // who has no codes, and a key that is not at hand, could not make any and would be held up for good
		found.owed, err = s.strongest(ctx, fl, func(assurance.Authentication) bool { return true })
	}
	return found, err
}

// mustLookUpConsent reports whether it is not known yet if the user must allow something.
func (fl *flow) mustLookUpConsent() bool {
	return fl.asksConsent() && !fl.ix.Consented && !fl.state.ConsentOwed
}

// consent finds out whether the user must allow something, and what; nil: that is known.
func (s decider) consent(ctx context.Context, fl *flow) (*consentFacts, error) {
	if !fl.mustLookUpConsent() {
		return nil, nil
	}
	granted := fl.granted
	if granted == nil {
		granted = s.consented.Lookup(fl.subject(), fl.client())
	}
	missing, known, err := granted.Missing(ctx, fl.ix.ToRemember())
	if err != nil {
		return nil, err
	}
	app, err := s.clients.Client(ctx, fl.ix.Client)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // Finish has an answer to a client that is gone
		return nil, err
	}
	owed := !known || len(missing) > 0 || fl.ix.Demand.PromptConsent || app.MayBeImpostor(fl.ix.Redirect)
	return &consentFacts{owed: owed, missing: missing, keep: app.RemembersConsent(fl.ix.Redirect)}, nil
}

// forgetSecond drops a second factor that is too old for the client and cannot be given again, because the user
// has none any more. What is left is what the client may hear.
func forgetSecond(login *assurance.Login) {
	for _, p := range login.Authentications {
		if p.Method == assurance.MethodPassword {
			login.Authentications = []assurance.Authentication{p}
			return
		}
	}
}

const (
	codeTime     = 10 * time.Minute // from the password to the code
	reauthTime   = 10 * time.Minute // how old a proof may be that changes the factors
	setupTime    = 15 * time.Minute // for the set-up itself, once the password was given
	passwordTime = 24 * time.Hour   // after it even a code does not stand for the password
)

// ProofTime is how old a proof may be with which the pages let a set-up begin: mfa.Limits.Proof must not be less.
const ProofTime = reauthTime + setupTime

func older(login *assurance.Login, method string, now time.Time, age time.Duration) bool {
	at, ok := login.AuthenticatedAt(method)
	return !ok || now.Sub(at) >= age
}

// justGiven reports whether a proof is young enough to set up a factor with. One that was given in this sign-in also
// covers the time that the set-up takes.
func (fl *flow) justGiven(method string, now time.Time) bool {
	age := reauthTime
	if at, _ := fl.ix.Login.AuthenticatedAt(method); !at.Before(fl.ix.Created) {
		age += setupTime
	}
	return !older(fl.ix.Login, method, now, age)
}

// recoveryJustGiven reports whether a recovery code was given in this sign-in, so short a time ago that the user may
// set up an authenticator with it.
func (fl *flow) recoveryJustGiven(now time.Time) bool {
	at, ok := fl.ix.Login.AuthenticatedAt(assurance.MethodRecovery)
	return ok && !at.Before(fl.ix.Created) && fl.justGiven(assurance.MethodRecovery, now)
}

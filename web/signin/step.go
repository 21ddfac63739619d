package signin

import (
	"slices"
	"time"

	"vestibule/provider/assurance"
)

// step is what a sign-in owes next.
type step int

// The order is that of a sign-in: from stepSetup on the user is signed in.
const (
	stepLogin step = iota
	stepContinue
	stepFactor
	stepSetup
	stepUsed
	stepNotice
	stepConsent
	stepDone
)

// steps has each step's page, which pathOf knows better for some, and what a client hears that wants to see none (OIDC Core 3.1.2.6).
var steps = [...]struct{ path, refusal string }{
	stepLogin:    {"/login", "login_required"},
	stepContinue: {"/login/continue", "account_selection_required"},
	stepFactor:   {"/login/recovery", "login_required"},
	stepSetup:    {"/login/setup", "interaction_required"},
	stepUsed:     {"/login/recovery/used", "interaction_required"},
	stepNotice:   {"/login/notice", "interaction_required"},
	stepConsent:  {"/consent", "consent_required"},
	stepDone:     {"/login/continue", ""}, // no page: whoever goes there is sent on to the client
}

// facts are what next decides on. Each may be left out when an earlier one settles the matter.
type facts struct {
	known                 bool // somebody is signed in, and the client did not ask for somebody else
	accountChoice         bool // it is the browser's user, who must say whether to go on as such
	password              bool // was given, recently enough for the client
	second                bool // a code or a recovery code was given, recently enough
	enrolled              bool // has an authenticator
	passwordTooOldForCode bool // the password was given so long ago, or before a lock of codes, that the code no longer counts for it
	recent                bool // the password was given recently enough to set up a factor with it
	twoSteps              bool // the client demands a second factor
	setupRequested        bool // the user wants to set something up first
	used                  bool // a recovery code was used, and the user was not told what that means
	consent               bool // the user has to allow something

	remembered         bool // the user has an authenticator, and said that this browser need not give codes
	obliged            bool // the policy obliges the user to have a second factor
	codesOwed          bool // the policy obliges the user to make new recovery codes
	notice             bool // the policy will ask for more than the user has, who was not told in this sign-in
	belowRequiredLevel bool // the second does not reach what the client wants
	recoveryJustGiven  bool // a recovery code was given in this sign-in, and a moment ago: the user has no authenticator at hand
	strongerOwed       bool // the second was given a moment ago, and the user has no authenticator that reaches it
}

// next is the only decision of a sign-in. Whoever has an authenticator gives a code, whatever the client
// demands; nobody is asked to allow anything before that. A remembered browser is spared the code where nobody demands
// it, and only there. Whose recovery code was not enough sets up an authenticator in place of the lost one, and who has
// none that is enough sets one up beside those that there are, over one of them.
func next(f facts) step {
	demanded := f.twoSteps || f.obliged || f.setupRequested
	code := !f.second && f.enrolled && (demanded || !f.remembered)
	short := f.second && f.belowRequiredLevel
	another := short && !f.recoveryJustGiven && !f.strongerOwed // factor is given
	switch {
	case !f.known:
		return stepLogin
	case f.accountChoice:
		return stepContinue
	case !f.password:
		return stepLogin
	case (code || another) && f.passwordTooOldForCode:
		return stepLogin
	case code, another:
		return stepFactor
	case !f.second && demanded && !f.recent:
		return stepLogin
	case !f.second && demanded, f.setupRequested:
		return stepSetup
	case f.used, f.codesOwed:
		return stepUsed
	case short:
		return stepSetup
	case f.notice:
		return stepNotice
	case f.consent:
		return stepConsent
	}
	return stepDone
}

// signedIn reports whether a sign-in that owes this step has proved all that the user can prove.
func (s step) signedIn() bool { return s >= stepSetup }

// Forecast is a sign-in that nobody makes: it says of a user and what the user has proved what would come next, by the
// decision of the pages. It takes what was proved for young enough for the client, and knows nothing of consent.
type Forecast struct {
	Login      *assurance.Login // what was proved, the password at least
	Required   assurance.Demand // what the client asks for; its Policy is the level that nobody is let through without, whatever is set up
	InSession  bool             // it was proved for a session, and not in the sign-in itself
	Enrolled   bool             // the user has an authenticator
	Resistant  bool             // one of them is phishing-resistant
	Obliged    bool             // the policy obliges the user to have a second factor
	Remembered bool             // the user said that this browser need not give codes
}

// Owed is what comes before the answer to a client.
type Owed int

// What a Forecast can say.
const (
	OwesNothing Owed = iota
	OwesFactor       // a second factor is given, or a better one than that
	OwesSetup        // an authenticator is set up
)

// strongerOwed reports whether the second factor allows the user, who has none that reaches what is asked for, to set one up.
func (f Forecast) strongerOwed(now time.Time) bool {
	young := func(a assurance.Authentication) bool { return now.Sub(a.Time) < reauthTime }
	return f.Required.Level() == assurance.LevelPhishingResistant && !f.Resistant && slices.ContainsFunc(f.Login.SecondFactors(), young)
}

// Owes is what comes next as of now.
func (f Forecast) Owes(now time.Time) Owed {
	second := f.Login.SecondFactor()
	_, recovered := f.Login.AuthenticatedAt(assurance.MethodRecovery)
	switch next(facts{
		known: true, password: true, recent: true, second: second, enrolled: f.Enrolled, twoSteps: asksTwoSteps(f.Required),
		obliged:            f.Obliged && !f.Enrolled, // as long as there is none
		remembered:         f.Remembered && sparesCode(f.Required),
		belowRequiredLevel: second && !f.Login.Reaches(f.Required, now),
		recoveryJustGiven:  recovered && !f.InSession,
		strongerOwed:       f.strongerOwed(now),
	}) {
	case stepFactor:
		return OwesFactor
	case stepSetup:
		return OwesSetup
	}
	return OwesNothing
}

package web

// step is what a sign-in owes next.
type step int

// The order is that of a sign-in: from stepSetup on the user is signed in.
const (
	stepLogin step = iota
	stepContinue
	stepTOTP
	stepSetup
	stepUsed
	stepConsent
	stepDone
)

// steps has each step's page, and what a client hears that wants to see none (OIDC Core 3.1.2.6).
var steps = [...]struct{ path, refusal string }{
	stepLogin:    {"/login", "login_required"},
	stepContinue: {"/login/continue", "account_selection_required"},
	stepTOTP:     {"/login/totp", "login_required"},
	stepSetup:    {"/login/setup", "interaction_required"},
	stepUsed:     {"/login/recovery/used", "interaction_required"},
	stepConsent:  {"/consent", "consent_required"},
	stepDone:     {"/login/continue", ""}, // no page: whoever goes there is sent on to the client
}

// facts are what next decides on. Each may be left out when an earlier one settles the matter.
type facts struct {
	known    bool // somebody is signed in, and the client did not ask for somebody else
	choose   bool // it is the browser's user, who must say whether to go on as such
	password bool // was given, recently enough for the client
	second   bool // a code or a recovery code was given, recently enough
	enrolled bool // has an authenticator
	late     bool // the password was given so long ago that the code no longer counts for it
	recent   bool // the password was given recently enough to set up a factor with it
	twoSteps bool // the client demands a second factor
	wish     bool // the user wants to set something up first
	used     bool // a recovery code was used, and the user was not told what that means
	consent  bool // the user has to allow something
}

// next is the only decision of a sign-in. Whoever has an authenticator gives a code, whatever the client
// demands; nobody is asked to allow anything before that.
func next(f facts) step {
	switch {
	case !f.known:
		return stepLogin
	case f.choose:
		return stepContinue
	case !f.password:
		return stepLogin
	case !f.second && f.enrolled && f.late:
		return stepLogin
	case !f.second && f.enrolled:
		return stepTOTP
	case !f.second && (f.twoSteps || f.wish) && !f.recent:
		return stepLogin
	case !f.second && f.twoSteps, f.wish:
		return stepSetup
	case f.used:
		return stepUsed
	case f.consent:
		return stepConsent
	}
	return stepDone
}

// signedIn reports whether a sign-in that owes this step has proved all that the user can prove.
func (s step) signedIn() bool { return s >= stepSetup }

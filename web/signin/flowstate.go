package signin

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/web/browser"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// flowState is what the pages remember of a sign-in beside what it has proved, grouped by page. It travels with the
// interaction, sealed or as a row, and holds nothing that the user could gain by changing it. A copy of it shares its slices and
// maps with requests to other pages of the sign-in: they are replaced, and not changed.
type flowState struct {
	accountState
	ui.Feedback
	loginState
	codeState
	setupState
	consentState
	ownState
	SealedCookies []byte    `json:"sealed_cookies,omitempty"` // the cookies that a form has brought, sealed
	InPlace       bool      `json:"in_place,omitempty"`       // the address of the client's request is in the history of the browser
	OldPassword   time.Time `json:"old_password,omitzero"`    // by the Host's clock: one that was given before it was asked for, whatever that says
}

// accountState is whom the pages are about.
type accountState struct {
	Username     string `json:"username,omitempty"`      // as it was typed
	AccountLabel string `json:"account_label,omitempty"` // of the account, once it is known
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
}

// loginState is where the Login comes from.
type loginState struct {
	FromSession   bool `json:"from_session,omitempty"`   // the Login is the session's
	PasswordGiven bool `json:"password_given,omitempty"` // the password was given in this sign-in
	HintDiffers   bool `json:"hint_differs,omitempty"`   // the client hinted at somebody else than the session's user
	AccountChosen bool `json:"account_chosen,omitempty"` // the user wants to go on as the session's user
	SessionOpened bool `json:"session_opened,omitempty"` // a session was opened for the Login, which is good as long as that lives
	AtHost        bool `json:"at_host,omitempty"`        // the password was given to the Host
}

// codeState is what has become of codes, and of other answers of authenticators.
type codeState struct {
	Kinds        []ownKind            `json:"kinds,omitempty"`       // of the user's authenticators, the one to ask for first; none says nothing
	WrongCodes   int                  `json:"wrong_codes,omitempty"` // wrong answers in this sign-in
	Locked       map[string]time.Time `json:"locked,omitempty"`      // page to when its budget is open again
	RejectedCode *rejected            `json:"rejected_code,omitempty"`
	AcceptedCode []byte               `json:"accepted_code,omitempty"` // sum of the last answer that was right
	Challenges   []challenge          `json:"challenges,omitempty"`    // that may still be answered, the newest last
}

// setupState is what is to be set up, and what of that the user was told.
type setupState struct {
	CodesLeft      *int   `json:"codes_left,omitempty"`      // a recovery code was used, so many are left, and the user was not told
	SetupRequested string `json:"setup_requested,omitempty"` // what the user wants to set up before going on
	EnrolmentLink  []byte `json:"enrolment_link,omitempty"`  // the id of the enrolment link that the browser came with
	NoticeSeen     bool   `json:"notice_seen,omitempty"`     // was told what the policy will oblige to
	CodesRenewed   bool   `json:"codes_renewed,omitempty"`   // the recovery codes are as the policy wants them
}

// consentState is what was found out about consent.
type consentState struct {
	ConsentOwed bool     `json:"consent_owed,omitempty"` // consent was looked up and is owed
	Missing     []string `json:"missing,omitempty"`      // of ToRemember, what was not allowed before
	Keep        bool     `json:"keep,omitempty"`         // the answer is remembered unless the user says otherwise
}

// ownState is that of a sign-in to our own pages.
type ownState struct {
	Reauth     bool   `json:"reauth,omitempty"`      // a live session must prove itself again
	ReturnPath string `json:"return_path,omitempty"` // where the sign-in ends
}

// rejected is the last code that was refused: an impatient second click gets the first one's answer.
type rejected struct {
	Sum []byte    `json:"sum"`
	At  time.Time `json:"at"`
}

// What a user can have asked to set up: SetupRequested.
const (
	setupAuthenticator = "authenticator"
	setupResistant     = "phishing-resistant" // an authenticator that is
	setupCodes         = "codes"
)

// flow is one request to a page of a sign-in.
type flow struct {
	ix             *interaction.Interaction
	state          flowState
	value          string               // of the parameter flow, for the forms of the page
	place          string               // the path of the page that another address answers with; else empty
	owed           step                 // what commitProof found
	browserSession *interaction.Session // that the browser had when openSession replaced it, live or not; nil: none
	sessionCookie  string               // of the session that openSession wrote
	guess          verify.Counted       // of the password, in this request
	ownKinds       kindsAlong           // of authenticators, asked along with that guess
	granted        consent.Lookup       // what the user has allowed the client, asked along with the code or with the session; nil: it is not asked yet
	resubmitted    bool                 // the form met a sign-in that had changed, and is tried on that

	consentGiven bool      // what the client asks for, in this request
	decisions    int       // how often it was decided anew
	decidedAt    time.Time // as of when it was decided last: the answer rests on proofs that were young enough then

	rememberToken    []byte     // hash of the cookie that the browser would be remembered by; nil: it has none
	remembered       bool       // the code was left out because of it
	newRememberToken string     // the cookie of a browser that was remembered just now
	codesLeft        int        // recovery codes, if new ones are owed
	coming           []mfa.Duty // what the policy will ask of the user, who has to be told
	reported         string     // why the policy would have stopped the sign-in, if it did more than report
	binding          string     // to the browser, from the right password on; empty: it stays the one it was
}

func newFlow(ix *interaction.Interaction) (*flow, error) {
	fl := &flow{ix: ix}
	if remembered, ok := ix.Remembered.(*flowState); ok {
		fl.state = *remembered
		return fl, nil
	}
	if len(ix.UI) == 0 {
		return fl, nil
	}
	if err := json.Unmarshal(ix.UI, &fl.state); err != nil {
		return nil, fmt.Errorf("state of a sign-in: %w", err)
	}
	return fl, nil
}

// pack writes the state into the interaction.
func (fl *flow) pack() error {
	data, err := json.Marshal(fl.state)
	if err != nil {
		return fmt.Errorf("state of a sign-in: %w", err)
	}
	remembered := fl.state
	fl.ix.UI, fl.ix.Remembered = data, &remembered
	return nil
}

// isOwn reports a sign-in to our own pages, which has no client.
func (fl *flow) isOwn() bool { return fl.ix.Client == "" }

// asksConsent reports whether somebody gets something that the user has to allow.
func (fl *flow) asksConsent() bool { return !fl.isOwn() && !fl.ix.FirstParty }

// subject is the user whom the sign-in is about, so far.
func (fl *flow) subject() string {
	if fl.ix.Login == nil {
		return ""
	}
	return fl.ix.Login.Subject
}

// forget takes the login back, and with it all that its user has said and done.
func (fl *flow) forget() {
	fl.ix.Login, fl.ix.Consented, fl.ix.Waived, fl.granted = nil, false, false, nil
	m := &fl.state
	m.accountState = accountState{Username: m.Username}
	m.loginState, m.codeState, m.consentState, m.SealedCookies = loginState{}, codeState{}, consentState{}, nil
	link := m.EnrolmentLink
	m.setupState = setupState{}
	m.setEnrolmentLink(link)
}

// setEnrolmentLink remembers the link that the browser came with: its user wants an authenticator before all else.
func (m *setupState) setEnrolmentLink(link []byte) {
	if m.EnrolmentLink = link; link != nil {
		m.SetupRequested = setupAuthenticator
	}
}

// setAccount remembers the account's names.
func (m *accountState) setAccount(a account.Account) {
	m.AccountLabel, m.Name, m.Email = a.Label(), a.Name, a.Email
	if m.Username == "" {
		m.Username = a.Username
	}
}

// clearMessages forgets what was said: the user has moved on.
func (m *flowState) clearMessages() { m.Feedback, m.RejectedCode = ui.Feedback{}, nil }

// said is what the page says now. Of a lock that lockedUntil knows of, the page itself says so as long as it lasts, and
// must not afterwards.
func (m *flowState) said() ui.Feedback {
	said := m.Feedback
	if _, timed := m.Locked[said.Page]; timed && len(said.Errors) > 0 && said.Errors[0].State() == "locked" {
		said.Errors = nil
	}
	return said
}

// lockedUntil returns when the page's budget is open again; zero if it is.
func (m *codeState) lockedUntil(page string, now time.Time) time.Time {
	if at := m.Locked[page]; now.Before(at) {
		return at
	}
	return time.Time{}
}

// unlocked reports whether codes were locked since the password was given and no longer are: the sign-in begins at the
// password again, whatever else it has proved.
func (fl *flow) unlocked(now time.Time) bool {
	for page, end := range fl.state.Locked {
		if page != "login" && !now.Before(end) && fl.passwordAt().Before(end) {
			return true
		}
	}
	return false
}

// passwordAt is when the password was given, in this sign-in or in the one whose session it goes on with.
func (fl *flow) passwordAt() time.Time {
	at, _ := fl.ix.Login.AuthenticatedAt(assurance.MethodPassword)
	return at
}

// lock notes when the page's budget is open again.
func (m *codeState) lock(page string, until time.Time) {
	locked := map[string]time.Time{page: until}
	for other, end := range m.Locked {
		if other != page {
			locked[other] = end
		}
	}
	m.Locked = locked
}

// isRejectedCode reports whether the code is the one that was refused a moment ago: the button was pressed twice, and
// the second time gets the answer of the first.
func (fl *flow) isRejectedCode(code string, now time.Time) bool {
	last := fl.state.RejectedCode
	return last != nil && now.Sub(last.At) < browser.AnswerTime && subtle.ConstantTimeCompare(last.Sum, fl.codeDigest(code)) == 1
}

// rejectedCode returns what repeats knows a refused code by.
func (fl *flow) rejectedCode(code string, now time.Time) *rejected {
	return &rejected{Sum: fl.codeDigest(code), At: now}
}

// isAcceptedCode reports whether the code is the one that brought the sign-in on: the button was pressed twice.
func (fl *flow) isAcceptedCode(code string) bool {
	return subtle.ConstantTimeCompare(fl.state.AcceptedCode, fl.codeDigest(code)) == 1
}

// codeDigest is what a code is known by in this sign-in.
func (fl *flow) codeDigest(code string) []byte { return ui.Digest(fl.ix.ID + "|" + code) }

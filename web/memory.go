package web

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"time"

	"vestibule/provider"
)

// memory is what the pages remember of a sign-in beside what it has proved. It travels with the
// interaction, sealed or as a row, and holds nothing that the user could gain by changing it.
type memory struct {
	Username string  `json:"username,omitempty"` // as it was typed
	Label    string  `json:"label,omitempty"`    // of the account, once it is known
	Name     string  `json:"name,omitempty"`
	Email    string  `json:"email,omitempty"`
	Page     string  `json:"page,omitempty"` // that Faults are about
	Faults   []fault `json:"faults,omitempty"`
	Notes    []fault `json:"notes,omitempty"`

	Lent     bool  `json:"lent,omitempty"`     // the Login is the session's
	Typed    bool  `json:"typed,omitempty"`    // the password was given in this sign-in
	Other    bool  `json:"other,omitempty"`    // the client hinted at somebody else than the session's user
	Chosen   bool  `json:"chosen,omitempty"`   // the user wants to go on as the session's user
	Admitted bool  `json:"admitted,omitempty"` // a session was opened for the Login, which is good as long as that lives
	Enrolled bool  `json:"enrolled,omitempty"` // has an authenticator; false says nothing
	Digits   []int `json:"digits,omitempty"`   // of the user's codes; none: six
	Periods  []int `json:"periods,omitempty"`  // of the user's codes, in seconds; none: thirty

	Asking  bool     `json:"asking,omitempty"`  // consent was looked up and is owed
	Missing []string `json:"missing,omitempty"` // scopes that were not allowed before
	Trusted bool     `json:"trusted,omitempty"` // the client can keep a secret

	Wrong  int                  `json:"wrong,omitempty"`  // wrong codes in this sign-in
	Locked map[string]time.Time `json:"locked,omitempty"` // page to when its budget is open again
	Last   *answered            `json:"last,omitempty"`
	Won    []byte               `json:"won,omitempty"`   // sum of the last code that was right
	Given  []byte               `json:"given,omitempty"` // the cookies that a form has brought, sealed

	Used *int   `json:"used,omitempty"` // a recovery code was used, so many are left, and the user was not told
	Wish string `json:"wish,omitempty"` // what the user wants to set up before going on
	Link []byte `json:"link,omitempty"` // the id of the enrolment link that the browser came with

	Noticed bool `json:"noticed,omitempty"` // was told what the policy will oblige to
	Codes   bool `json:"codes,omitempty"`   // the recovery codes are as the policy wants them

	Sudo   bool              `json:"sudo,omitempty"`   // a live session must prove itself again
	Return string            `json:"return,omitempty"` // where a sign-in of our own ends
	Typing map[string]string `json:"typing,omitempty"` // what stood in the fields of a refused form; never a secret
}

// answered is the last code that was refused: an impatient second click gets the first one's answer.
type answered struct {
	Sum []byte    `json:"sum"`
	At  time.Time `json:"at"`
}

// Wishes.
const (
	wishAuthenticator = "authenticator"
	wishCodes         = "codes"
)

// answerTime is how long a refused code gets the same answer again.
const answerTime = 10 * time.Second

// visit is one request to a page of a sign-in.
type visit struct {
	ix     *provider.Interaction
	mem    memory
	owed   step              // what settle found
	before *provider.Session // that the browser had when the login was admitted, live or not; nil: none
	cookie string            // of the session that settle opened
	guess  counted           // of the password, in this request
	late   bool              // the form met a sign-in that had changed, and is tried on that

	allowed bool      // what the client asks for, in this request
	decided int       // how often it was decided anew
	at      time.Time // as of when it was decided last: the answer rests on proofs that were young enough then

	device     []byte // hash of the cookie that the browser would be remembered by; nil: it has none
	remembered bool   // the code was left out because of it
	keep       string // the cookie of a browser that was remembered just now
	left       int    // recovery codes, if new ones are owed
	reported   string // why the policy would have stopped the sign-in, if it did more than report
	binding    string // to the browser, from the right password on; empty: it stays the one it was
}

func newVisit(ix *provider.Interaction) (*visit, error) {
	v := &visit{ix: ix}
	if len(ix.UI) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(ix.UI, &v.mem); err != nil {
		return nil, fmt.Errorf("memory of a sign-in: %w", err)
	}
	return v, nil
}

// pack writes the memory into the interaction.
func (v *visit) pack() error {
	data, err := json.Marshal(v.mem)
	if err != nil {
		return fmt.Errorf("memory of a sign-in: %w", err)
	}
	v.ix.UI = data
	return nil
}

// own reports a sign-in to our own pages, which has no client.
func (v *visit) own() bool { return v.ix.Client == "" }

// subject is the user whom the sign-in is about, so far.
func (v *visit) subject() string {
	if v.ix.Login == nil {
		return ""
	}
	return v.ix.Login.Subject
}

// forget takes the login back, and with it all that its user has said and done.
func (v *visit) forget() {
	v.ix.Login, v.ix.Consented, v.ix.Demand.Waived = nil, false, false
	m := &v.mem
	m.Label, m.Name, m.Email = "", "", ""
	m.Lent, m.Typed, m.Other, m.Chosen, m.Admitted, m.Enrolled = false, false, false, false, false, false
	m.Digits, m.Periods = nil, nil
	m.Asking, m.Missing, m.Trusted = false, nil, false
	m.Used, m.Wish, m.Wrong, m.Locked, m.Last, m.Won, m.Given = nil, "", 0, nil, nil, nil, nil
	m.follow(m.Link)
	m.Noticed, m.Codes = false, false
}

// meet remembers the account's names.
func (m *memory) meet(a provider.Account) {
	m.Label, m.Name, m.Email = a.Label(), a.Name, a.Email
	if m.Username == "" {
		m.Username = a.Username
	}
}

// blame sets what the page says next.
func (m *memory) blame(page string, faults ...fault) { m.Page, m.Faults, m.Notes = page, faults, nil }

// calm forgets what was said: the user has moved on.
func (m *memory) calm() {
	m.Page, m.Faults, m.Notes, m.Last, m.Typing = "", nil, nil, nil, nil
}

// until returns when the page's budget is open again; zero if it is.
func (m *memory) until(page string, now time.Time) time.Time {
	if at := m.Locked[page]; now.Before(at) {
		return at
	}
	return time.Time{}
}

// unlocked reports whether codes were locked since the password was given and no longer are: the sign-in begins at the
// password again, whatever else it has proved.
func (v *visit) unlocked(now time.Time) bool {
	for _, form := range []codeForm{totpForm, recoveryForm} {
		if end, known := v.mem.Locked[form.page]; known && !now.Before(end) && v.passwordAt().Before(end) {
			return true
		}
	}
	return false
}

// passwordAt is when the password was given, in this sign-in or in the one whose session it goes on with.
func (v *visit) passwordAt() time.Time {
	at, _ := v.ix.Login.Proved(provider.MethodPassword)
	return at
}

// lockedBy reports whether the fault is a lock that until knows of. Its page says so as long as it lasts,
// and must not afterwards.
func (m *memory) lockedBy(f fault) bool {
	_, timed := m.Locked[m.Page]
	return timed && f.state() == "locked"
}

func (m *memory) lock(page string, until time.Time) {
	if m.Locked == nil {
		m.Locked = map[string]time.Time{}
	}
	m.Locked[page] = until
}

// repeats reports whether the code is the one that was refused a moment ago: the button was pressed twice, and
// the second time gets the answer of the first.
func (v *visit) repeats(code string, now time.Time) bool {
	last := v.mem.Last
	return last != nil && now.Sub(last.At) < answerTime && subtle.ConstantTimeCompare(last.Sum, v.sum(code)) == 1
}

// answer returns what repeats knows a refused code by.
func (v *visit) answer(code string, now time.Time) *answered {
	return &answered{Sum: v.sum(code), At: now}
}

// won reports whether the code is the one that brought the sign-in on: the button was pressed twice.
func (v *visit) won(code string) bool { return subtle.ConstantTimeCompare(v.mem.Won, v.sum(code)) == 1 }

// sum is what a code is known by in this sign-in.
func (v *visit) sum(code string) []byte { return digest(v.ix.ID + "|" + code) }

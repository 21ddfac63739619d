package interaction

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/spelling"
)

// refusals are the descriptions of the errors that pages answer with.
var refusals = map[string]string{
	"access_denied":              "The user did not allow the request.",
	"login_required":             "The user must sign in.",
	"interaction_required":       "The user must complete a step on the sign-in pages.",
	"consent_required":           "The user must allow the request.",
	"account_selection_required": "The user must choose an account.",
	assurance.ErrorUnmet:         "The level of assurance that is essential to the client cannot be reached.",
}

// Description is what an error code of OIDC Core 3.1.2.6 or RFC 6749 section 4.1.2.1 means when it is the answer of the pages,
// for the makers of the client; empty: they never answer with it.
func Description(code string) string { return refusals[code] }

// Granted is the record of an answer to the client: that the user has signed in, and what it is told of that.
func (ix *Interaction) Granted(r *http.Request, amr []string, acr string, at time.Time) audit.Event {
	e := ix.answered(r, audit.EventAuthorized, audit.OutcomeOK)
	e.Detail = map[string]string{"amr": strings.Join(amr, " "), "acr": acr, "auth_time": strconv.FormatInt(at.Unix(), 10)}
	return e
}

// Refused is the record of an answer to the client: the error code.
func (ix *Interaction) Refused(r *http.Request, code string) audit.Event {
	e := ix.answered(r, audit.EventRefused, audit.OutcomeRefused)
	e.Detail = map[string]string{"error": code}
	return e
}

func (ix *Interaction) answered(r *http.Request, kind, outcome string) audit.Event {
	e := audit.Event{Kind: kind, Outcome: outcome, Client: ix.Client, Address: spelling.HostOf(r.RemoteAddr)}
	if ix.Login != nil {
		e.Subject, e.Session = ix.Login.Subject, ix.Login.Session
	}
	return e
}

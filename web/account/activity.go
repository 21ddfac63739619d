package account

import (
	"context"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// Activity is the log of events, as far as it is about one user.
type Activity interface {
	// Activity returns at most n events of the subject, of these kinds, the newest first: those that are older
	// than the one with the id before, or the newest of all if that is empty.
	Activity(ctx context.Context, subject string, kinds []string, before string, n int) ([]audit.Event, error)
}

// Clients are the relying parties.
type Clients interface {
	// Client returns a relying party, or store.ErrNotFound.
	Client(ctx context.Context, id string) (client.Client, error)
}

// noActivity is Activity where no log is kept.
type noActivity struct{}

func (noActivity) Activity(context.Context, string, []string, string, int) ([]audit.Event, error) {
	return nil, nil
}

// A page has activityLines. On the security page there are so many that a sign-in or two can be seen.
const (
	activityLines = 50
	recentLines   = 5
)

// activities are the sentences for what is in the log, by the kind of event; what has none is not shown. In braces
// are names of the event's details; client and proofs are made here. They say what happened and not who did it: that
// is for the reader to judge.
var activities = map[string]string{
	audit.EventPassword:          "The right password was given, but the sign-in was not finished.", // see folded
	audit.EventPasswordFailed:    "A wrong password was given.",
	audit.EventPasswordLocked:    "Too many wrong passwords were given. Further tries had to wait.",
	audit.EventTOTPFailed:        "A wrong code was given after the right password.",
	audit.EventTOTPLocked:        "Too many wrong codes were given after the right password. Codes were locked.",
	audit.EventRecoveryUsed:      "A recovery code was used. {left} left.",
	audit.EventRecoveryFailed:    "A wrong recovery code was given after the right password.",
	audit.EventRecoveryLocked:    "Too many wrong recovery codes were given after the right password. They were locked.",
	audit.EventSignedIn:          "Signed in with {proofs}.",
	audit.EventSignedOut:         "Signed out.",
	audit.EventOthersEnded:       "Signed out everywhere else.",
	audit.EventFactorAdded:       "The authenticator “{name}” was added.",
	audit.EventFactorRemoved:     "The authenticator “{name}” was removed.",
	audit.EventFactorRenamed:     "The authenticator “{from}” was renamed to “{to}”.",
	audit.EventCodesMade:         "New recovery codes were made.",
	audit.EventBrowserRemembered: "No longer asked for codes: {browser}.",
	audit.EventBrowserForgotten:  "Asked for codes again: {browser}.",
	audit.EventConsent:           "{client} was allowed to use the account.",
	audit.EventConsentDenied:     "{client} was not allowed to use the account.",
	audit.EventAuthorized:        "Went on to {client}.",
	audit.EventTokenReused:       "{client} was signed out: something that works once was used twice.",
	audit.EventPasswordChanged:   "The password was changed.",
	audit.EventAdminUserCreated:  "The account was created.",
	audit.EventAdminUserUpdated:  "The account was changed.",
	audit.EventAdminUnlocked:     "Wrong passwords and codes were forgiven.",
	audit.EventAdminReset:        "Two-step verification was reset: {reason}",
	audit.EventAdminResetPlanned: "A reset of two-step verification was announced: {reason}",
	audit.EventResetCancelled:    "The reset of two-step verification was called off.",
	audit.EventAdminTOTPAdded:    "The authenticator “{name}” was added.",
	audit.EventAdminTOTPExported: "The authenticators were copied for a backup, sealed with a passphrase.",
	audit.EventAdminEnrolLink:    "A link to set up two-step verification was made.",
}

// activityKinds is what the pages ask for.
var activityKinds = slices.Sorted(maps.Keys(activities))

// recentKinds leaves the apps out: with a few of those, nobody would see a change of the factors among them.
var recentKinds = slices.DeleteFunc(slices.Clone(activityKinds), func(kind string) bool {
	return kind == audit.EventAuthorized || kind == audit.EventConsent || kind == audit.EventConsentDenied
})

type activityPage struct {
	ui.Frame
	Lines  []activityLine
	Older  string // address of the next page; empty: there is none
	Newest bool   // this is the first page
	Kept   string // how long events are kept; empty: for ever
}

// activityLine is an event, or the same one several times in a row.
type activityLine struct {
	Text    template.HTML
	Times   int
	Time    time.Time // of the newest
	Device  string    // of a sign-in; may be empty
	Address string
	By      string // who, if it was not somebody with a browser
	same    string // lines with the same one are one
}

func (s *Server) activityPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	before := ui.Cut(r.URL.Query().Get("before"), 64)
	events, err := s.Activity.Activity(r.Context(), m.account.Subject, activityKinds, before, activityLines+1)
	if err != nil {
		return err
	}
	p := &activityPage{
		Frame:  ui.Frame{Page: "activity", Title: "Activity", Account: true, Who: m.account.Label()},
		Newest: before == "", Kept: kept(s.ActivityKept),
	}
	if len(events) > activityLines {
		events = events[:activityLines]
		p.Older = activityPath + "?" + url.Values{"before": {events[activityLines-1].ID}}.Encode()
	}
	if p.Lines, err = s.lines(r.Context(), events); err != nil {
		return err
	}
	p.Say(m.said)
	if len(p.Lines) == 0 {
		p.State = "none"
	}
	return s.Render(w, http.StatusOK, "activity", p)
}

// recent are the newest lines, for the security page.
func (s *Server) recent(ctx context.Context, subject string) ([]activityLine, error) {
	events, err := s.Activity.Activity(ctx, subject, recentKinds, "", 4*recentLines)
	if err != nil {
		return nil, err
	}
	lines, err := s.lines(ctx, events)
	return lines[:min(len(lines), recentLines)], err
}

// lines makes sentences of events, and one line of what happened several times in a row.
func (s *Server) lines(ctx context.Context, events []audit.Event) ([]activityLine, error) {
	var lines []activityLine
	names := map[string]string{}
	for _, e := range fold(events) {
		client, err := s.clientLabel(ctx, e.Client, names)
		if err != nil {
			return nil, err
		}
		line := activityLine{Text: sentence(e, client), Times: 1, Time: e.Time, Address: e.Address, By: by(e.Actor)}
		if e.Kind == audit.EventSignedIn {
			line.Device = e.Detail["browser"]
		}
		line.same = strings.Join([]string{e.Kind, string(line.Text), line.Device, e.Address, e.Actor}, "\x00")
		if last := len(lines) - 1; last >= 0 && lines[last].same == line.same {
			lines[last].Times++
			continue
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// foldTime is how long after the password a sign-in can still go on.
const foldTime = 10 * time.Minute

// fold leaves a password out if the sign-in went on after it: the lines for that say more. What is left of them is
// worth a look, because somebody knows the password who had no code.
func fold(events []audit.Event) []audit.Event {
	var left []audit.Event
	entered := map[string]time.Time{} // by address, when somebody was signed in
	for _, e := range events {        // the newest first
		at, ok := entered[e.Address]
		switch {
		case e.Kind == audit.EventSignedIn:
			entered[e.Address] = e.Time
		case e.Kind == audit.EventPassword && ok && at.Sub(e.Time) <= foldTime:
			continue
		}
		left = append(left, e)
	}
	return left
}

// clientLabel is the name of a client, or its id once it is gone.
func (s *Server) clientLabel(ctx context.Context, id string, known map[string]string) (string, error) {
	if id == "" {
		return "An app", nil
	}
	if name, ok := known[id]; ok {
		return name, nil
	}
	client, err := s.Clients.Client(ctx, id)
	switch {
	case err == nil:
		known[id] = client.Name
	case errors.Is(err, store.ErrNotFound):
		known[id] = id
	default:
		return "", err
	}
	return known[id], nil
}

// sentence fills in what the event knows. Names come from people, so each is kept apart from the text around it.
func sentence(e audit.Event, client string) template.HTML {
	text := activities[e.Kind]
	if e.Detail["set_up"] != "" {
		text = "A wrong code was given while an authenticator was set up."
	}
	pairs := []string{"{proofs}", proofs(e.Detail["amr"]), "{client}", apart(client), "{browser}", browserWords(e.Detail["browser"])}
	for _, name := range []string{"left", "name", "from", "to", "reason"} {
		pairs = append(pairs, "{"+name+"}", apart(e.Detail[name]))
	}
	return template.HTML(strings.NewReplacer(pairs...).Replace(text)) // the texts are ours, and the rest is escaped
}

func apart(text string) string { return "<bdi>" + template.HTMLEscapeString(text) + "</bdi>" }

// browserWords is what an event calls a browser that was remembered or forgotten.
func browserWords(browser string) string {
	switch browser {
	case "":
		return "a device that signed out"
	case "all":
		return "all devices"
	}
	return apart(browser)
}

// proofs says in words what was proved.
func proofs(amr string) string {
	words := strings.Fields(amr)
	switch {
	case slices.Contains(words, "otp"):
		return "the password and a code"
	case slices.Contains(words, "mfa"):
		return "the password and a recovery code"
	}
	return "the password"
}

// by says who acted, if it was not somebody with a browser.
func by(actor string) string {
	switch {
	case actor == "":
		return ""
	case actor == "system":
		return "by this service"
	}
	return "by an administrator"
}

// kept says for how long; empty: for ever.
func kept(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return ui.Span(d)
}

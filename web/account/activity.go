package account

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// Activity is the log of events, as far as it is about one user.
type Activity interface {
	// Activity returns at most n events of the subject, of these kinds, the newest first: those that are older
	// than the one with the id before, or the newest of all if that is empty.
	Activity(ctx context.Context, subject string, kinds []string, before string, n int) ([]audit.Event, error)
}

// Clients are the relying parties.
type Clients interface {
	// Client returns a relying party, or store.ErrNotFound. It ends with ctx.
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

// activities are the texts for what is in the log, by the kind of event; what has none is not shown. See sentence for what
// they may name.
var activities = map[string]string{
	audit.EventPassword:          "activity.password", // see folded
	audit.EventPasswordFailed:    "activity.password.failed",
	audit.EventPasswordLocked:    "activity.password.locked",
	audit.EventRecoveryUsed:      "activity.recovery",
	audit.EventRecoveryFailed:    "activity.recovery.failed",
	audit.EventRecoveryLocked:    "activity.recovery.locked",
	audit.EventDeviceCodeFailed:  "activity.device.failed",
	audit.EventDeviceCodeLocked:  "activity.device.locked",
	audit.EventSignedIn:          "activity.in",
	audit.EventSignedOut:         "activity.out",
	audit.EventOtherEnded:        "activity.out.other",
	audit.EventOthersEnded:       "activity.out.others",
	audit.EventFactorAdded:       "activity.factor.added",
	audit.EventFactorRemoved:     "activity.factor.removed",
	audit.EventFactorRenamed:     "activity.factor.renamed",
	audit.EventCodesMade:         "activity.codes",
	audit.EventBrowserRemembered: "activity.browser.remembered",
	audit.EventBrowserForgotten:  "activity.browser.forgotten",
	audit.EventConsent:           "activity.consent",
	audit.EventConsentDenied:     "activity.consent.denied",
	audit.EventConsentRevoked:    "activity.consent.revoked",
	audit.EventAdminConsent:      "activity.consent.revoked.reason",
	audit.EventAuthorized:        "activity.client",
	audit.EventTokenReused:       "activity.client.reused",
	audit.EventPasswordChanged:   "activity.password.changed",
	audit.EventAdminUserCreated:  "activity.account.created",
	audit.EventAdminUserUpdated:  "activity.account.changed",
	audit.EventAdminUnlocked:     "activity.unlocked",
	audit.EventAdminAccessEnded:  "activity.out.all",
	audit.EventAdminSessionEnded: "activity.out.other.reason",
	audit.EventAdminReset:        "activity.reset",
	audit.EventAdminResetPlanned: "activity.reset.planned",
	audit.EventResetCancelled:    "activity.reset.cancelled",
	audit.EventAdminTOTPAdded:    "activity.factor.added",
	audit.EventAdminTOTPExported: "activity.factor.copied",
	audit.EventAdminEnrolLink:    "activity.link",
}

// activityKinds is what the pages ask for: beside activities, what became of answers of each kind of authenticator.
func (s history) activityKinds() []string {
	kinds := slices.Collect(maps.Keys(activities))
	for _, names := range s.MFA.Names() {
		kinds = append(kinds, audit.ProofFailed(names.Kind), audit.ProofLocked(names.Kind))
	}
	slices.Sort(kinds)
	return kinds
}

// recentKinds leaves the apps out: with a few of those, nobody would see a change of the factors among them.
func (s history) recentKinds() []string {
	return slices.DeleteFunc(s.activityKinds(), func(kind string) bool {
		return kind == audit.EventAuthorized || kind == audit.EventConsent || kind == audit.EventConsentDenied
	})
}

type activityPage struct {
	ui.Frame
	Lines  []activityLine
	Older  string        // address of the next page; empty: there is none
	Newest bool          // this is the first page
	Kept   time.Duration // how long events are kept; 0: for ever
}

// activityLine is an event, or the same one several times in a row.
type activityLine struct {
	Text    ui.Message
	Strange bool // the app that it tells of has registered itself
	Times   int
	Time    time.Time // of the newest
	Device  string    // of a sign-in; may be empty
	Address string
	By      ui.Message // who, if it was not somebody with a browser
	same    string     // lines with the same one are one
}

func (s *Server) activityPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	before := ui.Cut(r.URL.Query().Get("before"), 64)
	events, err := s.Activity.Activity(r.Context(), m.account.Subject, s.activityKinds(), before, activityLines+1)
	if err != nil {
		return err
	}
	p := &activityPage{
		Frame:  ui.Frame{Page: "activity", Title: ui.Say("activity.title"), Account: true, Who: m.account.Label()},
		Newest: before == "", Kept: s.ActivityKept,
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
	return s.Render(w, r, http.StatusOK, "activity", p)
}

// recent are the newest lines, for the security page.
func (s history) recent(ctx context.Context, subject string) ([]activityLine, error) {
	events, err := s.Activity.Activity(ctx, subject, s.recentKinds(), "", 4*recentLines)
	if err != nil {
		return nil, err
	}
	lines, err := s.lines(ctx, events)
	return lines[:min(len(lines), recentLines)], err
}

// lines makes sentences of events, and one line of what happened several times in a row.
func (s history) lines(ctx context.Context, events []audit.Event) ([]activityLine, error) {
	var lines []activityLine
	events = fold(events)
	apps, err := s.clients(ctx, clientsOf(events))
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		app := apps[e.Client]
		line := activityLine{Text: s.sentence(e, app.Label()), Strange: app.IsStrange(), Times: 1, Time: e.Time, Address: e.Address, By: by(e.Actor)}
		if e.Kind == audit.EventSignedIn {
			line.Device = e.Detail["browser"]
		}
		line.same = strings.Join([]string{e.Kind, fmt.Sprint(line.Text), line.Device, e.Address, e.Actor}, "\x00")
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

// sentence is the text for an event with what the event knows: its details, and the client.
func (s history) sentence(e audit.Event, client string) ui.Message {
	msg := s.text(e)
	args := ui.Values{"client": client}
	for _, name := range []string{"left", "name", "from", "to", "reason", "browser"} {
		args[name] = e.Detail[name]
	}
	maps.Copy(args, msg.Args)
	msg.Args = args
	return msg
}

// text tells apart what the kind of an event does not.
func (s history) text(e audit.Event) ui.Message {
	factor, result, _ := audit.Proof(e.Kind)
	names, known := s.MFA.NamesOf(cmp.Or(e.Detail["factor"], factor, s.kindProved(e.Detail["amr"])))
	kind := verify.KindOf(names)
	switch browser := e.Detail["browser"]; {
	case known && e.Detail["set_up"] != "":
		return s.Pages.Activity(kind, "setup")
	case known && e.Kind == audit.EventSignedIn:
		return s.Pages.Activity(kind, "in")
	case known && factor != "":
		return s.Pages.Activity(kind, result)
	case e.Kind == audit.EventSignedIn && strings.Contains(e.Detail["amr"], "mfa"):
		return ui.Say("activity.in.recovery")
	case e.Kind == audit.EventBrowserForgotten && browser == "all":
		return ui.Say("activity.browser.forgotten.all")
	case e.Kind == audit.EventBrowserForgotten && browser == "":
		return ui.Say("activity.browser.forgotten.out")
	}
	return ui.Say(activities[e.Kind])
}

// kindProved is the kind whose method is among the amr values; empty: none is.
func (s history) kindProved(amr string) string {
	for _, names := range s.MFA.Names() {
		if slices.Contains(strings.Fields(amr), names.Method) {
			return names.Kind
		}
	}
	return ""
}

// by says who acted, if it was not somebody with a browser.
func by(actor string) ui.Message {
	switch {
	case actor == "":
		return ui.Message{}
	case actor == "system":
		return ui.Say("activity.by.service")
	}
	return ui.Say("activity.by.administrator")
}

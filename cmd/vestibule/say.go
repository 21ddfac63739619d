package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/mfa/totp"
	"vestibule/web/catalogue"
)

// What commands say to people when all goes well comes from the catalogue. Three things are in English always: JSON, which
// programs read; errors, whose words people search for and logs hold beside those of libraries and databases; and the help,
// whose words errors quote and the library's own stand between.

// english is the language of whoever has none.
var english = sync.OnceValue(func() *catalogue.Language {
	set, err := catalogue.Default()
	if err != nil {
		panic(err) // the files are part of the program, and its tests load them
	}
	return set.Languages()[0]
})

// speaker says texts in one language.
type speaker struct{ language *catalogue.Language }

// voice is the language of the operator.
func (w *env) voice() speaker {
	if w.language == nil {
		return speaker{english()}
	}
	return speaker{w.language}
}

// answers is voice, but English where --output asks for JSON.
func (w *env) answers(c *cli.Command) speaker {
	if wantsJSON(c) {
		return speaker{english()}
	}
	return w.voice()
}

func (s speaker) say(id string, v catalogue.Values) string { return s.language.Text(id, v) }

// say is the text with that ID in the language of the operator.
func (w *env) say(id string, v catalogue.Values) string { return w.voice().say(id, v) }

// tell writes a text as a line, or several.
func (w *env) tell(to io.Writer, id string, v catalogue.Values) error {
	_, err := fmt.Fprintln(to, w.say(id, v))
	return err
}

// head is the first row of a table.
func (w *env) head(ids ...string) []string {
	var row []string
	for _, id := range ids {
		row = append(row, w.say(id, nil))
	}
	return row
}

// moment formats a time for a table, as logs have it.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// moment is the time of what may not have happened.
func (w *env) moment(t time.Time) string {
	if t.IsZero() {
		return w.say("command.never", nil)
	}
	return moment(t)
}

func (w *env) yesNo(yes bool) string {
	if yes {
		return w.say("command.yes", nil)
	}
	return w.say("command.no", nil)
}

func (w *env) onOff(on bool) string {
	if on {
		return w.say("command.on", nil)
	}
	return w.say("command.off", nil)
}

// span is a duration in whole hours or, if it is none, in minutes, rounded up.
func (w *env) span(d time.Duration) string {
	if d%time.Hour == 0 {
		return w.say("command.hours", catalogue.Values{"n": int(d / time.Hour)})
	}
	return w.say("command.minutes", catalogue.Values{"n": int((d + time.Minute - 1) / time.Minute)})
}

// reason is what mfa.Requirement says is why a policy asks something.
func (s speaker) reason(why string) string {
	if name, ok := strings.CutPrefix(why, "the group "); ok {
		return s.say("command.policy.group", catalogue.Values{"name": name})
	}
	if name, ok := strings.CutPrefix(why, "the app "); ok {
		return s.say("command.policy.app", catalogue.Values{"name": name})
	}
	if why == "everybody" {
		return s.say("command.policy.everybody", nil)
	}
	return why
}

// guesses are the texts of what operator.WrongGuesses names.
var guesses = map[string]string{
	"passwords in unknown browsers": "command.guesses.unknown",
	"passwords in a known browser":  "command.guesses.known",
	"one-time codes":                "command.guesses.totp",
	"recovery codes":                "command.guesses.recovery",
	"nothing":                       "command.guesses.none",
}

// guessed is what was guessed at: several with commas between.
func (w *env) guessed(at string) string {
	var all []string
	for name := range strings.SplitSeq(at, ", ") {
		if id, ok := guesses[name]; ok {
			name = w.say(id, nil)
		}
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

// params are those of an authenticator.
func (w *env) params(p totp.Params) string {
	return w.say("command.totp.params", catalogue.Values{"length": p.Digits, "period": p.Period, "algorithm": totp.AlgorithmName(p.Algorithm)})
}

package terminal

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/web/catalogue"
)

// english is the language of whoever has none.
var english = sync.OnceValue(func() *catalogue.Language {
	set, err := catalogue.Default()
	if err != nil {
		panic(err) // the files are part of the program, and its tests load them
	}
	return set.Languages()[0]
})

// Voice says texts in one language.
type Voice struct{ language *catalogue.Language }

// Say is the text with that ID of the catalogue, with the values in the places of its placeholders; nil: it has none.
func (s Voice) Say(id string, v catalogue.Values) string { return s.language.Text(id, v) }

// Language is the one that the voice speaks.
func (s Voice) Language() *catalogue.Language { return s.language }

// Voice speaks the language of the person.
func (t *Terminal) Voice() Voice {
	if t.Language == nil {
		return Voice{english()}
	}
	return Voice{t.Language}
}

// Answers is Voice, but English where --output asks for JSON: for texts that stand in both.
func (t *Terminal) Answers(c *cli.Command) Voice {
	if WantsJSON(c) {
		return Voice{english()}
	}
	return t.Voice()
}

// Say is the text with that ID in the language of the person.
func (t *Terminal) Say(id string, v catalogue.Values) string { return t.Voice().Say(id, v) }

// Tell writes a text as a line, or several, to Stdout or to Stderr.
func (t *Terminal) Tell(to io.Writer, id string, v catalogue.Values) error {
	_, err := fmt.Fprintln(to, t.Say(id, v))
	return err
}

// Head is the first row of a table for Print, by the IDs of its texts.
func (t *Terminal) Head(ids ...string) []string {
	var row []string
	for _, id := range ids {
		row = append(row, t.Say(id, nil))
	}
	return row
}

// Moment formats a time for a table, as logs have it: in UTC, to the second.
func Moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") }

// Moment is the time of what may not have happened; zero: never.
func (t *Terminal) Moment(at time.Time) string {
	if at.IsZero() {
		return t.Say("command.never", nil)
	}
	return Moment(at)
}

// YesNo is an answer to a question that a column asks.
func (t *Terminal) YesNo(yes bool) string {
	if yes {
		return t.Say("command.yes", nil)
	}
	return t.Say("command.no", nil)
}

// OnOff is the state of what can be turned on.
func (t *Terminal) OnOff(on bool) string {
	if on {
		return t.Say("command.on", nil)
	}
	return t.Say("command.off", nil)
}

// Span is a duration in hours or, where those are not whole, in minutes, rounded up.
func (t *Terminal) Span(d time.Duration) string {
	if d%time.Hour == 0 {
		return t.Say("command.hours", catalogue.Values{"n": int(d / time.Hour)})
	}
	return t.Say("command.minutes", catalogue.Values{"n": int((d + time.Minute - 1) / time.Minute)})
}

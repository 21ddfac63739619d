package main

import (
	"strings"

	"vestibule/provider/interaction"
	"vestibule/web/catalogue"
)

// ended says which sessions there were.
func (w *env) ended(sessions []interaction.Session) string {
	if len(sessions) == 0 {
		return w.say("command.session.none", nil)
	}
	var lines []string
	for _, s := range sessions {
		lines = append(lines, w.say("command.session.ended", catalogue.Values{
			"created": moment(s.Created), "methods": strings.Join(s.Login.AMR(), " "), "used": w.moment(s.Seen),
		}))
	}
	return strings.Join(lines, "\n")
}

package config

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with the settings, and what to do about it.
type Fault struct {
	Setting string // empty for what is no setting at all
	Where   string // the line, variable or flag to change
	Text    string
}

// Error gives the place and the sentence.
func (f Fault) Error() string { return f.Where + ": " + f.Text }

// Faults is all that is wrong, so that nobody has to start the server once for each.
type Faults []Fault

// Error gives one line to each fault.
func (f Faults) Error() string {
	var b strings.Builder
	if len(f) == 1 {
		b.WriteString("there is a fault in the settings:")
	} else {
		fmt.Fprintf(&b, "there are %d faults in the settings:", len(f))
	}
	for _, fault := range f {
		b.WriteString("\n  " + fault.Error())
	}
	return b.String()
}

// Package terminal is how the commands of vestibule meet the person who runs them: what a command is given, what it asks
// for, and how it answers. Start at Terminal, and at Terminal.Program, the frame around all commands: it explains each of
// them, counts its arguments, and says what is wrong with a command line. Terminal.Report ends a program.
//
// What is said to people when all goes well comes from the catalogue, in their language. Three things are in English
// always: JSON, which programs read; errors, whose words people search for and logs hold beside those of libraries and
// databases; and the help, whose words errors quote and the library's own stand between.
//
// The package knows no command, and opens no database.
package terminal

import (
	"io"

	"vestibule/web/catalogue"
)

// Terminal is where a command is run: what it reads, and where it writes.
type Terminal struct {
	Stdin  io.Reader // a secret is asked for without an echo if that is the terminal of a person
	Stdout io.Writer // for what was asked for
	Stderr io.Writer // for prompts, warnings and what went wrong

	Language *catalogue.Language // what the person reads; nil: English
}

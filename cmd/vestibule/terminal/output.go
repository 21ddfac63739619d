package terminal

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/urfave/cli/v3"
)

// OutputFlag is --output, for commands that call Print: a table for people, which is the default, or JSON for programs.
func OutputFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "output", Value: "table", Usage: "`table|json`, for people or for programs",
		Validator: func(value string) error {
			if value != "table" && value != "json" {
				return errors.New("it should be table or json")
			}
			return nil
		},
	}
}

// WantsJSON reports whether --output says so; false for a command without OutputFlag.
func WantsJSON(c *cli.Command) bool { return c.String("output") == "json" }

// Print writes value as JSON, or the rows as a table, as --output says. Cells may hold what other people typed: they are
// made Printable, and rows need not be of the same length.
func (t *Terminal) Print(c *cli.Command, value any, rows [][]string) error {
	if WantsJSON(c) {
		encoder := json.NewEncoder(t.Stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	columns := tabwriter.NewWriter(t.Stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(columns, "\t")
			}
			fmt.Fprint(columns, Printable(cell))
		}
		fmt.Fprintln(columns)
	}
	return columns.Flush()
}

// PrintOnce is Print for what nobody can look at again. lost says what was done all the same where it could not be written, and
// what to do about that.
func (t *Terminal) PrintOnce(c *cli.Command, value any, rows [][]string, lost error) error {
	if err := t.Print(c, value, rows); err != nil {
		return Failure(fmt.Sprintf("%v (%v)", lost, err), err)
	}
	return nil
}

// Printable is a text with what a terminal would obey replaced by U+FFFD: names come from other people. Print does so; a
// text that is told or stands in an error needs it.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '\uFFFD'
		}
		return r
	}, text)
}

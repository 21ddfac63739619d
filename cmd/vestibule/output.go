package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// output is the --output flag: a table for people or JSON for programs.
type output string

// String gives the form.
func (o *output) String() string { return string(*o) }

// Set accepts table and json.
func (o *output) Set(value string) error {
	if value != "table" && value != "json" {
		return fmt.Errorf("it should be table or json")
	}
	*o = output(value)
	return nil
}

func outputFlag(f *flag.FlagSet) *output {
	o := output("table")
	f.Var(&o, "output", "`table|json`, for people or for programs")
	return &o
}

// print writes value as JSON, or the rows, the first of which is the head.
func (o *output) print(w io.Writer, value any, rows [][]string) error {
	if *o == "json" {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(columns, "\t")
			}
			fmt.Fprint(columns, printable(cell))
		}
		fmt.Fprintln(columns)
	}
	return columns.Flush()
}

// printable takes out what a terminal would obey: names come from other people.
func printable(cell string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return '\uFFFD'
		}
		return r
	}, cell)
}

// moment formats a time for a table.
func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

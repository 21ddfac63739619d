package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/urfave/cli/v3"
)

// outputFlag is --output: a table for people or JSON for programs.
func outputFlag() cli.Flag {
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

// wantsJSON reports whether --output says so.
func wantsJSON(c *cli.Command) bool { return c.String("output") == "json" }

// print writes value as JSON, or the rows, the first of which is the head, as --output says.
func (w *env) print(c *cli.Command, value any, rows [][]string) error {
	if wantsJSON(c) {
		encoder := json.NewEncoder(w.stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	}
	columns := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
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

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// usageError is a command line that cannot be run.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// wrongUsage makes one usage error of the faults that are not nil, so that each is reported; nil if there is none.
func wrongUsage(faults ...error) error {
	if err := errors.Join(faults...); err != nil {
		return &usageError{err.Error()}
	}
	return nil
}

// asFlags is an error in the words of a command line: what an operation says of its arguments is said of the flags.
func asFlags(err error) error {
	var wrong *operator.Invalid
	if !errors.As(err, &wrong) {
		return err
	}
	var lines []string
	for _, fault := range wrong.Unwrap() {
		text := fault.Error()
		if _, ok := fault.(*operator.Fault); ok {
			text = "--" + text
		}
		lines = append(lines, text)
	}
	return &usageError{strings.Join(lines, "\n")}
}

// result is a sentence for the person and a cause for the exit code.
type result struct {
	text  string
	cause error
}

func (o *result) Error() string { return o.text }
func (o *result) Unwrap() error { return o.cause }

// report prints what went wrong, if anything, and returns the exit code.
func report(w *env, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(w.stderr, "vestibule: %v\n", err)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return 2
	case errors.Is(err, store.ErrNotFound):
		return 3
	case errors.Is(err, store.ErrConflict):
		return 4
	}
	return 1
}

// withUsage adds to a usage error how the command is used.
func withUsage(c *cli.Command, err error) error {
	var usage *usageError
	if !errors.As(err, &usage) || len(c.VisibleCommands()) > 0 {
		return err
	}
	return &usageError{err.Error() + "\nusage: " + usageLine(c) + "\nmore:  " + c.FullName() + " --help"}
}

func usageLine(c *cli.Command) string {
	return strings.TrimSpace(c.FullName()+" "+c.ArgsUsage) + " [flags]"
}

// flagError says what is wrong with a flag. The library writes one dash, for long names too.
func flagError(c *cli.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return &usageError{"there is no flag --" + strings.TrimLeft(name, "-") + didYouMean("--", strings.TrimLeft(name, "-"), flagNames(c))}
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return &usageError{"--" + strings.TrimLeft(name, "-") + " needs a value"}
	}
	if head, ok := strings.CutSuffix(text, ": parse error"); ok { // the library says that of truth values only
		text = strings.Replace(strings.Replace(head, "invalid value", "invalid boolean value", 1), " for flag -", " for -", 1)
	}
	if head, _, ok := strings.Cut(text, ": strconv."); ok {
		text = head + ": it should be a whole number"
	}
	text = strings.Replace(text, `" for flag -`, `" for flag --`, 1)
	return &usageError{strings.Replace(text, `" for -`, `" for --`, 1)}
}

func flagNames(c *cli.Command) []string {
	var names []string
	for _, f := range c.Flags {
		names = append(names, f.Names()[0])
	}
	return names
}

// didYouMean is a line with the name that the word is one or two slips away from; empty if there is none.
func didYouMean(before, word string, names []string) string {
	best, least := "", min(2, (len(word)+1)/2)+1
	for _, name := range names {
		if d := slips(word, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "\ndid you mean " + before + best + "?"
}

// slips is how many letters must be put in, left out or replaced to make b of a.
func slips(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost++
			}
			corner = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

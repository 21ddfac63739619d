package terminal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// usageError is a command line that cannot be run.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// UsageError is the fault of a command line that cannot be run, in the words of its flags and arguments. Report ends the
// program with 2 for it.
func UsageError(text string) error { return &usageError{text} }

// UsageErrors makes one usage error of the faults that are not nil, so that each is reported; nil if there is none.
func UsageErrors(faults ...error) error {
	if err := errors.Join(faults...); err != nil {
		return UsageError(err.Error())
	}
	return nil
}

// Exclude is a fault for UsageErrors if two flags were given that exclude each other; else nil.
func Exclude(both bool, text string) error {
	if both {
		return errors.New(text)
	}
	return nil
}

// Missing is a fault for UsageErrors if a flag that is required has no value; else nil. The name comes with its dashes.
func Missing(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}

// AsFlags is an error in the words of a command line: what an operation says of its arguments, an
// operator.Invalid, is a usage error of the flags. Any other error, or none, stays as it is. Program does so with what
// commands return.
func AsFlags(err error) error {
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
	return UsageError(strings.Join(lines, "\n"))
}

// result is a sentence for the person and a cause for the exit code.
type result struct {
	text  string
	cause error
}

func (o *result) Error() string { return o.text }
func (o *result) Unwrap() error { return o.cause }

// Failure is an error that says the sentence to the person and nothing of its cause, which Report tells the exit code by.
func Failure(text string, cause error) error { return &result{text, cause} }

// Report prints what went wrong, if anything, to Stderr and returns the exit code: 0 for nil, 2 for a usage error, 3 for
// what is not found (store.ErrNotFound), 4 for what exists already or has changed meanwhile (store.ErrConflict), else 1.
func (t *Terminal) Report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(t.Stderr, "vestibule: %v\n", err)
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
	return UsageError(err.Error() + "\nusage: " + usageLine(c) + "\nmore:  " + c.FullName() + " --help")
}

func usageLine(c *cli.Command) string {
	return strings.TrimSpace(c.FullName()+" "+c.ArgsUsage) + " [flags]"
}

// flagError says what is wrong with a flag. The library writes one dash, for long names too.
func flagError(c *cli.Command, err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		return UsageError("there is no flag --" + strings.TrimLeft(name, "-") + didYouMean("--", strings.TrimLeft(name, "-"), flagNames(c)))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: "); ok {
		return UsageError("--" + strings.TrimLeft(name, "-") + " needs a value")
	}
	if head, ok := strings.CutSuffix(text, ": parse error"); ok { // the library says that of truth values only
		text = strings.Replace(strings.Replace(head, "invalid value", "invalid boolean value", 1), " for flag -", " for -", 1)
	}
	if head, _, ok := strings.Cut(text, ": strconv."); ok {
		text = head + ": it should be a whole number"
	}
	if head, _, ok := strings.Cut(text, ": time: "); ok {
		text = head + ": it should be a time such as 90s, 30m or 24h"
	}
	text = strings.Replace(text, `" for flag -`, `" for flag --`, 1)
	return UsageError(strings.Replace(text, `" for -`, `" for --`, 1))
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
	best := spelling.Nearest(word, names, min(2, len(word)/2))
	if best == "" {
		return ""
	}
	return "\ndid you mean " + before + best + "?"
}

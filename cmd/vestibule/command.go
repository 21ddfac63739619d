package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"vestibule/provider/store"
)

// command is a row of the table: words that call it, positional arguments, a sentence.
type command struct {
	words string
	args  string
	about string
	build func(f *flag.FlagSet) action
}

// action is a command whose flags were parsed. args has as many values as the command has arguments.
type action func(ctx context.Context, w *env, args []string) error

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

// run is the program without the process around it.
func run(ctx context.Context, args []string, w *env) error {
	if len(args) > 0 && slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		return help(w.stdout, args[1:])
	}
	c, rest, err := find(args)
	if err != nil {
		return err
	}
	f := flag.NewFlagSet(c.words, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	act := c.build(f)
	values, err := parse(f, rest)
	if errors.Is(err, flag.ErrHelp) {
		c.help(w.stdout, f)
		return nil
	}
	if err == nil {
		err = c.count(values)
	}
	if err == nil {
		err = act(ctx, w, values)
	}
	var usage *usageError
	if errors.As(err, &usage) {
		return &usageError{err.Error() + "\nusage: " + c.line() + "\nmore:  vestibule " + c.words + " --help"}
	}
	return err
}

// find takes the words of a command from the beginning of args.
func find(args []string) (command, []string, error) {
	for _, c := range commands {
		words := strings.Fields(c.words)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return c, args[len(words):], nil
		}
	}
	if len(args) == 0 {
		return command{}, nil, &usageError{"say what to do\n" + table("")}
	}
	if some := table(args[0]); some != "" {
		return command{}, nil, &usageError{"say what to do with " + args[0] + "\n" + some}
	}
	return command{}, nil, &usageError{fmt.Sprintf("there is no command %q\n%s", args[0], table(""))}
}

// parse reads flags before, between and after the arguments; what follows -- is no flag.
func parse(f *flag.FlagSet, args []string) ([]string, error) {
	var plain []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, plain = args[:i], args[i+1:]
	}
	var values []string
	for {
		if err := f.Parse(args); err != nil {
			return nil, flagError(err)
		}
		if f.NArg() == 0 {
			return append(values, plain...), nil
		}
		values, args = append(values, f.Arg(0)), f.Args()[1:]
	}
}

func flagError(err error) error {
	if errors.Is(err, flag.ErrHelp) {
		return err
	}
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		text = "there is no flag --" + strings.TrimPrefix(name, "-")
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		text = "--" + strings.TrimPrefix(name, "-") + " needs a value"
	}
	// The package writes one dash: invalid value "xml" for flag -output: ...
	text = strings.Replace(text, `" for flag -`, `" for flag --`, 1)
	text = strings.Replace(text, `" for -`, `" for --`, 1)
	return &usageError{text}
}

func (c command) count(values []string) error {
	wanted := strings.Fields(c.args)
	switch {
	case len(values) < len(wanted) && !strings.HasPrefix(wanted[len(values)], "["): // one in brackets may be left out
		return &usageError{wanted[len(values)] + " is missing"}
	case len(values) > len(wanted):
		return &usageError{fmt.Sprintf("there is an argument too many: %q; to give a flag several values, repeat the flag", values[len(wanted)])}
	}
	return nil
}

func (c command) line() string {
	return strings.TrimSpace("vestibule "+c.words+" "+c.args) + " [flags]"
}

func (c command) help(w io.Writer, f *flag.FlagSet) {
	fmt.Fprintf(w, "%s: %s\n\nusage: %s\n", c.words, c.about, c.line())
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	f.VisitAll(func(one *flag.Flag) {
		value, usage := flag.UnquoteUsage(one)
		fmt.Fprintf(columns, "  --%s %s\t%s\n", one.Name, value, usage)
	})
	columns.Flush()
}

// help explains a command, or lists those that begin with the words.
func help(w io.Writer, words []string) error {
	first := strings.Join(words, " ")
	if len(words) == 0 {
		fmt.Fprint(w, "Vestibule is an OpenID Connect authorization server.\n\n")
	}
	if some := table(first); some != "" {
		fmt.Fprintf(w, "%s\nvestibule COMMAND --help tells more.\n", some)
		return nil
	}
	c, _, err := find(words)
	if err != nil {
		return err
	}
	f := flag.NewFlagSet(c.words, flag.ContinueOnError)
	c.build(f)
	c.help(w, f)
	return nil
}

// table lists the commands that begin with a word, or all.
func table(first string) string {
	var b strings.Builder
	columns := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range commands {
		if first == "" || strings.HasPrefix(c.words, first+" ") {
			fmt.Fprintf(columns, "  vestibule %s\t%s\n", strings.TrimSpace(c.words+" "+c.args), c.about)
		}
	}
	columns.Flush()
	return b.String()
}

// list is a flag that may be repeated.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

// Set adds a value.
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

// words is a list whose values may themselves hold several words.
type words []string

func (l *words) String() string { return strings.Join(*l, " ") }

// Set adds the words of a value.
func (l *words) Set(value string) error {
	*l = append(*l, strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })...)
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/bench"
	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/account"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

// benchSeed makes users to measure with.
func benchSeed(w *env) *cli.Command {
	return &cli.Command{
		Name: "seed", Usage: "make users to measure with, who can sign in until bench clean",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "users", Usage: "`file` to write the secrets of the users to; required", TakesFile: true},
			&cli.IntFlag{Name: "count", Value: 10_000, Usage: "how `many` users: each can sign in twice a minute"},
			&cli.BoolFlag{Name: "yes-this-database", Usage: "make them beside users who are real"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			path, n := c.String("users"), c.Int("count")
			err := terminal.UsageErrors(terminal.Missing("--users", path), terminal.Exclude(n < 1 || n > 999_999, "--count: should be from 1 to 999999"))
			if err != nil {
				return err
			}
			s, err := w.settings(c, append([]string{"hash_memory", "hash_passes"}, ofVault...)...)
			if err != nil {
				return err
			}
			return openVault(ctx, s, func(v unsealed) error { return w.seed(ctx, v, path, n, c.Bool("yes-this-database")) })
		},
	}
}

// seed leaves no file behind whose users are not all there.
func (w *env) seed(ctx context.Context, v unsealed, path string, n int, beside bool) error {
	file, err := bench.Create(path)
	if errors.Is(err, os.ErrExist) {
		return terminal.Failure(fmt.Sprintf("--users: there is a file %s already; choose another name", path), store.ErrConflict)
	}
	if err != nil {
		return fmt.Errorf("--users: %w", err)
	}
	o := v.operations()
	o.Hasher = &account.Hasher{Memory: uint32(v.config.HashMemory), Passes: uint32(v.config.HashPasses)} // or each first sign-in would hash anew
	made, err := bench.Seed(ctx, o, n, beside)
	if err != nil {
		return errors.Join(seedFault(err), file.Close(), os.Remove(path))
	}
	if err := made.Write(file); err != nil {
		return fmt.Errorf("the users are there, but not the file: run vestibule bench clean, and then this again: %w", err)
	}
	if err := w.Tell(w.Stdout, "command.bench.seeded", catalogue.Values{"n": n, "first": made.Users[0].Username, "last": made.Users[n-1].Username, "client": made.ClientID, "file": path}); err != nil {
		return err
	}
	return w.Tell(w.Stdout, "command.bench.seeded.warn", nil)
}

func seedFault(err error) error {
	switch {
	case errors.Is(err, bench.ErrSeeded):
		return terminal.Failure(err.Error()+"; vestibule bench clean removes them", store.ErrConflict)
	case errors.Is(err, bench.ErrOthers):
		return fmt.Errorf("%w: measure with a database of its own; --yes-this-database makes more users here, who can sign in until vestibule bench clean removes them", err)
	}
	return err
}

// benchClean removes the users to measure with.
func benchClean(w *env) *cli.Command {
	return &cli.Command{
		Name: "clean", Usage: "remove the users to measure with, and all that came of them", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.operate(ctx, c, func(o *operator.Operator) error {
				done, err := bench.Clean(ctx, o)
				return errors.Join(w.tellCleaned(done, err == nil), err)
			})
		},
	}
}

// tellCleaned says what was removed, also if it is not all.
func (w *env) tellCleaned(done bench.Cleaned, all bool) error {
	var said error
	if done.Users > 0 {
		said = w.Tell(w.Stdout, "command.bench.cleaned.users", catalogue.Values{"n": done.Users})
	}
	if done.Client {
		said = errors.Join(said, w.Tell(w.Stdout, "command.bench.cleaned.client", catalogue.Values{"client": operator.SeedClient}))
	}
	if all && done == (bench.Cleaned{}) {
		return w.Tell(w.Stdout, "command.bench.cleaned.none", nil)
	}
	return said
}

// benchRun measures a server.
func benchRun(w *env) *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "measure sign-ins and the use of tokens at a running server",
		Flags: []cli.Flag{
			configFlag(),
			&cli.StringFlag{Name: "issuer", Usage: "`address` of the server", Category: asSetting},
			&cli.StringFlag{Name: "users", Usage: "`file` that bench seed has written; required", TakesFile: true},
			&cli.StringFlag{Name: "clients", Value: "1,16", Usage: "how `many` are at it at once; several numbers, separated by commas, one after the other"},
			&cli.DurationFlag{Name: "duration", Value: 10 * time.Second, Usage: "`time` for each operation and number of clients"},
			&cli.StringFlag{Name: "operations", Usage: "`names` of those to measure, separated by commas: " + strings.Join(bench.Operations(), ", "), DefaultText: "all"},
			&cli.StringFlag{Name: "metrics", Usage: "`address` of /metrics of the server, such as http://127.0.0.1:9091/metrics, to see what each operation costs its processor"},
			terminal.OutputFlag(),
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			m, err := w.measurement(c)
			if err != nil {
				return err
			}
			results, err := bench.Run(ctx, m)
			switch {
			case ctx.Err() != nil && len(results) == 0:
				return errors.New("interrupted before anything was measured")
			case ctx.Err() != nil:
				err = errors.New("interrupted; what was measured until then is all that there is, and the last row is of a part of its time")
			}
			if len(results) > 0 { // what was measured until then
				err = errors.Join(w.Print(c, results, w.benchTable(results)), err)
			}
			return err
		},
	}
}

// measurement is what the flags ask for.
func (w *env) measurement(c *cli.Command) (bench.Config, error) {
	path := c.String("users")
	m := bench.Config{
		Duration: c.Duration("duration"), Metrics: c.String("metrics"),
		Waits: func(until time.Time) {
			w.Tell(w.Stderr, "command.bench.waits", catalogue.Values{"time": terminal.Moment(until)})
		},
		Measured: func(r bench.Result) {
			w.Tell(w.Stderr, "command.bench.measured", catalogue.Values{"operation": r.Operation, "clients": r.Clients})
		},
	}
	for text := range strings.SplitSeq(c.String("clients"), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return m, terminal.UsageError("--clients: should be numbers, separated by commas, such as 1,16")
		}
		m.Clients = append(m.Clients, n)
	}
	for text := range strings.SplitSeq(c.String("operations"), ",") {
		if name := strings.TrimSpace(text); name != "" {
			m.Operations = append(m.Operations, name)
		}
	}
	if err := terminal.UsageErrors(terminal.Missing("--users", path), m.Check()); err != nil {
		return m, err
	}
	s, err := w.settings(c, "issuer")
	if err != nil {
		return m, err
	}
	m.Issuer = s.Issuer
	if m.Users, err = bench.Read(path); err != nil {
		return m, fmt.Errorf("--users: %w", err)
	}
	return m, nil
}

// benchTable has a row for each result, and then what went wrong.
func (w *env) benchTable(results []bench.Result) [][]string {
	rows := [][]string{w.Head("command.column.operation", "command.column.clients", "command.column.count", "command.column.rate",
		"command.column.p50", "command.column.p99", "command.column.max", "command.column.cpu", "command.column.failed")}
	for _, r := range results {
		cpu := "-"
		if r.CPU > 0 {
			cpu = decimal(r.CPU)
		}
		rows = append(rows, []string{
			r.Operation, strconv.Itoa(r.Clients), strconv.Itoa(r.Count), decimal(r.Rate), decimal(r.P50), decimal(r.P99), decimal(r.Max), cpu, strconv.Itoa(r.Failed),
		})
	}
	for _, r := range results {
		for _, e := range r.Errors {
			rows = append(rows, []string{w.Say("command.bench.error", catalogue.Values{
				"operation": r.Operation, "clients": r.Clients, "n": e.Count, "kind": e.Kind, "example": e.Example,
			})})
		}
	}
	return rows
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// maxClientFile is how many bytes client import reads.
const maxClientFile = 16 << 20

// clientExport writes registrations as client import reads them.
func clientExport(w *env) *cli.Command {
	return &cli.Command{
		Name: "export", ArgsUsage: "[ID...]", Usage: "write apps as JSON in the names of RFC 7591; without an ID all",
		Flags: databaseFlags(&cli.BoolFlag{Name: "secret-hashes", Usage: "with what the client secrets are checked by, so that they stay good where it is imported; keep such a file to yourself"}),
		Action: func(ctx context.Context, c *cli.Command) error {
			var found []client.Client
			err := w.read(ctx, c, func(db *storage.Store) (err error) {
				found, err = clientsOf(ctx, db, c.Args().Slice())
				return err
			})
			if err != nil {
				return err
			}
			documents := []client.Document{}
			for _, one := range found {
				d := client.Document{Client: one}
				if c.Bool("secret-hashes") {
					d.Hash = one.SecretHash
				}
				documents = append(documents, d)
			}
			encoder := json.NewEncoder(w.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(documents)
		},
	}
}

// clientsOf are those with the ids, in their order; all if there are none.
func clientsOf(ctx context.Context, db *storage.Store, ids []string) ([]client.Client, error) {
	if len(ids) == 0 {
		return db.Clients(ctx)
	}
	var found []client.Client
	for _, id := range ids {
		one, err := db.Client(ctx, id)
		if err != nil {
			return nil, noClient(id, err)
		}
		found = append(found, one)
	}
	return found, nil
}

// clientImport registers what a file holds.
func clientImport(w *env) *cli.Command {
	return &cli.Command{
		Name: "import", ArgsUsage: "FILE", Usage: "register the apps of a JSON file in the names of RFC 7591, all or none; - is standard input",
		Flags: databaseFlags(
			&cli.BoolFlag{Name: "replace", Usage: "an app that is registered becomes what the file says; it keeps its secret if the file has none"},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			documents, err := readClientFile(w, c.Args().First())
			if err != nil {
				return err
			}
			for _, d := range documents {
				if err := w.tellUnread(d); err != nil {
					return err
				}
			}
			s, err := w.settings(c, "database")
			if err != nil {
				return err
			}
			return operateOn(ctx, s, func(o *operator.Operator) error {
				done, err := o.ImportClients(ctx, registrations(documents), c.Bool("replace"))
				if err != nil {
					return importClientsFault(err)
				}
				return w.printImport(c, done)
			})
		},
	}
}

func importClientsFault(err error) error {
	if taken := resourceFault(err); taken != nil {
		return taken
	}
	var there *operator.ClientTaken
	switch {
	case errors.As(err, &there):
		return terminal.Failure(there.Error()+"; nothing was imported: take those that are registered out of the file, or have them changed with --replace", err)
	case errors.Is(err, store.ErrConflict):
		return terminal.Failure("somebody else registered, changed or removed one of these apps at the same moment; nothing was imported: run this again", err)
	}
	return err
}

// tellUnread says what of a document means nothing here.
func (w *env) tellUnread(d client.Document) error {
	if len(d.Unread) == 0 {
		return nil
	}
	names := terminal.Printable(strings.Join(d.Unread, ", "))
	return w.Tell(w.Stderr, "command.client.unread", catalogue.Values{"id": terminal.Printable(d.ID), "names": names})
}

// readClientFile reads the file; - is standard input. What the file holds and cannot be read is a usage error, as is what
// cannot be registered.
func readClientFile(w *env, path string) ([]client.Document, error) {
	file := io.NopCloser(w.Stdin)
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		file = opened
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxClientFile+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > maxClientFile {
		return nil, terminal.UsageError(fmt.Sprintf("%s: it is longer than %d MiB", path, maxClientFile>>20))
	}
	documents, err := client.ReadDocuments(data)
	if err != nil {
		return nil, terminal.UsageError(fmt.Sprintf("%s: %v", path, err))
	}
	return documents, nil
}

// registrations are what the documents want registered.
func registrations(documents []client.Document) []operator.NewClient {
	var all []operator.NewClient
	for _, d := range documents {
		n := operator.NewClient{Client: d.Client, Secret: d.Secret}
		n.SecretHash = d.Hash
		all = append(all, n)
	}
	return all
}

// importedClient is how JSON shows what came of one.
type importedClient struct {
	shownClient
	Outcome string `json:"outcome"` // registered, changed, same
}

func (w *env) printImport(c *cli.Command, done []operator.ImportedClient) error {
	shown, made, renamed := []importedClient{}, []string{}, []string{}
	rows := [][]string{w.Head("command.column.id", "command.column.state", "command.column.secret")}
	for _, one := range done {
		if one.Renamed {
			renamed = append(renamed, one.ID)
		}
		if one.Secret != "" {
			made = append(made, one.ID)
		}
		view := importedClient{clientView(one.Client), one.Outcome}
		view.Secret = one.Secret
		shown = append(shown, view)
		rows = append(rows, []string{one.ID, w.Say(importOutcomes[one.Outcome], nil), one.Secret})
	}
	if err := w.PrintOnce(c, shown, rows, importNotShown(made)); err != nil {
		return err
	}
	for _, id := range renamed {
		if err := w.Tell(w.Stderr, "command.client.subjects", catalogue.Values{"id": id}); err != nil {
			return err
		}
	}
	if len(made) == 0 {
		return nil
	}
	return w.Tell(w.Stderr, "command.client.secret.once", nil)
}

// importNotShown says what to do where the apps were imported, and the secrets that some were given could not be shown.
func importNotShown(made []string) error {
	if len(made) == 0 {
		return errors.New("the apps are imported, but that could not be shown")
	}
	return fmt.Errorf("the apps are imported, but the secrets of some could not be shown; give each of them another, which can, by vestibule client secret rotate: %s",
		strings.Join(made, ", "))
}

// importOutcomes are the texts of what can come of a registration.
var importOutcomes = map[string]string{
	operator.ImportRegistered: "command.client.import.registered", operator.ImportChanged: "command.client.import.changed",
	operator.ImportSame: "command.client.import.same",
}

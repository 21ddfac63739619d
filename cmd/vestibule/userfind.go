package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/pairwise"
	"vestibule/provider/store"
)

// userFind finds the user whom apps know by a pairwise subject.
func userFind(w *env) *cli.Command {
	return &cli.Command{
		Name: "find", Usage: "find the user whom apps know by a pairwise subject",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "pairwise", Usage: "`subject`, the sub that an app has told you; required"},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			sub := c.String("pairwise")
			if sub == "" {
				return terminal.UsageErrors(errors.New("--pairwise is missing: the sub that an app has told you"))
			}
			return w.withVault(ctx, c, func(v unsealed) error {
				found, err := v.behind(ctx, sub)
				if err != nil {
					return err
				}
				return w.Print(c, found, [][]string{
					{w.Say("command.user.name", nil), found.Username}, {w.Say("command.user.subject", nil), found.Subject},
					{w.Say("command.user.known_by", nil), strings.Join(found.Clients, " ")},
				})
			})
		},
	}
}

// knownUser is how JSON shows the user behind a pairwise subject.
type knownUser struct {
	Subject  string   `json:"subject"`
	Username string   `json:"username"` // empty: another program keeps the accounts, or the user is gone
	Clients  []string `json:"clients"`  // ids of the apps that know the user by it
}

// behind finds the user by the clients that there are: a subject is of a sector.
func (v unsealed) behind(ctx context.Context, sub string) (knownUser, error) {
	none := terminal.Failure(fmt.Sprintf("no app knows a user by the pairwise subject %s", terminal.Printable(sub)), store.ErrNotFound)
	row, err := v.db.PairwiseKey(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound): // no server has been started on this database
		return knownUser{}, none
	case err != nil:
		return knownUser{}, err
	}
	key, err := pairwise.Open(row, v.keys)
	if err != nil {
		return knownUser{}, err
	}
	all, err := v.db.Clients(ctx)
	if err != nil {
		return knownUser{}, err
	}
	var found knownUser
	for _, one := range all {
		if subject, ok := key.OpenSubject(one, sub); ok && one.Sector() != "" {
			found.Subject, found.Clients = subject, append(found.Clients, one.ID)
		}
	}
	if found.Subject == "" {
		return found, none
	}
	user, err := v.db.Account(ctx, found.Subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return found, err
	}
	found.Username = user.Username
	return found, nil
}

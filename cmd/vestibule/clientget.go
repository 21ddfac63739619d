package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/client"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// clientGet shows all that an app registers.
func clientGet(w *env) *cli.Command {
	return &cli.Command{
		Name: "get", ArgsUsage: "ID", Usage: "show what an app registers, in the names of RFC 7591", Flags: databaseFlags(terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			var found client.Client
			err := w.read(ctx, c, func(db *storage.Store) (err error) {
				found, err = db.Client(ctx, c.Args().First())
				return err
			})
			if err != nil {
				return noClient(c.Args().First(), err)
			}
			rows, err := w.clientRows(found)
			if err != nil {
				return err
			}
			return w.Print(c, clientView(found), rows)
		},
	}
}

// clientRows have a line for each thing that it registers.
func (w *env) clientRows(c client.Client) ([][]string, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	rows := [][]string{
		{w.Say("command.client.id", nil), c.ID}, {w.Say("command.client.created", nil), w.Moment(c.Created)}, {w.Say("command.client.changed", nil), w.Moment(c.Updated)},
	}
	delete(members, "client_id")
	delete(members, "registered_by")
	rows = append(rows, []string{w.Say("command.client.registered_by", nil), w.registrant(c)})
	for _, p := range c.GoodPreviousSecrets(time.Now()) {
		rows = append(rows, w.previousRow(p.Ends))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		rows = append(rows, []string{name, w.memberText(members[name])})
	}
	return rows, nil
}

// previousRow says until when a secret of before is good.
func (w *env) previousRow(until time.Time) []string {
	return []string{w.Say("command.client.previous", nil), w.Say("command.client.previous.until", catalogue.Values{"time": w.Moment(until)})}
}

// memberText is a value of JSON as a table has it.
func (w *env) memberText(value any) string {
	switch value := value.(type) {
	case bool:
		return w.YesNo(value)
	case []any:
		var all []string
		for _, one := range value {
			all = append(all, w.memberText(one))
		}
		return strings.Join(all, " ")
	case map[string]any:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			all = append(all, fmt.Sprintf("%s=%s", name, w.memberText(value[name])))
		}
		return strings.Join(all, " ")
	}
	return fmt.Sprint(value)
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"vestibule/provider"
	"vestibule/provider/audit"
	rp "vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/storage"
)

// clientUpdate changes what is given and leaves the rest.
func clientUpdate(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	out := outputFlag(f)
	var change clientChange
	f.Var(&change.uris, "redirect-uri", "`address` to send users back to, in place of those there are; may be repeated")
	f.Var(&change.scopes, "scope", "`scope` that the app may ask for, in place of those there are; may be repeated")
	f.Var(&change.names, "acr-name", "`LEVEL=NAME`, what the app calls aal1 or aal2, in place of the names there are; may be repeated")
	f.BoolVar(&change.noNames, "no-acr-names", false, "the app has no names of its own for the levels any more")
	f.Func("name", "`name` that users see", func(value string) error {
		change.name = &value
		return nil
	})
	f.BoolFunc("require-two-steps", "its users must have two-step verification; =false: no longer", func(value string) error {
		yes, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("it should be true or false")
		}
		change.twoSteps = &yes
		return nil
	})
	return func(ctx context.Context, w *env, args []string) error {
		if err := change.check(); err != nil {
			return err
		}
		var c rp.Client
		err := withStore(ctx, w, load, func(db *storage.Store) (err error) {
			c, err = updateClient(ctx, db, args[0], &change)
			return err
		})
		if err != nil {
			return err
		}
		return out.print(w.stdout, clientView(c), [][]string{{"updated client " + c.ID}})
	}
}

// clientChange is what of a client changes.
type clientChange struct {
	name     *string
	twoSteps *bool
	uris     list
	scopes   words
	names    acrNames
	noNames  bool
}

func (ch *clientChange) check() error {
	switch {
	case ch.noNames && len(ch.names) > 0:
		return &usageError{"--acr-name and --no-acr-names exclude each other"}
	case ch.name == nil && ch.twoSteps == nil && !ch.noNames && len(ch.uris)+len(ch.scopes)+len(ch.names) == 0:
		return &usageError{"say what to change"}
	}
	return nil
}

// apply changes c and returns the names of what it has changed.
func (ch *clientChange) apply(c *rp.Client) []string {
	var changed []string
	set := func(name string, given bool, change func()) {
		if given {
			changed = append(changed, name)
			change()
		}
	}
	set("name", ch.name != nil, func() { c.Name = *ch.name })
	set("redirect URIs", len(ch.uris) > 0, func() { c.RedirectURIs = ch.uris })
	set("scopes", len(ch.scopes) > 0, func() { c.Scopes = ch.scopes })
	set("two steps", ch.twoSteps != nil, func() { c.TwoSteps = *ch.twoSteps })
	set("acr names", ch.noNames || len(ch.names) > 0, func() { c.ACRNames = ch.names.byLevel() })
	return changed
}

// updateClient changes a client unless somebody else does so at the same moment.
func updateClient(ctx context.Context, db *storage.Store, id string, change *clientChange) (rp.Client, error) {
	c, err := findClient(ctx, db, id)
	if err != nil {
		return c, err
	}
	was := c.Updated
	c.Updated = time.Now()
	e := clientEvent(audit.EventAdminClientUpdated, c.ID)
	e.Detail = map[string]string{"changed": strings.Join(change.apply(&c), ", ")}
	if err := wrongUsage(rp.Check(c)); err != nil {
		return c, err
	}
	err = db.Atomic(ctx, func(ctx context.Context) error {
		if err := db.UpdateClient(ctx, c, was); err != nil {
			return err
		}
		return commandAuditor(db, time.Now).Record(ctx, e)
	})
	if errors.Is(err, store.ErrConflict) {
		return c, &result{fmt.Sprintf("somebody else changed or removed client %s at the same moment; look at it with vestibule client list, then try again", c.ID), err}
	}
	return c, err
}

func findClient(ctx context.Context, db *storage.Store, id string) (rp.Client, error) {
	c, err := db.Client(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, noClient(id, err)
	}
	return c, err
}

func noClient(id string, err error) error {
	return &result{fmt.Sprintf("there is no client %s", printable(id)), err}
}

// acrNames is a flag whose values are LEVEL=NAME.
type acrNames []provider.ACRName

func (n *acrNames) String() string { return "" }

// Set adds a name.
func (n *acrNames) Set(value string) error {
	level, name, ok := strings.Cut(value, "=")
	if !ok {
		return errors.New("it should be LEVEL=NAME, such as aal2=https://refeds.org/profile/mfa")
	}
	*n = append(*n, provider.ACRName{Level: level, Name: name})
	return nil
}

// byLevel keeps the order: the first name of a level is the one in answers.
func (n acrNames) byLevel() map[string][]string {
	if len(n) == 0 {
		return nil
	}
	names := map[string][]string{}
	for _, one := range n {
		names[one.Level] = append(names[one.Level], one.Name)
	}
	return names
}

// acrNamesText shows names as the flag takes them.
func acrNamesText(names map[string][]string) string {
	var all []string
	for _, level := range slices.Sorted(maps.Keys(names)) {
		for _, name := range names[level] {
			all = append(all, level+"="+name)
		}
	}
	return strings.Join(all, " ")
}

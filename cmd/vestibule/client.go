package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	rp "vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/storage"
)

// clientCreate registers a relying party.
func clientCreate(f *flag.FlagSet) action {
	load := databaseFlags(f)
	out := outputFlag(f)
	var uris list
	var scopes words
	f.Var(&uris, "redirect-uri", "`address` to send users back to; may be repeated")
	f.Var(&scopes, "scope", "`scope` that the app may ask for; may be repeated (default openid profile email offline_access)")
	name := f.String("name", "", "`name` that users see")
	public := f.Bool("public", false, "the app cannot keep a secret: it runs in a browser or on the user's device")
	api := f.Bool("resource-server", false, "an API: it asks at /introspect about access tokens, and signs nobody in")
	twoSteps := f.Bool("require-two-steps", false, "its users must have two-step verification")
	var names acrNames
	f.Var(&names, "acr-name", "`LEVEL=NAME`, what the app calls aal1 or aal2; may be repeated, the first of a level is the one in answers")
	algorithm := f.String("id-token-alg", "", "`algorithm` of its ID tokens, RS256 or ES256, if not the server's own")
	secretFile := f.String("secret-file", "", "`file` that holds the client secret, or - for standard input; without it one is made")
	return func(ctx context.Context, w *env, args []string) error {
		c := newClient(args[0], *name, uris, scopes, time.Now())
		c.Public, c.IDTokenAlg, c.TwoSteps, c.ACRNames = *public, *algorithm, *twoSteps, names.byLevel()
		if c.ResourceServer = *api; *api {
			c.Scopes = scopes // none unless somebody gave one, which is a fault
		}
		if err := checkNewClient(c, *secretFile); err != nil {
			return err
		}
		secret, err := giveSecret(ctx, w, &c, *secretFile)
		if err != nil {
			return err
		}
		err = withStore(ctx, w, load, func(db *storage.Store) error { return storeClient(ctx, db, c) })
		if err != nil {
			return err
		}
		view := clientView(c)
		view.Secret = secret
		return out.print(w.stdout, view, createdRows(view, *secretFile == ""))
	}
}

func newClient(id, name string, uris, scopes []string, now time.Time) rp.Client {
	if len(scopes) == 0 {
		scopes = []string{rp.ScopeOpenID, rp.ScopeProfile, rp.ScopeEmail, rp.ScopeOffline}
	}
	if name == "" {
		name = id
	}
	return rp.Client{ID: id, Name: name, RedirectURIs: uris, Scopes: scopes, Created: now, Updated: now}
}

// checkNewClient says all that is wrong with the client at once, before a secret is read or made.
func checkNewClient(c rp.Client, secretFile string) error {
	var faults []error
	switch {
	case !c.Public:
		c.SecretHash = "will be there"
	case secretFile != "":
		faults = append(faults, errors.New("a --public app has no secret; leave out --secret-file"))
	}
	return wrongUsage(append(faults, rp.Check(c))...)
}

// giveSecret makes or reads the secret and puts its hash into the client.
func giveSecret(ctx context.Context, w *env, c *rp.Client, path string) (secret string, err error) {
	switch {
	case c.Public:
		return "", nil
	case path == "":
		secret, c.SecretHash = rp.NewSecret()
		return secret, nil
	}
	if secret, err = readInput(w, "secret-file", path); err != nil {
		return "", err
	}
	c.SecretHash, err = rp.HashSecret(ctx, &account.Hasher{}, secret)
	return secret, err
}

func storeClient(ctx context.Context, db *storage.Store, c rp.Client) error {
	err := db.Atomic(ctx, func(ctx context.Context) error {
		if err := db.CreateClient(ctx, c); err != nil {
			return err
		}
		return commandAuditor(db, time.Now).Record(ctx, clientEvent(audit.EventAdminClientCreated, c.ID))
	})
	if errors.Is(err, store.ErrConflict) {
		return &result{fmt.Sprintf("there is a client %s already; choose another id, or remove that one first: vestibule client delete %s", c.ID, c.ID), err}
	}
	return err
}

// shownClient is how JSON shows a relying party, in the words of RFC 7591.
type shownClient struct {
	ID           string    `json:"client_id"`
	Secret       string    `json:"client_secret,omitempty"` // only in the answer to create
	Name         string    `json:"client_name"`
	Public       bool      `json:"public"`
	RedirectURIs []string  `json:"redirect_uris"`
	Scope        string    `json:"scope"`
	Algorithm    string    `json:"id_token_signed_response_alg,omitempty"`
	Created      time.Time `json:"created"`

	TwoSteps       bool                `json:"require_two_steps"`
	ACRNames       map[string][]string `json:"acr_names,omitempty"`
	ResourceServer bool                `json:"resource_server"`
}

func clientView(c rp.Client) shownClient {
	return shownClient{
		ID: c.ID, Name: c.Name, Public: c.Public, RedirectURIs: append([]string{}, c.RedirectURIs...), // never null
		Scope: strings.Join(c.Scopes, " "), Algorithm: c.IDTokenAlg, Created: c.Created.UTC(),
		TwoSteps: c.TwoSteps, ACRNames: c.ACRNames, ResourceServer: c.ResourceServer,
	}
}

func createdRows(c shownClient, made bool) [][]string {
	rows := [][]string{{"client id", c.ID}}
	if made && c.Secret != "" {
		rows = append(rows, []string{"client secret", c.Secret}, []string{"", "The secret is not shown again: only its hash is kept."})
	}
	return rows
}

func clientList(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, _ []string) error {
		var all []rp.Client
		err := readStore(ctx, w, load, func(db *storage.Store) (err error) {
			all, err = db.Clients(ctx)
			return err
		})
		if err != nil {
			return err
		}
		clients := []shownClient{}
		rows := [][]string{{"ID", "NAME", "PUBLIC", "API", "TWO STEPS", "SCOPES", "ACR NAMES", "REDIRECT URIS"}}
		for _, c := range all {
			clients = append(clients, clientView(c))
			rows = append(rows, []string{
				c.ID, c.Name, yesNo(c.Public), yesNo(c.ResourceServer), yesNo(c.TwoSteps),
				strings.Join(c.Scopes, " "), acrNamesText(c.ACRNames), strings.Join(c.RedirectURIs, " "),
			})
		}
		return out.print(w.stdout, clients, rows)
	}
}

func clientDelete(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	return func(ctx context.Context, w *env, args []string) error {
		err := withStore(ctx, w, load, func(db *storage.Store) error { return removeClient(ctx, db, args[0]) })
		switch {
		case errors.Is(err, store.ErrNotFound):
			return noClient(args[0], err)
		case err != nil:
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "deleted client %s and its tokens\n", args[0])
		return err
	}
}

func removeClient(ctx context.Context, db *storage.Store, id string) error {
	return db.Atomic(ctx, func(ctx context.Context) error {
		if err := db.DeleteClient(ctx, id, time.Now()); err != nil {
			return err
		}
		return commandAuditor(db, time.Now).Record(ctx, clientEvent(audit.EventAdminClientDeleted, id))
	})
}

// clientEvent is the record of what an operator did to a client.
func clientEvent(kind, id string) audit.Event {
	return audit.Event{Kind: kind, Outcome: audit.OutcomeOK, Client: id}
}

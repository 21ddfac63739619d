package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web"
)

const longestLink = 7 * 24 * time.Hour

// shownLink is how JSON shows a new link, the only time that anybody sees it.
type shownLink struct {
	Link    string    `json:"link"`
	Expires time.Time `json:"expires"`
}

// userEnrolLink makes a link that lets a user set up an authenticator once, with the password and, if there is an
// authenticator, its code.
func userEnrolLink(f *flag.FlagSet) action {
	load := existing(settingsFlags(f, "database", "issuer"))
	out := outputFlag(f)
	ttl := f.Duration("ttl", 24*time.Hour, "how long the link works; `time` such as 30m or 24h")
	return func(ctx context.Context, w *env, args []string) error {
		if *ttl < time.Minute || *ttl > longestLink {
			return &usageError{"--ttl must be at least 1m and at most 168h"}
		}
		c, err := load(w)
		if err != nil {
			return err
		}
		return withStore(ctx, w, load, func(db *storage.Store) error {
			user, err := findUser(ctx, db, args[0])
			if err != nil {
				return err
			}
			if user.Disabled {
				fmt.Fprintf(w.stderr, "warning: %[1]s is shut out and cannot use the link before: vestibule user update %[1]s --enable\n", user.Username)
			}
			link, err := makeEnrolLink(ctx, db, commandAuditor(db, time.Now), user, c.Issuer, *ttl)
			if err != nil {
				return err
			}
			return out.print(w.stdout, link, [][]string{
				{link.Link},
				{fmt.Sprintf("Give it to %s and to nobody else. It works once, with the password, until %s UTC. Links from before no longer work.",
					user.Username, moment(link.Expires))},
			})
		})
	}
}

// makeEnrolLink stores the hash of the link and records that it was made.
func makeEnrolLink(ctx context.Context, db *storage.Store, events *audit.Log, user account.Account, issuer string, ttl time.Duration) (shownLink, error) {
	now := events.Now()
	address, id := web.EnrolAddress(issuer)
	link := mfa.EnrolLink{ID: id, Subject: user.Subject, Created: now, Expires: now.Add(ttl)}
	err := db.Atomic(ctx, func(ctx context.Context) error {
		if err := db.RequireEpoch(ctx, user.Subject, user.Epoch); err != nil {
			return err
		}
		if err := db.SaveEnrolLink(ctx, link); err != nil {
			return err
		}
		return events.Record(ctx, audit.Event{
			Kind: audit.EventAdminEnrolLink, Outcome: audit.OutcomeOK, Subject: user.Subject,
			Detail: map[string]string{"expires": link.Expires.UTC().Format(time.RFC3339)},
		})
	})
	if errors.Is(err, store.ErrConflict) {
		return shownLink{}, &result{fmt.Sprintf("the account of %s was changed at the same moment; look at it with vestibule user get, then try again", user.Username), err}
	}
	if err != nil {
		return shownLink{}, fmt.Errorf("make a link: %w", err)
	}
	return shownLink{address, link.Expires.UTC()}, nil
}

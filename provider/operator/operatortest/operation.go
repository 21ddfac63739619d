package operatortest

import (
	"context"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/transfer"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/jwks"
	"vestibule/provider/operator"
)

// operation is a method that writes, in one of the ways to call it.
type operation struct {
	method  string
	how     string // to tell it from others of the method
	prepare func(w *world)
	do      func(ctx context.Context, o *operator.Operator, w *world) error

	event  string // the kind of the one that it records
	client bool   // it is about the client, and not about ana or somebody new
	both   bool   // it is about what the client can do for ana
	keys   bool   // it is about keys, and about nobody
	actor  string // of the event, if it is not who acts
	batch  bool   // many commits; what was done stays when the event cannot be recorded
}

// operations are all methods of an Operator that write.
var operations = []operation{
	{method: "CreateUser", event: audit.EventAdminUserCreated, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.CreateUser(ctx, operator.NewUser{Username: "ben", Email: "ben@example.com", Groups: []string{"staff"}}, password)
		return err
	}},
	{method: "UpdateUser", event: audit.EventAdminUserUpdated, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		email, groups := "new@example.com", []string{"staff"}
		return o.UpdateUser(ctx, w.ana, operator.UserChange{Email: &email, Groups: &groups})
	}},
	{method: "UpdateUser", how: "password", prepare: (*world).session, event: audit.EventPasswordChanged, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		fresh := "another " + password
		return o.UpdateUser(ctx, w.ana, operator.UserChange{Password: &fresh})
	}},
	{method: "Disable", prepare: (*world).session, event: audit.EventAdminUserUpdated, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		return o.Disable(ctx, w.ana)
	}},
	{
		method: "Enable", event: audit.EventAdminUserUpdated,
		prepare: func(w *world) { w.must(w.operator(setUp).Disable(w.t.Context(), w.ana)) },
		do:      func(ctx context.Context, o *operator.Operator, w *world) error { return o.Enable(ctx, w.ana) },
	},
	{
		method: "Unlock", event: audit.EventAdminUnlocked,
		prepare: func(w *world) {
			_, err := w.place.Attempt(w.t.Context(), "totp:"+w.ana.Subject, mfa.Limit{Guesses: 1, Window: time.Hour, Lock: time.Hour}, w.now)
			w.must(err)
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.Unlock(ctx, w.ana)
			return err
		},
	},
	{method: "EndAccess", prepare: (*world).session, event: audit.EventAdminAccessEnded, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.EndAccess(ctx, w.ana.Subject, "a stolen laptop")
		return err
	}},
	{method: "EndSession", prepare: (*world).twoSessions, event: audit.EventAdminSessionEnded, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		open, err := o.OpenSessions(ctx, w.ana.Subject)
		w.must(err)
		_, err = o.EndSession(ctx, w.ana.Subject, open[0].Login.Session, "a stolen laptop")
		return err
	}},
	{
		method: "RevokeConsent", event: audit.EventAdminConsent, both: true,
		prepare: (*world).consented,
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			return o.RevokeConsent(ctx, w.ana.Subject, "shop", "a shop that was hacked")
		},
	},
	{method: "RegisterClient", event: audit.EventAdminClientCreated, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, _, err := o.RegisterClient(ctx, shop())
		return err
	}},
	{method: "UpdateClient", prepare: (*world).shop, event: audit.EventAdminClientUpdated, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.UpdateClient(ctx, "shop", func(c *client.Client) { c.Name = "The Shop" })
		return err
	}},
	{method: "RotateSecret", prepare: (*world).shop, event: audit.EventAdminSecretRotated, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.RotateSecret(ctx, "shop", "", time.Hour)
		return err
	}},
	{method: "ImportClients", event: audit.EventAdminClientCreated, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.ImportClients(ctx, []operator.NewClient{shop()}, false)
		return err
	}},
	{method: "ImportClients", how: "in place of one", prepare: (*world).shop, event: audit.EventAdminClientUpdated, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		changed := shop()
		changed.Name = "The Shop"
		_, err := o.ImportClients(ctx, []operator.NewClient{changed}, true)
		return err
	}},
	{method: "DeleteClient", prepare: (*world).shop, event: audit.EventAdminClientDeleted, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		return o.DeleteClient(ctx, "shop")
	}},
	{method: "MakeInitialToken", keys: true, event: audit.EventInitialTokenMade, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, _, err := o.MakeInitialToken(ctx, 1, time.Hour)
		return err
	}},
	{
		method: "RevokeInitialToken", keys: true, event: audit.EventInitialTokenGone,
		prepare: func(w *world) { w.initialToken(1) },
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			all, err := w.place.InitialTokens(ctx)
			w.must(err)
			return o.RevokeInitialToken(ctx, all[0].ID)
		},
	},
	{method: "RegisterItself", keys: true, event: audit.EventClientRegistered, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.RegisterItself(ctx, itself("192.0.2.1", ""))
		return err
	}},
	{method: "RegisterDocument", keys: true, event: audit.EventClientRegistered, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		r := itself("192.0.2.1", "")
		r.ID, r.Public = "https://shop.example.com/client.json", true
		return o.RegisterDocument(ctx, r)
	}},
	{method: "ChangeItself", prepare: (*world).shop, event: audit.EventClientChanged, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		before, err := w.place.Client(ctx, "shop")
		w.must(err)
		after := before
		after.Name = "The Shop"
		_, err = o.ChangeItself(ctx, before, operator.SelfRegistration{Client: after, Address: "192.0.2.1"})
		return err
	}},
	{method: "RemoveItself", prepare: (*world).shop, event: audit.EventClientRemoved, client: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		return o.RemoveItself(ctx, "shop", "192.0.2.1")
	}},
	{
		method: "DeleteUnused", keys: true, event: audit.EventClientRemoved, batch: true,
		prepare: func(w *world) {
			w.register(itself("192.0.2.1", ""))
			w.now = w.now.Add(2 * time.Hour)
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.DeleteUnused(ctx, time.Hour)
			return err
		},
	},
	{
		method: "ResetFactors", event: audit.EventAdminReset,
		prepare: func(w *world) {
			w.enrolled(firstKey)
			w.session()
			w.planned()
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.ResetFactors(ctx, w.ana, "lost the phone")
			return err
		},
	},
	{method: "PlanReset", event: audit.EventAdminResetPlanned, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.PlanReset(ctx, w.ana, "lost the phone", time.Hour)
		return err
	}},
	{method: "CancelReset", prepare: (*world).planned, event: audit.EventResetCancelled, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		return o.CancelReset(ctx, w.ana, "found it")
	}},
	{
		method: "RunDueResets", event: audit.EventAdminReset, actor: setUp,
		prepare: func(w *world) {
			w.enrolled(firstKey)
			w.planned()
			w.now = w.now.Add(time.Hour)
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.RunDueResets(ctx, isTold)
			return err
		},
	},
	{
		method: "RunDueResets", how: "of a user who has the factor", event: audit.EventResetCancelled,
		prepare: func(w *world) {
			w.enrolled(firstKey)
			w.planned()
			w.now = w.now.Add(time.Hour)
			w.proves()
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.RunDueResets(ctx, isTold)
			return err
		},
	},
	{method: "IssueLink", event: audit.EventAdminEnrolLink, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.IssueLink(ctx, w.ana, make([]byte, 32), time.Hour)
		return err
	}},
	{method: "AddAuthenticators", event: audit.EventAdminTOTPAdded, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.AddAuthenticators(ctx, w.ana, portable("Phone", firstKey))
		return err
	}},
	{
		method: "RemoveAuthenticator", event: audit.EventFactorRemoved,
		prepare: func(w *world) {
			w.enrolled(firstKey, secondKey)
			w.session()
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.RemoveAuthenticator(ctx, w.ana, "phone")
			return err
		},
	},
	{method: "ExportUser", prepare: enrolledOnce, event: audit.EventAdminTOTPExported, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.ExportUser(ctx, w.ana)
		return err
	}},
	{method: "ExportAll", prepare: enrolledOnce, event: audit.EventAdminTOTPExported, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.ExportAll(ctx)
		return err
	}},
	{method: "RestoreBackup", event: audit.EventAdminTOTPAdded, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.RestoreBackup(ctx, w.backup(), operator.Restore{})
		return err
	}},
	{method: "RotateSigningKeys", prepare: (*world).signingKey, keys: true, event: audit.EventSigningKeyMade, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.RotateSigningKeys(ctx, []string{"ES256"}, time.Hour)
		return err
	}},
	{
		method: "RotateSigningKeys", how: "sooner", keys: true, event: audit.EventSigningKeyAdvanced,
		prepare: func(w *world) {
			w.signingKey()
			_, err := w.operator(setUp).RotateSigningKeys(w.t.Context(), nil, 48*time.Hour)
			w.must(err)
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			_, err := o.RotateSigningKeys(ctx, nil, time.Hour)
			return err
		},
	},
	{
		method: "RetireSigningKey", keys: true, event: audit.EventSigningKeyRemoved,
		prepare: func(w *world) {
			w.signingKey()
			_, err := w.operator(setUp).RotateSigningKeys(w.t.Context(), nil, 48*time.Hour)
			w.must(err)
		},
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			terms, err := o.SigningKeys(ctx)
			if err != nil {
				return err
			}
			_, err = o.RetireSigningKey(ctx, terms[1].ID)
			return err
		},
	},
	{method: "SeedUsers", keys: true, event: audit.EventAdminBenchSeeded, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		return w.seed(ctx, o)
	}},
	{
		method: "DeleteSeeded", keys: true, event: audit.EventAdminBenchRemoved,
		prepare: func(w *world) { w.must(w.seed(w.t.Context(), w.operator(setUp))) },
		do: func(ctx context.Context, o *operator.Operator, w *world) error {
			subjects, _, err := w.place.SeededAccounts(ctx)
			if err != nil {
				return err
			}
			return o.DeleteSeeded(ctx, subjects)
		},
	},
	{method: "Reseal", prepare: enrolledOnce, keys: true, event: audit.EventAdminReseal, batch: true, do: func(ctx context.Context, o *operator.Operator, w *world) error {
		_, err := o.Reseal(ctx, func(string, int) {})
		return err
	}},
}

// reads are the methods that write nothing.
var reads = []string{"Accesses", "FindUser", "Inspect", "IsStranger", "NewSeeding", "OpenSessions", "PlanPolicy", "SecretKeys", "SigningKeys", "WrongGuesses"}

// signingKey has one key sign.
func (w *world) signingKey() {
	w.t.Helper()
	key, err := jwks.NewKey("ES256", 1, w.now, w.operator(setUp).Keys, w.now)
	w.must(err)
	w.must(w.place.AddSigningKey(w.t.Context(), key))
}

func enrolledOnce(w *world) { w.enrolled(firstKey) }

func isTold(context.Context, mfa.PlannedReset) (bool, error) { return true, nil }

// proves has ana give a right code.
func (w *world) proves() {
	w.t.Helper()
	factors, err := w.place.Factors(w.t.Context(), w.ana.Subject)
	w.must(err)
	w.must(w.place.Spend(w.t.Context(), factors.Authenticators[0].ID, w.now.Unix()/30, factors.Authenticators[0].Params, w.now))
}

// backup is one of ana's phone, which was made an hour ago.
func (w *world) backup() transfer.Backup {
	phone := portable("Phone", firstKey)
	phone.ID, phone.Created = "phone", w.now.Add(-2*time.Hour)
	return transfer.Backup{Made: w.now.Add(-time.Hour), Users: []transfer.User{{
		Subject: w.ana.Subject, Username: w.ana.Username, Authenticators: []totp.Portable{phone},
	}}}
}

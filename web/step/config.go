package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"vestibule/consent"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/webauthn"
	accounts "vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/web"
	"vestibule/web/account"
	"vestibule/web/signin"
)

// Config is what a Handler is made of. Those up to Keys must be set.
type Config struct {
	// Origin is that of the host, such as https://id.example.com. Passkeys need one with https and a name, or localhost in
	// place of 127.0.0.1, which http will do for; they belong to the name for ever, so that another one later has none.
	Origin string
	Prefix string // of all addresses of the handler, such as /step
	Host   Host   // one that is a Keeper too is used as such

	// LogIn is the address of the host's log-in. It gets ReturnTo, asks for the password even of who is signed in, and then
	// leads to where ReturnTo says, if that begins with Prefix and a slash.
	LogIn  string
	LogOut string // address of the host's sign-out
	// Store keeps all that the step has. One that is an audit.Store as well keeps the log of what happens; one that is an
	// account.Activity shows users theirs.
	Store Store
	Keys  *mfa.Keyring // seals the secrets of authenticators and what travels in addresses

	// Kinds are those of authenticators. Nil: apps, and passkeys if the Origin is one that can have them; else they are left
	// out, the log says why, and a Policy that asks for them is an error of New. Passkeys that are in Kinds must be of Origin.
	Kinds []mfa.Kind

	Policy   mfa.Policy       // who must have a second factor; the zero value obliges nobody
	Levels   assurance.Levels // what acr values mean; PhishingResistant follows from Kinds
	Limits   mfa.Limits       // of guesses; the zero value means the defaults
	Times    web.Times        // SessionLifetime: a password that is older is asked for anew; 0: 12 h
	Site     web.Site         // name, contact, texts, templates; its Prefix is not looked at
	Recorder audit.Recorder   // hears all that happens, in the commit of it and beside the log of Store; an error ends the commit; nil: nobody does
	Slow     mfa.Gate         // of the hashes of recovery codes, so that not too many are made at once; nil: one for each core
	Memory   uint32           // KiB for the hash of a recovery code (Argon2id); 0: 19456
	Passes   uint32           // of it; 0: 2
	Log      *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// check names everything that is missing.
func (c Config) check() error {
	var missing []string
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"Origin", c.Origin != ""}, {"Prefix", c.Prefix != ""}, {"Host", c.Host != nil}, {"LogIn", c.LogIn != ""}, {"LogOut", c.LogOut != ""},
		{"Store", c.Store != nil}, {"Keys", c.Keys != nil},
	} {
		if !field.set {
			missing = append(missing, field.name)
		}
	}
	var faults []error
	if len(missing) > 0 {
		faults = append(faults, fmt.Errorf("step: %s must be set", strings.Join(missing, ", ")))
	}
	if c.Origin != "" && !isOrigin(c.Origin) {
		faults = append(faults, fmt.Errorf("step: Origin %q must be like https://id.example.com, as browsers write it and without a path", c.Origin))
	}
	for _, kind := range c.Kinds {
		if keys, ok := kind.(*webauthn.Kind); ok && keys.Origin() != c.Origin {
			faults = append(faults, fmt.Errorf("step: passkeys of %s have no use at Origin %s", keys.Origin(), c.Origin))
		}
	}
	return errors.Join(append(faults, c.checkLog())...)
}

func isOrigin(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "https" && u.Port() != "443" || u.Scheme == "http" && u.Port() != "80") && u.Hostname() != "" &&
		origin == u.Scheme+"://"+strings.ToLower(u.Host)
}

func (c Config) withDefaults() (Config, error) {
	c.Site.Prefix, c.Site.Name = c.Prefix, cmp.Or(c.Site.Name, "Vestibule")
	c.Limits.Proof = max(c.Limits.Proof, signin.ProofTime)
	c.Log = cmp.Or(c.Log, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Kinds == nil {
		if err := c.addKinds(); err != nil {
			return c, err
		}
	}
	c.Levels.PhishingResistant = len(mfa.KindsOfStrength(c.Kinds, mfa.PhishingResistant)) > 0
	return c, nil
}

// addKinds adds all kinds that there are, but passkeys where no browser would make one.
func (c *Config) addKinds() error {
	c.Kinds = []mfa.Kind{totp.Kind{Issuer: c.Site.Name}}
	keys, err := webauthn.New(c.Origin, c.Site.Name)
	switch {
	case err == nil:
		c.Kinds = append(c.Kinds, keys)
	case !c.Policy.MetBy(c.Kinds):
		return fmt.Errorf("step: Policy asks for passkeys, and Origin can have none: %w", err)
	default:
		c.Log.InfoContext(context.Background(), "step: users are offered no passkeys", "reason", err)
	}
	return nil
}

// accounts are the host's, as long as nobody has ended what they have open here.
func (c Config) accounts() accounts.Accounts {
	return &accounts.Elsewhere{Accounts: hostAccounts{c.Host}, Endings: c.Store}
}

// pages are those of the server, on the host's accounts.
func (c Config) pages(flows *interaction.Flows, refunds *mfa.Refunds, recorder audit.Recorder) web.Config {
	stores := web.Stores{Sessions: c.Store, Browsers: c.Store}
	stores.Activity, _ = c.Store.(account.Activity)
	return web.Config{
		Source: web.Source{
			Issuer: c.Origin, Flows: flows, Clients: apps{c.Site.Name},
			Engine: &engine{Flows: flows, origin: c.Origin, host: c.Host, accounts: c.accounts(), atomic: c.Store.Atomic, levels: c.Levels},
		},
		Accounts: c.accounts(), Host: login{c.Host, c.LogIn, c.LogOut},
		MFA: &mfa.Service{
			Store: c.Store, Attempts: c.Store, Refunds: refunds, Setups: c.Store, Keys: c.Keys, Atomic: c.Store.Atomic,
			Kinds: c.Kinds, Limits: c.Limits, Slow: c.Slow, Memory: c.Memory, Passes: c.Passes, Now: c.Now,
		},
		Consent: new(consent.Service), Policy: c.Policy, Passwords: web.Passwords{Attempts: c.Store, Refunds: refunds}, // what nobody is asked for
		Stores: stores, Journal: audit.Journal{Recorder: recorder, Atomic: c.Store.Atomic}, Times: c.Times,
		Keys: web.Keys{Binding: c.Keys.Derive("step-browsers")[0]}, Site: c.Site, Log: c.Log, Now: c.Now,
	}
}

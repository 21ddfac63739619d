package server

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/webauthn"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/certificate"
	"vestibule/provider/client"
	"vestibule/provider/fetch"
	"vestibule/provider/registration"
	"vestibule/web/catalogue"
	"vestibule/web/notice"
	"vestibule/web/signin"
	"vestibule/web/usercode"
	"vestibule/web/verify"
)

// Check says what is wrong with settings that each is good by itself, and with the files that they name, which config.Load
// does not open.
func Check(c config.Config) error {
	_, err := checked(c)
	return err
}

// checked is Check, and returns the texts that it has read.
func checked(c config.Config) (*catalogue.Set, error) {
	if err := c.Check("hash_memory", "hash_passes"); err != nil { // whoever sets the cost in a program may have reasons
		return nil, err
	}
	if !Policy(c).MetBy(Kinds(c)) {
		return nil, errors.New("two_steps or phishing_resistant_groups asks for phishing-resistant factors, but no kind of authenticator here is phishing-resistant")
	}
	if c.HydraAdminURL != "" {
		if _, err := hydraAdmin(c); err != nil {
			return nil, err
		}
	}
	return Texts(c)
}

// Policy is who must have a second factor.
func Policy(c config.Config) mfa.Policy {
	p := mfa.Policy{ReportOnly: c.TwoStepsReportOnly, NewCodes: c.CodesAfterRecovery == "require"}
	for _, rule := range c.TwoSteps {
		p.Rules = append(p.Rules, mfa.Rule{Must: mfa.Strength(rule.Must), From: rule.From})
	}
	for _, group := range c.PhishingResistantGroups {
		p.Rules = append(p.Rules, mfa.Rule{Must: mfa.PhishingResistant, Group: group})
	}
	for _, group := range c.TwoStepsGroups {
		p.Rules = append(p.Rules, mfa.Rule{Must: mfa.Required, Group: group})
	}
	return p
}

// Texts are the languages that there are texts in; the usual one is that of mails and commands.
func Texts(c config.Config) (*catalogue.Set, error) {
	set, err := catalogue.Folder(c.TextsDir)
	if err != nil {
		return nil, fmt.Errorf("texts_dir: %w", err)
	}
	if set, err = set.With(c.Language); err != nil {
		return nil, fmt.Errorf("language: %w", err)
	}
	return set, nil
}

// Mailer is the way to the mail server; nil if the settings name none.
func Mailer(c config.Config, now func() time.Time) (*notice.Mailer, error) {
	if c.MailServer == "" {
		return nil, nil
	}
	return notice.NewMailer(notice.MailerConfig{
		Server: c.MailServer, From: c.MailFrom, TLS: c.MailTLS, Username: c.MailUsername, Password: c.MailPassword,
		CAFile: c.MailCAFile, Host: notice.HostOf(c.Issuer), Now: now,
	})
}

func proofs(c config.Config) provider.DPoP {
	return provider.DPoP{Algorithms: c.DPoPAlgorithms, NeedNonce: c.DPoPNonce}
}

// shownCertificates finds the certificates that clients show.
func shownCertificates(c config.Config) certificate.Reader {
	return certificate.Reader{Format: c.ClientCertificateFormat, Header: c.ClientCertificateHeader, Proxies: c.TrustedProxies}
}

func mutualTLS(c config.Config) (provider.MutualTLS, error) {
	m := provider.MutualTLS{On: c.ClientCertificateFormat != "", Origin: c.MTLSOrigin}
	if c.ClientCertificateCAFile == "" {
		return m, nil
	}
	content, err := os.ReadFile(c.ClientCertificateCAFile)
	if err == nil {
		m.Authority, err = certificate.NewAuthority(content)
	}
	if err != nil {
		return m, fmt.Errorf("client_certificate_ca_file: %w", err)
	}
	return m, nil
}

func lifetimes(c config.Config) provider.Lifetimes {
	l := provider.Lifetimes{
		PushedRequest: c.PushedRequestLifetime, Code: c.CodeLifetime, AccessToken: c.AccessTokenLifetime, IDToken: c.IDTokenLifetime,
		DeviceCode: c.DeviceCodeLifetime, RefreshIdle: c.RefreshTokenIdle, RefreshTotal: c.RefreshTokenLifetime, RefreshGrace: c.RefreshTokenGrace,
		SigningKey: c.SigningKeyLifetime, KeyAnnounce: c.SigningKeyAnnounce,
	}
	if l.SigningKey == 0 {
		l.SigningKey = -1 // by hand only
	}
	if l.RefreshGrace == 0 {
		l.RefreshGrace = -1 // none
	}
	return l
}

// Documents gets what registrations of clients name.
func Documents(c config.Config) *fetch.Fetcher { return fetch.New(fetching(c)) }

// fetching is whom documents of clients may be fetched from: this machine too where it serves itself alone.
func fetching(c config.Config) fetch.Config {
	issuer, err := url.Parse(c.Issuer)
	return fetch.Config{Internal: c.FetchNetworks, Loopback: err == nil && client.IsLoopback(issuer.Hostname())}
}

// registrationPolicy is what apps may register themselves.
func registrationPolicy(c config.Config) registration.Policy {
	return registration.Policy{
		NeedToken: c.Registration == "token", Scopes: c.RegistrationScopes, GrantTypes: c.RegistrationGrantTypes, AuthMethods: c.RegistrationAuthMethods,
		Redirects: c.RegistrationRedirects, Audiences: c.RegistrationAudiences,
		PerHour: c.RegistrationPerHour, Total: c.RegistrationTotal, Unused: c.RegistrationUnused,
	}
}

// PasswordRules are what new passwords must keep.
func PasswordRules(c config.Config) account.PasswordRules {
	return account.PasswordRules{MinLength: c.PasswordMinLength, Words: []string{c.Name}}
}

func passwordLimits(c config.Config) verify.Limits {
	return verify.Limits{
		Account: mfa.Limit{Guesses: c.PasswordGuesses, Window: c.PasswordWindow, Lock: c.PasswordLock}, Address: c.AddressGuesses,
	}
}

func userCodeLimits(c config.Config) usercode.Limits {
	return usercode.Limits{
		User: mfa.Limit{Guesses: c.DeviceGuesses, Window: c.DeviceWindow, Lock: c.DeviceLock}, Address: c.DeviceAddressGuesses,
	}
}

// Levels are what the acr values of the settings stand for.
func Levels(c config.Config) assurance.Levels {
	return assurance.Levels{
		Names: c.ACRNames, WeakRecovery: !c.RecoveryCounts,
		PhishingResistant: len(mfa.KindsOfStrength(Kinds(c), mfa.PhishingResistant)) > 0,
	}
}

// Limits are the budgets of guesses.
func Limits(c config.Config) mfa.Limits {
	one := mfa.Limit{Guesses: c.TOTPGuesses, Window: c.TOTPWindow, Lock: c.TOTPLock, InARow: c.TOTPInARow}
	return mfa.Limits{Attempts: one, Recovery: one, Proof: signin.ProofTime, Authenticators: c.TOTPAuthenticators}
}

// Kinds are the kinds of authenticators that there are. A new one is a line here.
func Kinds(c config.Config) []mfa.Kind {
	all := []mfa.Kind{
		totp.Kind{Issuer: c.Name, Options: totp.Options{Algorithms: c.TOTPAlgorithms, Digits: c.TOTPDigits, Periods: c.TOTPPeriods}},
	}
	if keys, err := webauthn.New(c.Issuer, c.Name); err == nil { // else New has said why there are none
		all = append(all, keys)
	}
	return all
}

package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// prefix begins every environment variable that is a setting.
const prefix = "VESTIBULE_"

// setting is a row of the table that joins names to fields.
type setting struct {
	name   string // in the file
	usage  string // for the help of the flag; empty: not a flag, since other users can read those
	secret bool   // may be given as the path of a file, under name_file
	set    func(c *Config, value string) error
}

var settings = []setting{
	{"issuer", "address that users and clients see", false, text(func(c *Config) *string { return &c.Issuer })},
	{"listen", "address to serve on", false, text(func(c *Config) *string { return &c.Listen })},
	{"admin_listen", "address to serve /healthz, /readyz and /metrics on", false, text(func(c *Config) *string { return &c.AdminListen })},
	{"profiling", "serve profiles of the program too, at /debug/pprof/ on admin_listen", false, yes(func(c *Config) *bool { return &c.Profiling })},
	{"trusted_proxies", "addresses or networks of the proxies in front, separated by commas", false,
		networks("every visitor could claim to be another; name the proxies only", func(c *Config) *[]netip.Prefix { return &c.TrustedProxies })},
	{"fetch_networks", "addresses or networks that are not public but documents of clients may be fetched from, separated by commas", false,
		networks("a client could have any machine asked; name the networks of clients only", func(c *Config) *[]netip.Prefix { return &c.FetchNetworks })},
	{"client_certificate_format", "how a proxy passes on the certificates of clients: pem, base64, xfcc or rfc9440", false, text(func(c *Config) *string { return &c.ClientCertificateFormat })},
	{"client_certificate_header", "header that it passes them on in", false, text(func(c *Config) *string { return &c.ClientCertificateHeader })},
	{"client_certificate_ca_file", "certificates of authorities that vouch for clients", false, text(func(c *Config) *string { return &c.ClientCertificateCAFile })},
	{"mtls_origin", "second address, without a path, where clients are asked for certificates", false, text(func(c *Config) *string { return &c.MTLSOrigin })},
	{"database", "sqlite:PATH or postgres://...", true, text(func(c *Config) *string { return &c.Database })},
	{"secret_keys", "", true, keys},
	{"name", "what the pages call this server", false, text(func(c *Config) *string { return &c.Name })},
	{"contact", "whom users may ask for help; an address of mail, one that begins with https, and a telephone number that begins with + are links on the pages", false, text(func(c *Config) *string { return &c.Contact })},
	{"texts_dir", "folder of files such as pt-BR.toml, with the texts of the pages in more languages", false, text(func(c *Config) *string { return &c.TextsDir })},
	{"language", "language of mails and commands, and of whoever reads none that there are texts in", false, text(func(c *Config) *string { return &c.Language })},
	{"signing_algorithm", "RS256, ES256, PS256 or EdDSA", false, text(func(c *Config) *string { return &c.SigningAlgorithm })},
	{"dpop_algorithms", "what DPoP proofs may be signed with: ES256, PS256, RS256, EdDSA, separated by commas", false, words(func(c *Config) *[]string { return &c.DPoPAlgorithms })},
	{"dpop_nonce", "whether DPoP proofs need a nonce of the server", false, yes(func(c *Config) *bool { return &c.DPoPNonce })},
	{"signing_key_lifetime", "how long a key signs before the next does; 0: until key rotate is run", false, span(func(c *Config) *time.Duration { return &c.SigningKeyLifetime })},
	{"signing_key_announce", "how long the next key is published before it signs", false, span(func(c *Config) *time.Duration { return &c.SigningKeyAnnounce })},
	{"clock_skew", "how far the clocks of server and database may be apart", false, span(func(c *Config) *time.Duration { return &c.ClockSkew })},
	{"log_level", "debug, info, warn or error", false, text(func(c *Config) *string { return &c.LogLevel })},
	{"log_format", "json or text", false, text(func(c *Config) *string { return &c.LogFormat })},
	{"mail_server", "host:port of the server that mail to users goes through", false, text(func(c *Config) *string { return &c.MailServer })},
	{"mail_from", "address that mail comes from", false, text(func(c *Config) *string { return &c.MailFrom })},
	{"mail_tls", "starttls, tls or none", false, text(func(c *Config) *string { return &c.MailTLS })},
	{"mail_username", "whom to sign in as at the mail server", false, text(func(c *Config) *string { return &c.MailUsername })},
	{"mail_password", "", true, text(func(c *Config) *string { return &c.MailPassword })},
	{"mail_ca_file", "certificates that vouch for the mail server", false, text(func(c *Config) *string { return &c.MailCAFile })},
	{"hydra_admin_url", "address of the admin API of an Ory Hydra, without /admin", false, text(func(c *Config) *string { return &c.HydraAdminURL })},
	{"hydra_admin_token", "", true, text(func(c *Config) *string { return &c.HydraAdminToken })},
	{"hydra_admin_cert_file", "certificate that the admin API is shown", false, text(func(c *Config) *string { return &c.HydraAdminCertFile })},
	{"hydra_admin_key_file", "key of that certificate", false, text(func(c *Config) *string { return &c.HydraAdminKeyFile })},
	{"hydra_admin_ca_file", "certificates that vouch for the admin API", false, text(func(c *Config) *string { return &c.HydraAdminCAFile })},
	{"registration", "off, token or open: whether apps may register themselves (RFC 7591)", false, text(func(c *Config) *string { return &c.Registration })},
	{"registration_scopes", "scopes that such an app may ask for, separated by commas", false, words(func(c *Config) *[]string { return &c.RegistrationScopes })},
	{"registration_grant_types", "grant types that it may have, separated by commas", false, words(func(c *Config) *[]string { return &c.RegistrationGrantTypes })},
	{"registration_auth_methods", "how it may authenticate, separated by commas", false, words(func(c *Config) *[]string { return &c.RegistrationAuthMethods })},
	{"registration_redirects", "hosts, *.example.com, localhost and private schemes with a colon that it may have browsers sent to, separated by commas", false,
		words(func(c *Config) *[]string { return &c.RegistrationRedirects })},
	{"registration_audiences", "APIs that it may have tokens for, separated by commas", false, words(func(c *Config) *[]string { return &c.RegistrationAudiences })},
	{"registration_per_hour", "apps that one network may register in an hour", false, count(func(c *Config) *int { return &c.RegistrationPerHour })},
	{"registration_total", "apps that may have registered themselves", false, count(func(c *Config) *int { return &c.RegistrationTotal })},
	{"registration_unused", "how long such an app stays that is not used", false, span(func(c *Config) *time.Duration { return &c.RegistrationUnused })},
	{"client_metadata_documents", "let apps come whose client id is the address of what they register", false, yes(func(c *Config) *bool { return &c.ClientMetadataDocuments })},
	{"client_metadata_hosts", "hosts whose documents count, or *.example.com, separated by commas", false, words(func(c *Config) *[]string { return &c.ClientMetadataHosts })},
	{"require_pushed_requests", "have all apps push their authorization requests (RFC 9126)", false, yes(func(c *Config) *bool { return &c.RequirePushedRequests })},
	{"pushed_request_lifetime", "life of a pushed authorization request", false, span(func(c *Config) *time.Duration { return &c.PushedRequestLifetime })},
	{"device_code_lifetime", "time that a device waits for its user", false, span(func(c *Config) *time.Duration { return &c.DeviceCodeLifetime })},
	{"code_lifetime", "life of an authorization code", false, span(func(c *Config) *time.Duration { return &c.CodeLifetime })},
	{"access_token_lifetime", "life of an access token", false, span(func(c *Config) *time.Duration { return &c.AccessTokenLifetime })},
	{"id_token_lifetime", "life of an ID token", false, span(func(c *Config) *time.Duration { return &c.IDTokenLifetime })},
	{"refresh_token_idle", "life of an unused refresh token", false, span(func(c *Config) *time.Duration { return &c.RefreshTokenIdle })},
	{"refresh_token_grace", "how long a refresh token that was used gets the same answer again; 0: not at all", false, span(func(c *Config) *time.Duration { return &c.RefreshTokenGrace })},
	{"refresh_token_lifetime", "longest life of a refresh token", false, span(func(c *Config) *time.Duration { return &c.RefreshTokenLifetime })},
	{"logout_token_retry", "how long an app that does not answer is told of a sign-out again", false, span(func(c *Config) *time.Duration { return &c.LogoutTokenRetry })},
	{"session_idle", "life of an unused session", false, span(func(c *Config) *time.Duration { return &c.SessionIdle })},
	{"session_lifetime", "longest life of a session", false, span(func(c *Config) *time.Duration { return &c.SessionLifetime })},
	{"password_min_length", "characters that a new password must have", false, count(func(c *Config) *int { return &c.PasswordMinLength })},
	{"password_change", "whether users change their passwords on their account pages", false, yes(func(c *Config) *bool { return &c.PasswordChange })},
	{"password_guesses", "wrong passwords that lock an account for unknown browsers", false, count(func(c *Config) *int { return &c.PasswordGuesses })},
	{"password_window", "time in which wrong passwords are counted", false, span(func(c *Config) *time.Duration { return &c.PasswordWindow })},
	{"password_lock", "time that passwords stay locked", false, span(func(c *Config) *time.Duration { return &c.PasswordLock })},
	{"password_address_guesses", "wrong passwords that lock an address", false, count(func(c *Config) *int { return &c.AddressGuesses })},
	{"device_guesses", "wrong user codes of devices that lock a user who has signed in", false, count(func(c *Config) *int { return &c.DeviceGuesses })},
	{"device_window", "time in which wrong user codes are counted", false, span(func(c *Config) *time.Duration { return &c.DeviceWindow })},
	{"device_lock", "time that user codes stay locked", false, span(func(c *Config) *time.Duration { return &c.DeviceLock })},
	{"device_address_guesses", "wrong user codes that lock an address where nobody has signed in", false, count(func(c *Config) *int { return &c.DeviceAddressGuesses })},
	{"two_steps", "optional, required or phishing-resistant, the last two also with: after DATE; several separated by commas", false, twoSteps},
	{"two_steps_groups", "groups whose members must have two steps, separated by commas", false, words(func(c *Config) *[]string { return &c.TwoStepsGroups })},
	{"phishing_resistant_groups", "groups whose members must sign in with a phishing-resistant factor, separated by commas", false, words(func(c *Config) *[]string { return &c.PhishingResistantGroups })},
	{"two_steps_report_only", "record who would be stopped by these rules, and stop nobody", false, yes(func(c *Config) *bool { return &c.TwoStepsReportOnly })},
	{"acr_names", "more names of aal1, aal2 and phr, as level=name, separated by commas", false, acrNames},
	{"recovery_counts", "whether a password and a recovery code reach aal2", false, yes(func(c *Config) *bool { return &c.RecoveryCounts })},
	{"codes_after_recovery", "offer or require new recovery codes after one was used", false, text(func(c *Config) *string { return &c.CodesAfterRecovery })},
	{"remember_browser", "how long a browser may be remembered that need not give a code; 0: never", false, span(func(c *Config) *time.Duration { return &c.RememberBrowser })},
	{"totp_guesses", "wrong codes that lock the code step", false, count(func(c *Config) *int { return &c.TOTPGuesses })},
	{"totp_window", "time in which wrong codes are counted", false, span(func(c *Config) *time.Duration { return &c.TOTPWindow })},
	{"totp_lock", "time that the code step stays locked", false, span(func(c *Config) *time.Duration { return &c.TOTPLock })},
	{"totp_in_a_row", "wrong codes in a row that lock it for good", false, count(func(c *Config) *int { return &c.TOTPInARow })},
	{"hash_memory", "KiB of memory for the hash of a password or recovery code", false, count(func(c *Config) *int { return &c.HashMemory })},
	{"hash_passes", "how often that hash goes through its memory", false, count(func(c *Config) *int { return &c.HashPasses })},
	{"totp_authenticators", "authenticators that a user may have", false, count(func(c *Config) *int { return &c.TOTPAuthenticators })},
	{"totp_algorithms", "hash functions of new authenticators, separated by commas", false, algorithms},
	{"totp_digits", "digits of their codes, separated by commas", false, counts(func(c *Config) *[]int { return &c.TOTPDigits })},
	{"totp_periods", "seconds that their codes last, separated by commas", false, counts(func(c *Config) *[]int { return &c.TOTPPeriods })},
	{"audit_retention", "how long events are kept in the audit log; 0: for ever", false, span(func(c *Config) *time.Duration { return &c.AuditRetention })},
}

// isList reports whether the file may have a list where the environment has commas.
func (s setting) isList() bool {
	return slices.Contains([]string{"acr_names", "dpop_algorithms", "totp_algorithms", "totp_digits", "totp_periods", "two_steps", "two_steps_groups", "phishing_resistant_groups", "secret_keys", "trusted_proxies", "fetch_networks",
		"registration_scopes", "registration_grant_types", "registration_auth_methods", "registration_redirects", "registration_audiences", "client_metadata_hosts"}, s.name)
}

// Flag is a setting that may be given as a flag.
type Flag struct {
	Name  string // with hyphens, without dashes in front
	Usage string
}

// Flags lists the settings that may be given as flags.
func Flags() []Flag {
	var flags []Flag
	for _, s := range settings {
		if s.usage != "" {
			flags = append(flags, Flag{strings.ReplaceAll(s.name, "_", "-"), s.usage})
		}
	}
	return flags
}

// find returns the setting called name, and whether name says that a file holds it.
func find(name string) (s setting, file, ok bool) {
	for _, s := range settings {
		switch {
		case name == s.name:
			return s, false, true
		case s.secret && name == s.name+"_file":
			return s, true, true
		}
	}
	return setting{}, false, false
}

// variable is the environment variable of a setting.
func variable(name string) string { return prefix + strings.ToUpper(name) }

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		*field(c) = strings.TrimSpace(value)
		return nil
	}
}

func span(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(c *Config, value string) error {
		d, err := time.ParseDuration(strings.TrimSpace(value))
		if err != nil {
			return errors.New("is not a duration; write a number and a unit, such as 90s, 10m or 12h")
		}
		*field(c) = d
		return nil
	}
}

func count(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, value string) error {
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return errors.New("is not a whole number")
		}
		*field(c) = n
		return nil
	}
}

func yes(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, value string) error {
		on, err := strconv.ParseBool(strings.TrimSpace(value))
		if err != nil {
			return errors.New("should be true or false")
		}
		*field(c) = on
		return nil
	}
}

func words(field func(*Config) *[]string) func(*Config, string) error {
	return func(c *Config, value string) error {
		*field(c) = items(value)
		return nil
	}
}

func counts(field func(*Config) *[]int) func(*Config, string) error {
	return func(c *Config, value string) error {
		var all []int
		for _, item := range items(value) {
			n, err := strconv.Atoi(item)
			if err != nil {
				return fmt.Errorf("%q is not a whole number", item)
			}
			all = append(all, n)
		}
		*field(c) = all
		return nil
	}
}

// algorithms also takes SHA-256 and sha256 for SHA256.
func algorithms(c *Config, value string) error {
	c.TOTPAlgorithms = items(strings.ReplaceAll(strings.ToUpper(value), "-", ""))
	return nil
}

func keys(c *Config, value string) error {
	c.SecretKeys = items(value)
	return nil
}

// items accepts commas, as in the environment, and lines, as in a file.
func items(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

// networks says of all addresses at once why that would be wrong.
func networks(danger string, field func(*Config) *[]netip.Prefix) func(*Config, string) error {
	return func(c *Config, value string) error {
		var all []netip.Prefix
		for _, item := range items(value) {
			network, err := parseNetwork(item)
			switch {
			case err != nil:
				return fmt.Errorf("%q is neither an address nor a network; write them like 10.0.0.7, 10.0.0.0/8 or fd00::/8", item)
			case network.Bits() == 0:
				return fmt.Errorf("%s is every address, so that %s", item, danger)
			}
			all = append(all, network)
		}
		*field(c) = all
		return nil
	}
}

// parseNetwork takes an address for a network of one. A network never contains an IPv4 address in the form
// of IPv6, so it must not be written in it.
func parseNetwork(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	if err == nil && network.Addr().Is4In6() {
		return netip.Prefix{}, errors.New("IPv4 in the form of IPv6")
	}
	if err == nil {
		return network.Masked(), nil
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	address = address.Unmap().WithZone("")
	return netip.PrefixFrom(address, address.BitLen()), nil
}

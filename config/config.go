package config

import (
	"net/netip"
	"time"
)

// Config is every setting. In the file a setting has the name that its comment gives, in the
// environment the same name in upper case after VESTIBULE_, as a flag the same name with hyphens.
type Config struct {
	// Issuer is the address that users and clients see, without a slash at the end: issuer.
	// It has no default. Only an issuer on a loopback address may be plain http.
	Issuer string
	// Listen is the address to serve the pages and the protocol on, for a proxy that
	// ends TLS: listen.
	Listen string
	// AdminListen is the address to serve /healthz, /readyz and /metrics on: admin_listen.
	AdminListen string
	// Profiling has profiles of the program served there too, at /debug/pprof/: profiling.
	Profiling bool
	// TrustedProxies are the proxies in front of Listen, which tell the address of the visitor in
	// X-Forwarded-For. Of all others that header is not believed: trusted_proxies.
	TrustedProxies []netip.Prefix
	// FetchNetworks are networks that are not public, but that documents which clients name, such as their keys, may be
	// fetched from: fetch_networks.
	FetchNetworks []netip.Prefix
	// ClientCertificateFormat is how the certificates that clients show come here: pem, base64, xfcc or rfc9440 from a proxy of
	// TrustedProxies, or connection, where the program ends TLS itself; empty: clients show none: client_certificate_format.
	ClientCertificateFormat string
	// ClientCertificateHeader is the header that they come in; empty: X-Forwarded-Client-Cert for xfcc, Client-Cert for rfc9440:
	// client_certificate_header.
	ClientCertificateHeader string
	// ClientCertificateCAFile holds the certificates of authorities that vouch for clients; empty: none authenticates by
	// tls_client_auth: client_certificate_ca_file.
	ClientCertificateCAFile string
	// MTLSOrigin is a second address of the server, without a path, where clients are asked for certificates; empty: they are at
	// that of Issuer: mtls_origin.
	MTLSOrigin string
	// Database is sqlite:PATH or postgres://...: database, or database_file.
	Database string
	// SecretKeys seal what must not lie in the database in the clear. The first seals, all
	// open: secret_keys, or secret_keys_file. It has no default.
	SecretKeys []string

	// Name is what the pages and authenticator apps call this server: name.
	Name string
	// Contact is whom users may ask for help, shown on the pages, as a link if it is an address; may be empty: contact.
	Contact string
	// TextsDir is a folder with the texts of pages, mails and commands in more languages; empty: there are no more: texts_dir.
	TextsDir string
	// Language is that of mails and commands, and of users who read none that there are texts in; a tag (BCP 47):
	// language.
	Language string
	// ClockSkew is how far the clocks of the server and the database may be apart before the server is not
	// ready: clock_skew.
	ClockSkew time.Duration
	// SigningAlgorithm is RS256, ES256, PS256 or EdDSA, what is signed for clients with unless
	// they have an algorithm of their own: signing_algorithm.
	SigningAlgorithm string
	// DPoPAlgorithms are those that DPoP proofs of clients may be signed with: dpop_algorithms.
	DPoPAlgorithms []string
	// DPoPNonce has DPoP proofs need a nonce that the server has given out, so that none can be made long before it is used:
	// dpop_nonce.
	DPoPNonce bool
	// SigningKeyLifetime is how long a key signs before the next does; 0: until key rotate is run: signing_key_lifetime.
	SigningKeyLifetime time.Duration
	// SigningKeyAnnounce is how long the next key is published before it signs: signing_key_announce.
	SigningKeyAnnounce time.Duration
	// LogLevel is debug, info, warn or error: log_level.
	LogLevel string
	// LogFormat is json or text: log_format.
	LogFormat string

	// MailServer is host:port of the server that mail to users goes through; empty, no mail is sent:
	// mail_server.
	MailServer string
	// MailFrom is the address that mail comes from: mail_from.
	MailFrom string
	// MailTLS is starttls, tls (from the start, as on port 465) or none, which only a server on a loopback
	// address may have: mail_tls.
	MailTLS string
	// MailUsername signs in at the mail server, if it is not empty: mail_username.
	MailUsername string
	// MailPassword belongs to MailUsername: mail_password, or mail_password_file.
	MailPassword string
	// MailCAFile holds the certificates that vouch for the mail server; empty, those of the system do:
	// mail_ca_file.
	MailCAFile string

	// HydraAdminURL is the address of the admin API of an Ory Hydra that has its users sign in here, without /admin; empty:
	// this server gives tokens itself: hydra_admin_url.
	HydraAdminURL string
	// HydraAdminToken is sent to the admin API as a bearer token, if it is not empty: hydra_admin_token, or
	// hydra_admin_token_file.
	HydraAdminToken string
	// HydraAdminCertFile is the certificate that the admin API is shown; empty, it is shown none: hydra_admin_cert_file.
	HydraAdminCertFile string
	// HydraAdminKeyFile is its key: hydra_admin_key_file.
	HydraAdminKeyFile string
	// HydraAdminCAFile holds the certificates that vouch for the admin API; empty, those of the system do:
	// hydra_admin_ca_file.
	HydraAdminCAFile string

	// Registration is off, token or open: whether apps may register themselves, with an initial access token or without one
	// (RFC 7591): registration.
	Registration string
	// RegistrationScopes are the most that such an app may ask for: registration_scopes.
	RegistrationScopes []string
	// RegistrationGrantTypes are what it may send to the token endpoint: registration_grant_types.
	RegistrationGrantTypes []string
	// RegistrationAuthMethods are how it may authenticate: registration_auth_methods.
	RegistrationAuthMethods []string
	// RegistrationRedirects are where it may have browsers sent: hosts, *.example.com, localhost for the user's device, private
	// schemes with their colon; nil: anywhere that an app may: registration_redirects.
	RegistrationRedirects []string
	// RegistrationAudiences are the APIs that it may have tokens for, as those are registered: registration_audiences.
	RegistrationAudiences []string
	// RegistrationPerHour is how many apps one network may register in an hour without a token: registration_per_hour.
	RegistrationPerHour int
	// RegistrationTotal is how many apps there may be that have registered themselves: registration_total.
	RegistrationTotal int
	// RegistrationUnused is how long one stays that is not used: registration_unused.
	RegistrationUnused time.Duration

	// ClientMetadataDocuments lets apps come whose client id is the address of a document that says what they register:
	// client_metadata_documents.
	ClientMetadataDocuments bool
	// ClientMetadataHosts are the hosts whose documents count, or *.example.com for all below one; nil: any host's:
	// client_metadata_hosts.
	ClientMetadataHosts []string

	// RequirePushedRequests has every client push its authorization requests (RFC 9126): require_pushed_requests.
	RequirePushedRequests bool
	// PushedRequestLifetime is how long a pushed request waits for its browser: pushed_request_lifetime.
	PushedRequestLifetime time.Duration
	// DeviceCodeLifetime is how long a device waits for its user: device_code_lifetime.
	DeviceCodeLifetime time.Duration
	// CodeLifetime is how long an authorization code can be exchanged: code_lifetime.
	CodeLifetime time.Duration
	// AccessTokenLifetime is how long an access token is good: access_token_lifetime.
	AccessTokenLifetime time.Duration
	// IDTokenLifetime is how long an ID token is good: id_token_lifetime.
	IDTokenLifetime time.Duration
	// RefreshTokenIdle ends a refresh token that is not used: refresh_token_idle.
	RefreshTokenIdle time.Duration
	// RefreshTokenGrace is how long a refresh token that was used gets the same answer again; 0: not at all: refresh_token_grace.
	RefreshTokenGrace time.Duration
	// RefreshTokenLifetime ends a refresh token however often it is used: refresh_token_lifetime.
	RefreshTokenLifetime time.Duration
	// LogoutTokenRetry is how long a client that does not answer is told of a sign-out again: logout_token_retry.
	LogoutTokenRetry time.Duration
	// SessionIdle ends a browser's session that is not used: session_idle.
	SessionIdle time.Duration
	// SessionLifetime ends a browser's session however often it is used: session_lifetime.
	SessionLifetime time.Duration

	// PasswordMinLength is how many characters a new password must have: password_min_length.
	PasswordMinLength int
	// PasswordChange has users change their passwords on their account pages: password_change.
	PasswordChange bool

	// PasswordGuesses is how many wrong passwords in PasswordWindow lock an account for browsers that it
	// never signed in with; each browser that it has signed in with has as many of its own: password_guesses.
	PasswordGuesses int
	// PasswordWindow runs from the first wrong password: password_window.
	PasswordWindow time.Duration
	// PasswordLock is how long passwords stay locked: password_lock.
	PasswordLock time.Duration
	// AddressGuesses is how many wrong passwords in PasswordWindow, for whatever accounts, lock an address,
	// of which an IPv6 network of 64 bits counts as one: password_address_guesses.
	AddressGuesses int

	// DeviceGuesses is how many wrong user codes of devices in DeviceWindow lock a user who has signed in here: device_guesses.
	DeviceGuesses int
	// DeviceWindow runs from the first wrong user code: device_window.
	DeviceWindow time.Duration
	// DeviceLock is how long user codes stay locked: device_lock.
	DeviceLock time.Duration
	// DeviceAddressGuesses is how many wrong user codes in DeviceWindow, where nobody has signed in, lock an address, of
	// which an IPv6 network of 64 bits counts as one: device_address_guesses.
	DeviceAddressGuesses int

	// TwoSteps are what every user must have, the first rule first, each stricter than the one before: two_steps; nil:
	// nothing.
	TwoSteps []TwoSteps
	// TwoStepsGroups are the groups whose members must have one, whatever TwoSteps says: two_steps_groups.
	TwoStepsGroups []string
	// PhishingResistantGroups are the groups whose members must sign in with a phishing-resistant one, whatever TwoSteps
	// says: phishing_resistant_groups.
	PhishingResistantGroups []string
	// TwoStepsReportOnly records who would have been stopped and stops nobody, also not at an app that obliges its own
	// users: two_steps_report_only.
	TwoStepsReportOnly bool
	// ACRNames are more names of the levels aal1, aal2 and phr, for all clients; nil: the usual ones: acr_names.
	ACRNames map[string][]string
	// RecoveryCounts has a password and a recovery code reach aal2, and not aal1 only: recovery_counts.
	RecoveryCounts bool
	// CodesAfterRecovery is offer or require: whether whoever used a recovery code may go on without
	// new ones: codes_after_recovery.
	CodesAfterRecovery string
	// RememberBrowser is how long a browser need not give a code again if its user says so; 0: never:
	// remember_browser.
	RememberBrowser time.Duration

	// TOTPGuesses is how many wrong codes in TOTPWindow lock the step: totp_guesses.
	TOTPGuesses int
	// TOTPWindow runs from the first wrong code: totp_window.
	TOTPWindow time.Duration
	// TOTPLock is how long the step stays locked: totp_lock.
	TOTPLock time.Duration
	// TOTPInARow is how many wrong codes in a row, at any pace, lock the step until a recovery
	// code or an operator opens it: totp_in_a_row.
	TOTPInARow int
	// HashMemory is the memory in KiB that the hash of a password or recovery code takes (Argon2id): hash_memory.
	// Hashes of passwords are made anew at the next sign-in when it, or HashPasses, is raised.
	HashMemory int
	// HashPasses is how often the hash goes through it: hash_passes.
	HashPasses int
	// TOTPAuthenticators is how many authenticators a user may have: totp_authenticators.
	TOTPAuthenticators int
	// TOTPAlgorithms are the hash functions of new authenticators, SHA1, SHA256 or SHA512; the first is for
	// whoever does not choose: totp_algorithms.
	TOTPAlgorithms []string
	// TOTPDigits are how many digits codes of new authenticators may have, 6 or 8: totp_digits.
	TOTPDigits []int
	// TOTPPeriods are for how many seconds such a code may last, 30 or 60: totp_periods.
	TOTPPeriods []int

	// AuditRetention is how long events are kept in the audit log; 0: for ever: audit_retention.
	AuditRetention time.Duration

	// ExposedFiles is no setting, but what Load has found out: the paths of files of secrets, as the settings have them, that
	// others than their owner may read although whoever runs the program could change that.
	ExposedFiles []string
}

// TwoSteps is a rule for all users: must they have a second factor?
type TwoSteps struct {
	Must string    // required or phishing-resistant
	From time.Time // not before; zero: at once
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	const day = 24 * time.Hour
	return Config{
		Listen:                "127.0.0.1:8080",
		AdminListen:           "127.0.0.1:9091",
		Database:              "sqlite:vestibule.db",
		Name:                  "Vestibule",
		Language:              "en",
		ClockSkew:             5 * time.Second,
		SigningAlgorithm:      "RS256",
		DPoPAlgorithms:        []string{"ES256", "PS256", "RS256", "EdDSA"},
		SigningKeyLifetime:    90 * day,
		SigningKeyAnnounce:    2 * day,
		LogLevel:              "info",
		LogFormat:             "json",
		MailTLS:               "starttls",
		PushedRequestLifetime: time.Minute,
		CodeLifetime:          time.Minute,
		AccessTokenLifetime:   10 * time.Minute,
		IDTokenLifetime:       10 * time.Minute,
		RefreshTokenIdle:      14 * day,
		RefreshTokenLifetime:  90 * day,
		RefreshTokenGrace:     10 * time.Second,
		SessionIdle:           time.Hour,
		SessionLifetime:       12 * time.Hour,
		PasswordMinLength:     8,
		PasswordChange:        true,
		PasswordGuesses:       10,
		PasswordWindow:        15 * time.Minute,
		PasswordLock:          15 * time.Minute,
		AddressGuesses:        100,
		DeviceGuesses:         10,
		DeviceWindow:          15 * time.Minute,
		DeviceLock:            15 * time.Minute,
		DeviceAddressGuesses:  50,
		CodesAfterRecovery:    "offer",
		RecoveryCounts:        true,
		TOTPGuesses:           5,
		TOTPWindow:            15 * time.Minute,
		TOTPLock:              15 * time.Minute,
		TOTPInARow:            100,
		HashMemory:            19456,
		HashPasses:            2,
		TOTPAuthenticators:    10,
		TOTPAlgorithms:        []string{"SHA1"},
		TOTPDigits:            []int{6},
		TOTPPeriods:           []int{30},
		LogoutTokenRetry:      day,
		DeviceCodeLifetime:    10 * time.Minute,

		Registration:            "off",
		RegistrationScopes:      []string{"openid", "profile", "email", "offline_access"},
		RegistrationGrantTypes:  []string{"authorization_code", "refresh_token"},
		RegistrationAuthMethods: []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		RegistrationPerHour:     20,
		RegistrationTotal:       10_000,
		RegistrationUnused:      30 * day,
	}
}

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
	// AdminListen is the address to serve /healthz and /readyz on: admin_listen.
	AdminListen string
	// TrustedProxies are the proxies in front of Listen, which tell the address of the visitor in
	// X-Forwarded-For. Of all others that header is not believed: trusted_proxies.
	TrustedProxies []netip.Prefix
	// Database is sqlite:PATH or postgres://...: database, or database_file.
	Database string
	// SecretKeys seal what must not lie in the database in the clear. The first seals, all
	// open: secret_keys, or secret_keys_file. It has no default.
	SecretKeys []string

	// Name is what the pages and authenticator apps call this server: name.
	Name string
	// Contact is whom users may ask for help, shown on the pages; may be empty: contact.
	Contact string
	// SigningAlgorithm is RS256 or ES256, what ID tokens are signed with unless the client
	// has an algorithm of its own: signing_algorithm.
	SigningAlgorithm string
	// LogLevel is debug, info, warn or error: log_level.
	LogLevel string
	// LogFormat is json or text: log_format.
	LogFormat string

	// CodeLifetime is how long an authorization code can be exchanged: code_lifetime.
	CodeLifetime time.Duration
	// AccessTokenLifetime is how long an access token is good: access_token_lifetime.
	AccessTokenLifetime time.Duration
	// IDTokenLifetime is how long an ID token is good: id_token_lifetime.
	IDTokenLifetime time.Duration
	// RefreshTokenIdle ends a refresh token that is not used: refresh_token_idle.
	RefreshTokenIdle time.Duration
	// RefreshTokenLifetime ends a refresh token however often it is used: refresh_token_lifetime.
	RefreshTokenLifetime time.Duration
	// SessionIdle ends a browser's session that is not used: session_idle.
	SessionIdle time.Duration
	// SessionLifetime ends a browser's session however often it is used: session_lifetime.
	SessionLifetime time.Duration

	// TOTPGuesses is how many wrong codes in TOTPWindow lock the step: totp_guesses.
	TOTPGuesses int
	// TOTPWindow runs from the first wrong code: totp_window.
	TOTPWindow time.Duration
	// TOTPLock is how long the step stays locked: totp_lock.
	TOTPLock time.Duration
	// TOTPInARow is how many wrong codes in a row, at any pace, lock the step until a recovery
	// code or an operator opens it: totp_in_a_row.
	TOTPInARow int
}

// Default returns the settings that hold where nothing else is said.
func Default() Config {
	const day = 24 * time.Hour
	return Config{
		Listen:               "127.0.0.1:8080",
		AdminListen:          "127.0.0.1:9091",
		Database:             "sqlite:vestibule.db",
		Name:                 "Vestibule",
		SigningAlgorithm:     "RS256",
		LogLevel:             "info",
		LogFormat:            "json",
		CodeLifetime:         time.Minute,
		AccessTokenLifetime:  10 * time.Minute,
		IDTokenLifetime:      10 * time.Minute,
		RefreshTokenIdle:     14 * day,
		RefreshTokenLifetime: 90 * day,
		SessionIdle:          time.Hour,
		SessionLifetime:      12 * time.Hour,
		TOTPGuesses:          5,
		TOTPWindow:           15 * time.Minute,
		TOTPLock:             15 * time.Minute,
		TOTPInARow:           100,
	}
}

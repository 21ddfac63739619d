package config

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Prefix begins every environment variable that is a setting.
const Prefix = "VESTIBULE_"

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
	{"admin_listen", "address to serve /healthz and /readyz on", false, text(func(c *Config) *string { return &c.AdminListen })},
	{"database", "sqlite:PATH or postgres://...", true, text(func(c *Config) *string { return &c.Database })},
	{"secret_keys", "", true, keys},
	{"name", "what the pages call this server", false, text(func(c *Config) *string { return &c.Name })},
	{"contact", "whom users may ask for help", false, text(func(c *Config) *string { return &c.Contact })},
	{"signing_algorithm", "RS256 or ES256", false, text(func(c *Config) *string { return &c.SigningAlgorithm })},
	{"log_level", "debug, info, warn or error", false, text(func(c *Config) *string { return &c.LogLevel })},
	{"log_format", "json or text", false, text(func(c *Config) *string { return &c.LogFormat })},
	{"code_lifetime", "life of an authorization code", false, span(func(c *Config) *time.Duration { return &c.CodeLifetime })},
	{"access_token_lifetime", "life of an access token", false, span(func(c *Config) *time.Duration { return &c.AccessTokenLifetime })},
	{"id_token_lifetime", "life of an ID token", false, span(func(c *Config) *time.Duration { return &c.IDTokenLifetime })},
	{"refresh_token_idle", "life of an unused refresh token", false, span(func(c *Config) *time.Duration { return &c.RefreshTokenIdle })},
	{"refresh_token_lifetime", "longest life of a refresh token", false, span(func(c *Config) *time.Duration { return &c.RefreshTokenLifetime })},
	{"session_idle", "life of an unused session", false, span(func(c *Config) *time.Duration { return &c.SessionIdle })},
	{"session_lifetime", "longest life of a session", false, span(func(c *Config) *time.Duration { return &c.SessionLifetime })},
	{"totp_guesses", "wrong codes that lock the code step", false, count(func(c *Config) *int { return &c.TOTPGuesses })},
	{"totp_window", "time in which wrong codes are counted", false, span(func(c *Config) *time.Duration { return &c.TOTPWindow })},
	{"totp_lock", "time that the code step stays locked", false, span(func(c *Config) *time.Duration { return &c.TOTPLock })},
	{"totp_in_a_row", "wrong codes in a row that lock it for good", false, count(func(c *Config) *int { return &c.TOTPInARow })},
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
func variable(name string) string { return Prefix + strings.ToUpper(name) }

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

// keys accepts commas, as in the environment, and lines, as in a file.
func keys(c *Config, value string) error {
	c.SecretKeys = strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	return nil
}

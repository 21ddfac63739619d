package config

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vestibule/provider/spelling"
)

// makeKey ends every fault of a secret key.
const makeKey = "run `vestibule secret-key generate` to make one, and keep it: without it nothing sealed can be opened"

// rule is a fault and whether it is there.
type rule struct {
	setting string
	broken  bool
	text    string
}

// check returns the faults of settings that could be read.
func (l *loader) check(c Config) Faults {
	unread := func(setting string) bool {
		_, set := l.entries[setting]
		return l.broken[setting] || l.unreadable && !set
	}
	return faults(c, unread, l.where)
}

// Check returns what is wrong with settings that a program has made without Load, as Faults, or nil. Settings that are
// spared are not looked at.
func (c Config) Check(spared ...string) error {
	found := faults(c, func(setting string) bool { return slices.Contains(spared, setting) }, func(setting string) string { return setting })
	if len(found) == 0 {
		return nil
	}
	return found
}

// faults are those of the settings that are not left out, one of each: the next is often the same one. where says what to
// change.
func faults(c Config, leftOut func(setting string) bool, where func(setting string) string) Faults {
	var found Faults
	seen := map[string]bool{}
	for _, r := range rules(c) {
		if !r.broken || seen[r.setting] || leftOut(r.setting) {
			continue
		}
		seen[r.setting] = true
		found = append(found, Fault{r.setting, where(r.setting), r.text})
	}
	return found
}

func rules(c Config) []rule {
	return slices.Concat(issuerRules(c), addressRules(c), certificateRules(c), secretRules(c), wordRules(c), numberRules(c), policyRules(c), registrationRules(c), levelRules(c), mailRules(c), hydraRules(c))
}

func issuerRules(c Config) []rule {
	u, err := url.Parse(c.Issuer)
	if err != nil {
		u = &url.URL{}
	}
	return []rule{
		{"issuer", c.Issuer == "", "is missing; set it to the address that users and clients see, such as https://id.example.com"},
		{"issuer", err != nil || u.Host == "" || u.Hostname() == "", "is not an address; write it like https://id.example.com"},
		{"issuer", u.Scheme != "https" && u.Scheme != "http", "begins with " + u.Scheme + ":; it should be https"},
		{"issuer", u.Scheme == "http" && !loopback(u.Hostname()), "is plain http, which is only safe on a loopback address; use https and let a proxy end TLS"},
		{"issuer", u.User != nil, "holds a user name; write only the address"},
		{"issuer", strings.Contains(c.Issuer, "?"), "has a query; write the address without ? and what follows"},
		{"issuer", strings.Contains(c.Issuer, "#"), "has a fragment; write the address without # and what follows"},
		{"issuer", strings.HasSuffix(c.Issuer, "/"), "ends with a slash; clients compare the issuer letter by letter, so write it without"},
		{"issuer", !spelling.IsPathPrefix(strings.TrimRight(u.EscapedPath(), "/")), "has a path with other characters than letters, digits, hyphens and underscores between its slashes; write it like https://example.com/id"},
		{"issuer", u.Scheme+u.Host != strings.ToLower(u.Scheme+u.Host), "has capital letters; browsers write addresses in small ones, so do the same"},
		{"issuer", u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80", "names the port that its scheme has anyway; browsers leave it out, so do the same"},
		{"issuer", u.Port() != "" && !portNumber(u.Port()) || strings.HasSuffix(u.Host, ":"), "has a port that is not a number from 1 to 65535"},
	}
}

func addressRules(c Config) []rule {
	const form = "is not an address to listen on; write host:port, such as 127.0.0.1:8080, or :8080 for all addresses"
	return []rule{
		{"listen", !listenAddress(c.Listen), form},
		{"admin_listen", !listenAddress(c.AdminListen), form},
		{"admin_listen", c.AdminListen == c.Listen && !strings.HasSuffix(c.Listen, ":0"), "is the address of listen too; health needs one of its own, out of reach of strangers"},
	}
}

func secretRules(c Config) []rule {
	sqlite, isSQLite := strings.CutPrefix(c.Database, "sqlite:")
	u, err := url.Parse(c.Database)
	postgres := err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql")
	malformed := slices.IndexFunc(c.SecretKeys, func(key string) bool { return !validKey(key) })
	return []rule{
		{"database", c.Database == "", "is empty; write sqlite:PATH or postgres://user:password@host/name"},
		{"database", !isSQLite && !postgres, "is neither sqlite:PATH nor a good postgres:// address; characters such as @ : / # % in a password must be written as %40 %3A %2F %23 %25"},
		{"database", isSQLite && sqlite == "", "names no file; write sqlite:PATH"},
		{"secret_keys", len(c.SecretKeys) == 0, "is missing; " + makeKey},
		{"secret_keys", malformed >= 0 && isFile(c.SecretKeys), "is the path of a file; put it into " + variable("secret_keys_file")},
		{"secret_keys", malformed >= 0, "key " + strconv.Itoa(malformed+1) + " is malformed: it should be 32 bytes in base64 or hex; " + makeKey},
		{"secret_keys", repeats(c.SecretKeys), "has the same key twice; remove one"},
	}
}

func wordRules(c Config) []rule {
	return []rule{
		{"name", c.Name == "", "is empty; write what users call this server"},
		{"name", strings.Contains(c.Name, ":"), "has a colon, which authenticator apps take for the end of the name"},
		{"name", utf8.RuneCountInString(c.Name) > 40, "is longer than 40 characters, too long for the screen of a phone"},
		{"contact", utf8.RuneCountInString(c.Contact) > 200, "is longer than 200 characters"},
		{"texts_dir", c.TextsDir != "" && !isDir(c.TextsDir), "is not the path of a folder"},
		{"language", !languageTag.MatchString(c.Language), "is not the tag of a language, such as pt-BR"},
		{"signing_algorithm", !slices.Contains([]string{"RS256", "ES256", "PS256", "EdDSA"}, c.SigningAlgorithm), "should be RS256, ES256, PS256 or EdDSA"},
		{"dpop_algorithms", !only(c.DPoPAlgorithms, "ES256", "PS256", "RS256", "EdDSA"), "should name each of ES256, PS256, RS256 and EdDSA at most once, and one of them at least"},
		{"log_level", !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel), "should be debug, info, warn or error"},
		{"log_format", !slices.Contains([]string{"json", "text"}, c.LogFormat), "should be json or text"},
	}
}

// languageTag is what tags of languages look like (RFC 5646 section 2.1).
var languageTag = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$`)

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func numberRules(c Config) []rule {
	const second, day = time.Second, 24 * time.Hour
	outside := func(d, low, high time.Duration) bool { return d < low || d > high }
	return []rule{
		{"pushed_request_lifetime", outside(c.PushedRequestLifetime, 5*second, 10*time.Minute), "should be from 5s to 10m: a browser comes at once (RFC 9126 section 2.2)"},
		{"device_code_lifetime", outside(c.DeviceCodeLifetime, time.Minute, 30*time.Minute), "should be from 1m to 30m: the user has a code to type and perhaps to sign in, and who guesses should find few (RFC 8628 section 6.1)"},
		{"code_lifetime", outside(c.CodeLifetime, 5*second, 10*time.Minute), "should be from 5s to 10m: clients redeem a code at once (RFC 6749 section 4.1.2)"},
		{"access_token_lifetime", outside(c.AccessTokenLifetime, 30*second, day), "should be from 30s to 24h"},
		{"id_token_lifetime", outside(c.IDTokenLifetime, 30*second, day), "should be from 30s to 24h"},
		{"signing_key_announce", outside(c.SigningKeyAnnounce, 10*time.Minute, 30*day), "should be from 10m to 720h: apps keep the published keys for five minutes, and some for a day"},
		{"signing_key_lifetime", c.SigningKeyLifetime != 0 && outside(c.SigningKeyLifetime, 2*c.SigningKeyAnnounce, 3653*day), "should be 0, to replace keys by hand only, or from twice signing_key_announce to 87672h"},
		{"refresh_token_idle", outside(c.RefreshTokenIdle, time.Minute, 400*day), "should be from 1m to 9600h"},
		{"refresh_token_lifetime", outside(c.RefreshTokenLifetime, time.Minute, 400*day), "should be from 1m to 9600h"},
		{"refresh_token_lifetime", c.RefreshTokenLifetime < c.RefreshTokenIdle, "is shorter than refresh_token_idle"},
		{"refresh_token_grace", outside(c.RefreshTokenGrace, 0, time.Minute), "should be from 0, which is not at all, to 1m: who sends a token later has not lost an answer"},
		{"logout_token_retry", outside(c.LogoutTokenRetry, time.Minute, 7*day), "should be from 1m to 168h"},
		{"session_idle", outside(c.SessionIdle, time.Minute, 30*day), "should be from 1m to 720h"},
		{"session_lifetime", outside(c.SessionLifetime, time.Minute, 30*day), "should be from 1m to 720h"},
		{"session_lifetime", c.SessionLifetime < c.SessionIdle, "is shorter than session_idle"},
		{"password_min_length", c.PasswordMinLength < 8 || c.PasswordMinLength > 64, "should be from 8 to 64 (NIST SP 800-63B section 3.1.1.2)"},
		{"password_guesses", c.PasswordGuesses < 3 || c.PasswordGuesses > 100, "should be from 3 to 100 (NIST SP 800-63B section 3.2.2)"},
		{"password_window", outside(c.PasswordWindow, time.Minute, day), "should be from 1m to 24h"},
		{"password_lock", outside(c.PasswordLock, time.Minute, day), "should be from 1m to 24h"},
		{"password_address_guesses", c.AddressGuesses < c.PasswordGuesses || c.AddressGuesses > 100_000, "should be from password_guesses to 100000"},
		{"device_guesses", c.DeviceGuesses < 1 || c.DeviceGuesses > 100, "should be from 1 to 100: user codes are short (RFC 8628 section 5.1)"},
		{"device_window", outside(c.DeviceWindow, time.Minute, day), "should be from 1m to 24h"},
		{"device_lock", outside(c.DeviceLock, time.Minute, day), "should be from 1m to 24h"},
		{"device_address_guesses", c.DeviceAddressGuesses < c.DeviceGuesses || c.DeviceAddressGuesses > 10_000, "should be from device_guesses to 10000"},
		{"clock_skew", outside(c.ClockSkew, 100*time.Millisecond, 30*second), "should be from 100ms to 30s: codes change every 30 seconds"},
		{"totp_guesses", c.TOTPGuesses < 1 || c.TOTPGuesses > 20, "should be from 1 to 20"},
		{"totp_window", outside(c.TOTPWindow, time.Minute, day), "should be from 1m to 24h"},
		{"totp_lock", outside(c.TOTPLock, time.Minute, day), "should be from 1m to 24h"},
		{"totp_in_a_row", c.TOTPInARow < c.TOTPGuesses || c.TOTPInARow > 100, "should be from totp_guesses to 100 (NIST SP 800-63B section 3.2.2)"},
		{"hash_memory", c.HashMemory < 7168 || c.HashMemory > 1<<20, "should be from 7168 to 1048576 (KiB): less makes stolen hashes cheap to guess, more is taken for a mistake"},
		{"hash_passes", c.HashPasses < 1 || c.HashPasses > 20, "should be from 1 to 20"},
		{"hash_passes", c.HashMemory >= 7168 && c.HashMemory*c.HashPasses < 35840, "is too few for hash_memory: both multiplied should be 35840 at least, as 19456 and 2, or 7168 and 5"},
		{"totp_authenticators", c.TOTPAuthenticators < 1 || c.TOTPAuthenticators > 50, "should be from 1 to 50"},
		{"totp_algorithms", !only(c.TOTPAlgorithms, "SHA1", "SHA256", "SHA512"), "should name each of SHA1, SHA256 and SHA512 at most once, and one of them at least"},
		{"totp_digits", !only(c.TOTPDigits, 6, 8), "should be 6, 8, or both"},
		{"totp_periods", !only(c.TOTPPeriods, 30, 60), "should be 30, 60, or both"},
		{"audit_retention", c.AuditRetention != 0 && outside(c.AuditRetention, day, 36_525*day), "should be 0, to keep events for ever, or from 24h to 876600h"},
	}
}

// only reports whether list holds some of the values, each once, and nothing else.
func only[T comparable](list []T, values ...T) bool {
	for i, one := range list {
		if !slices.Contains(values, one) || slices.Contains(list[:i], one) {
			return false
		}
	}
	return len(list) > 0
}

// loopback reports whether host is this machine whatever the network does.
func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func listenAddress(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && (port == "0" || portNumber(port)) && !strings.ContainsAny(host, " /@")
}

func portNumber(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

func isFile(keys []string) bool {
	info, err := os.Stat(strings.Join(keys, " "))
	return err == nil && info.Mode().IsRegular()
}

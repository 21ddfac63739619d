package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// What apps may register themselves, in the words of provider/client, which this package does not know.
var (
	grantTypes  = []string{"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"}
	authMethods = []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth", "none"}
)

func registrationRules(c Config) []rule {
	const day = 24 * time.Hour
	known := func(list, of []string) bool { return only(list, of...) }
	bad := func(list []string, good func(string) bool) bool {
		return slices.ContainsFunc(list, func(one string) bool { return !good(one) })
	}
	noDocuments := !known(c.RegistrationAuthMethods, authMethods) || !slices.Contains(c.RegistrationAuthMethods, "none") && !slices.Contains(c.RegistrationAuthMethods, "private_key_jwt")
	return []rule{
		{"client_metadata_documents", c.ClientMetadataDocuments && noDocuments, "needs none or private_key_jwt among registration_auth_methods: an app that publishes what it registers has no secret"},
		{"client_metadata_hosts", bad(c.ClientMetadataHosts, hostForm.MatchString), "should have hosts such as app.example.com, or *.example.com for all below one"},
		{"registration", !slices.Contains([]string{"off", "token", "open"}, c.Registration), "should be off, token or open"},
		{"registration_scopes", len(c.RegistrationScopes) == 0 || bad(c.RegistrationScopes, scopeForm.MatchString), "should name at least one scope, such as openid, of lower-case letters, digits or any of -._:/"},
		{"registration_grant_types", !known(c.RegistrationGrantTypes, grantTypes), "should name some of " + strings.Join(grantTypes, ", ") + ", each at most once"},
		{"registration_auth_methods", !known(c.RegistrationAuthMethods, authMethods), "should name some of " + strings.Join(authMethods, ", ") + ", each at most once"},
		{"registration_redirects", bad(c.RegistrationRedirects, redirectForm.MatchString), "should have hosts such as app.example.com, *.example.com for all below one, localhost for the user's device, or private schemes such as vscode:"},
		{"registration_audiences", bad(c.RegistrationAudiences, absolute), "should have absolute URIs, as the APIs are registered, such as https://api.example.com"},
		{"registration_per_hour", c.RegistrationPerHour < 1 || c.RegistrationPerHour > 10_000, "should be from 1 to 10000"},
		{"registration_total", c.RegistrationTotal < 1 || c.RegistrationTotal > 1_000_000, "should be from 1 to 1000000"},
		{"registration_unused", c.RegistrationUnused < time.Hour || c.RegistrationUnused > 3653*day, "should be from 1h to 87672h"},
	}
}

var (
	scopeForm    = regexp.MustCompile(`^[a-z0-9._:/-]+$`)
	hostForm     = regexp.MustCompile(`^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$`)
	redirectForm = regexp.MustCompile(`^((\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[a-z][a-z0-9+.-]*:)$`)
)

func absolute(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.IsAbs() && (u.Host != "" || u.Opaque != "") && u.Fragment == ""
}

package mfa

import (
	"net/url"
	"strings"
)

// SecretAAD is what the secret of an Authenticator is bound to, for whoever seals a Store's rows anew with another key.
func SecretAAD(a Authenticator) string { return aad(a.Kind, a.Subject, a.ID) }

// SetupAAD is what the sealed part of a Setup is bound to, for the same.
func SetupAAD(p Setup) string { return aad("setup", p.Subject, p.Owner) }

func challengeAAD(kind, subject, owner string) string {
	return aad("challenge", kind, subject, owner)
}

func proofAAD(subject string) string { return aad("proof", subject) }

// aad joins what sealed secrets are bound to. The parts are escaped, so that no two lists of parts read alike.
func aad(parts ...string) string {
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "|")
}

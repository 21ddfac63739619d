// Package audit is what happened, as the log of it is written. It knows ids, and nothing of what they are of.
package audit

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Event is one answer that matters, as the audit log keeps it. It never holds a secret, a code, a token, a cookie
// or what somebody typed.
type Event struct {
	ID      string            // made by the Recorder; later ones sort higher
	Time    time.Time         // zero: the Recorder's now
	Kind    string            // one of the names below
	Outcome string            // OutcomeOK, OutcomeFailed or OutcomeRefused
	Subject string            // whose account; empty if nobody has the name
	Client  string            // the relying party, if there is one
	Session string            // the sid, if there is one
	Address string            // of the visitor, without a port; empty for commands
	Actor   string            // who did it when it was not the user: "cli:1000", "system"; else empty
	Method  string            // what a login calls the proof, such as "pwd" or "otp", or empty
	Request string            // the id of the HTTP request, filled in by the Recorder
	Detail  map[string]string // what else is worth knowing, by short names
}

// Outcomes of an Event.
const (
	OutcomeOK      = "ok"
	OutcomeFailed  = "failed"  // a proof was compared and is wrong
	OutcomeRefused = "refused" // nothing was compared: a rule forbids it
)

// Kinds of events. The first word says whose doing it is: auth, device, factor, session, browser, consent and authorization
// are the user's, token and client the client's, logout the server's, admin an operator's, audit that of the log itself.
const (
	EventPassword           = "auth.password.ok"
	EventPasswordFailed     = "auth.password.failed"
	EventPasswordLocked     = "auth.password.locked" // the guess that used up a budget; Detail: budget (account, address or browser)
	EventTOTP               = "auth.totp.ok"         // see Proved; Detail: offset (-1, 0 or 1 steps)
	EventTOTPFailed         = "auth.totp.failed"     // Detail: reason (wrong, expired, used, clock), in_a_row, set_up (yes: the first code of a new one)
	EventTOTPLocked         = "auth.totp.locked"     // the guess that used up the budget; Detail as for failed
	EventRecoveryUsed       = "auth.recovery.used"   // Detail: left
	EventRecoveryFailed     = "auth.recovery.failed"
	EventRecoveryLocked     = "auth.recovery.locked"
	EventDeviceCode         = "device.code.ok"     // a user code that a device shows; Detail: budget
	EventDeviceCodeFailed   = "device.code.failed" // Detail: budget (account or address), in_a_row
	EventDeviceCodeLocked   = "device.code.locked" // the guess that used up the budget; Detail as for failed
	EventSignedIn           = "session.opened"     // Detail: amr, browser, factor (the kind of authenticator, if one was proved)
	EventSignedOut          = "session.ended"
	EventOtherEnded         = "session.other.ended"  // the user ended a session in another browser; Detail: browser, ended (its sid)
	EventOthersEnded        = "session.others.ended" // the user signed out everywhere else
	EventFactorAdded        = "factor.added"         // Detail: name, factor (its kind), link (yes: with a link from an operator)
	EventFactorRemoved      = "factor.removed"       // Detail: name, last (yes or no)
	EventFactorRenamed      = "factor.renamed"       // Detail: from, to
	EventCodesMade          = "factor.codes.made"    // Detail: codes, and authenticator if they came with one
	EventBrowserRemembered  = "browser.remembered"   // Detail: browser
	EventBrowserForgotten   = "browser.forgotten"    // Detail: browser (all), or none at a sign-out
	EventConsent            = "consent.allowed"      // Detail: scopes, remembered (yes or no)
	EventConsentDenied      = "consent.denied"
	EventConsentRevoked     = "consent.revoked"            // the user ended what a client could do; Detail: scopes
	EventAuthorized         = "authorization.granted"      // Detail: amr, acr, auth_time (seconds since 1970), consent (never, if the app is one whose users are not asked)
	EventRefused            = "authorization.refused"      // Detail: error
	EventTokenReused        = "token.reused"               // a spent code or refresh token came again; its family was revoked
	EventTokenRevoked       = "token.revoked"              // the client has no use for it any more; Detail: token (access, or refresh: with all of its family)
	EventTokenKeyRefused    = "token.key.refused"          // a code or token that is bound to a key or a certificate came without a proof of it; Detail: token (code, refresh token or access token); once an hour for each
	EventCertificateRefused = "client.certificate.refused" // somebody said to be the client and showed another certificate, or one that is not good any more; Detail: method, reason (expired, usage, authority, subject or key), certificate (its x5t#S256); once an hour for each client
	EventClientToken        = "token.client"               // a client got an access token for itself; Detail: scopes, resource (if it is for an API)
	EventLogoutFailed       = "logout.failed"              // a client was not told that the session has ended; Detail: reason (refused or unreachable)
	EventPolicyReported     = "policy.reported"            // report-only: the policy would have asked for a second factor; Detail: why
	EventPasswordChanged    = "password.changed"           // Detail: apps, of the user's own (ended, or kept: what they may do while the user is away)
	EventAdminUserCreated   = "admin.user.created"
	EventAdminUserUpdated   = "admin.user.updated"       // Detail: which of email, email_verified, name, attributes, groups and disabled changed
	EventAdminUnlocked      = "admin.user.unlocked"      // Detail: budgets
	EventAdminAccessEnded   = "admin.access.ended"       // all that the user had open was ended; Detail: reason, sessions (how many were open)
	EventAdminSessionEnded  = "admin.session.ended"      // Detail: reason, browser, ended (its sid)
	EventAdminConsent       = "admin.consent.revoked"    // what a client could do for a user was ended; Detail: reason, scopes
	EventAdminReset         = "admin.totp.reset"         // Detail: authenticators, reason, reset (its id, if it was planned)
	EventAdminResetPlanned  = "admin.totp.reset.planned" // Detail: reason, due, reset
	EventResetCancelled     = "factor.reset.cancelled"   // Detail: reset, how (link, account or operator), reason if an operator gave one
	EventAdminTOTPAdded     = "admin.totp.added"         // Detail: name
	EventAdminTOTPExported  = "admin.totp.exported"      // Detail: authenticators
	EventAdminEnrolLink     = "admin.enrol_link.made"    // Detail: expires
	EventAdminClientCreated = "admin.client.created"
	EventAdminClientUpdated = "admin.client.updated"        // Detail: changed; subjects, where it knows users by others from now on
	EventAdminSecretRotated = "admin.client.secret_rotated" // Detail: overlap
	EventAdminClientDeleted = "admin.client.deleted"
	EventInitialTokenMade   = "admin.initial_token.made"    // a token with which clients may register themselves; Detail: token (its id), uses, expires
	EventInitialTokenGone   = "admin.initial_token.revoked" // Detail: token
	EventClientRegistered   = "client.registered"           // a client has registered itself; Detail: how (registration, metadata_document or initial_access_token: client.RegisteredBy), token (the id of that one)
	EventClientChanged      = "client.changed"              // a client has changed its registration; Detail: changed
	EventClientRemoved      = "client.removed"              // a client has removed its registration, or nobody had used it: then the actor is system; Detail: reason (unused)
	EventAdminReseal        = "admin.secret_key.rotated"    // Detail: rows, key
	EventSigningKeyMade     = "admin.signing_key.made"      // Detail: key, alg, signs (from when on); the actor is system if it was due
	EventSigningKeyAdvanced = "admin.signing_key.advanced"  // Detail: key, alg, signs: the key signs earlier than planned
	EventSigningKeyRemoved  = "admin.signing_key.removed"   // Detail: key, alg, signs
	EventAdminBenchSeeded   = "admin.bench.seeded"          // users were made to measure the server with; Detail: users (how many), from (the name of the first)
	EventAdminBenchRemoved  = "admin.bench.removed"         // such users were removed; Detail: users
	EventAuditPurged        = "audit.purged"                // what was too old was removed; Detail: place and hash of the last that went
)

// Factors that events tell of, beside the kinds of authenticators.
const (
	FactorPassword = "password"
	FactorRecovery = "recovery"
)

// Proved is the kind of the event that a factor was proved: auth, the factor, ok. A recovery code is used up by it.
func Proved(factor string) string {
	if factor == FactorRecovery {
		return EventRecoveryUsed
	}
	return "auth." + factor + ".ok"
}

// ProofFailed is the kind of the event that a proof of a factor was compared and is wrong.
func ProofFailed(factor string) string { return "auth." + factor + ".failed" }

// ProofLocked is ProofFailed for the guess that used up the budget.
func ProofLocked(factor string) string { return "auth." + factor + ".locked" }

// Results of a proof.
const (
	ResultOK     = "ok"
	ResultFailed = "failed"
	ResultLocked = "locked"
)

// Proof reads what Proved, ProofFailed and ProofLocked have made. Not ok: the event tells of no proof.
func Proof(kind string) (factor, result string, ok bool) {
	parts := strings.Split(kind, ".")
	if len(parts) != 3 || parts[0] != "auth" {
		return "", "", false
	}
	switch factor = parts[1]; kind {
	case Proved(factor):
		return factor, ResultOK, true
	case ProofFailed(factor):
		return factor, ResultFailed, true
	case ProofLocked(factor):
		return factor, ResultLocked, true
	}
	return "", "", false
}

// Refused are the attributes of a log line for a request that was refused because the database does not answer: then
// no event can be recorded. They name the kind of request, and nobody.
func Refused(path string) []any {
	kind := "request.refused"
	if factor := refusedFactor(path); factor != "" {
		return refused("auth." + factor + ".refused")
	}
	for _, r := range []struct{ prefix, kind string }{
		{"/login", "auth.password.refused"},
		{"/consent", "consent.refused"},
		{"/authorize", EventRefused},
		{"/token", "token.refused"},
		{"/revoke", "token.refused"},
		{"/account", "account.refused"},
	} {
		if strings.HasPrefix(path, r.prefix) {
			kind = r.kind
			break
		}
	}
	return refused(kind)
}

func refused(kind string) []any {
	return []any{"event", kind, "outcome", OutcomeRefused, "reason", "unavailable"}
}

// stepPages are the pages of a sign-in below /login that are not those of a factor.
var stepPages = []string{"setup", "notice", "continue", "cancel", "restart"}

// refusedFactor is the factor whose page, /login/{factor} or below it, the path is; empty: it is another page.
func refusedFactor(path string) string {
	rest, ok := strings.CutPrefix(path, "/login/")
	factor, _, _ := strings.Cut(rest, "/")
	strange := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	if !ok || len(factor) > 32 || strings.ContainsFunc(factor, strange) || slices.Contains(stepPages, factor) {
		return ""
	}
	return factor
}

// Recorder writes events to the audit log.
type Recorder interface {
	// Record writes e. Inside an Atomic it is part of that commit, so that what happened and the record of it are
	// there both or not at all.
	Record(ctx context.Context, e Event) error
}

// NopRecorder is a Recorder that keeps no log.
type NopRecorder struct{}

// Record does nothing.
func (NopRecorder) Record(context.Context, Event) error { return nil }

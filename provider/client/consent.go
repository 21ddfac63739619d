package client

import (
	"net/url"
	"slices"
)

// Consent is what a client's users are asked before it learns of them.
type Consent string

// What users may be asked.
const (
	ConsentDefault  Consent = ""         // ConsentRemember, or ConsentAsk where the client MayBeImpostor
	ConsentAsk      Consent = "ask"      // each time, unless they want the answer remembered
	ConsentRemember Consent = "remember" // once, unless they do not want the answer remembered
	ConsentNever    Consent = "never"    // nothing: the client belongs to whoever runs the server
)

// IsKnown reports whether v is one of the above.
func (v Consent) IsKnown() bool {
	return slices.Contains([]Consent{ConsentDefault, ConsentAsk, ConsentRemember, ConsentNever}, v)
}

// RemembersConsent reports whether users keep their answer, when it goes there, unless they say otherwise. What runs in a
// page has no secret, but who gets its answers is as sure as the web site is (RFC 8252 section 8.6), and it can renew its
// sign-in in a frame only where the answer was kept.
func (c Client) RemembersConsent(redirect string) bool {
	if c.Consent == ConsentDefault {
		return !c.MayBeImpostor(redirect)
	}
	return c.Consent == ConsentRemember
}

// SkipsConsent reports whether users are asked nothing when the answer goes there. Any program on a device can claim a
// loopback address or a private scheme, and the id of a public client (RFC 8252 section 8.6): then they are asked.
func (c Client) SkipsConsent(redirect string) bool {
	return c.FirstParty || c.Consent == ConsentNever && !c.MayBeImpostor(redirect)
}

// NeverAsks reports whether its users are asked nothing, wherever the answer goes.
func (c Client) NeverAsks() bool {
	return len(c.RedirectURIs) > 0 && !c.Grants(GrantDevice) && !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return !c.SkipsConsent(uri) })
}

// MayBeImpostor reports whether any program on the user's device could have sent the request and has use for the answer: a
// code needs the secret, if the client has one, and an ID token needs none.
func (c Client) MayBeImpostor(redirect string) bool {
	return !IsWeb(redirect) && (c.Public || c.AnswersWith(ResponseIDToken))
}

// IsWeb reports whether the answer goes to a web site, and not to an app on the device.
func IsWeb(redirect string) bool {
	u, err := url.Parse(redirect)
	return err == nil && u.Scheme == "https" && !IsLoopback(u.Hostname())
}

// isHTTPS reports whether it is the address of a server, be it one on the device of its user.
func isHTTPS(redirect string) bool {
	u, err := url.Parse(redirect)
	return err == nil && u.Scheme == "https"
}

package account

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/secure/bidirule"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// NameTaken reports a user name or an e-mail address that is a name of another account. It is an ErrConflict.
type NameTaken struct{ Name string }

func (e *NameTaken) Error() string { return e.Name + " is a name of another user" }

// Unwrap returns ErrConflict.
func (e *NameTaken) Unwrap() error { return store.ErrConflict }

// usernames is UsernameCaseMapped of RFC 8265 section 3.3, but for its rule about the direction of text: x/text would
// apply it to names without any letter that is written from right to left, and so refuse ana_.
var usernames = precis.NewIdentifier(precis.FoldWidth, precis.LowerCase(), precis.Norm(norm.NFC))

// domains maps the name of a host as browsers do before they look it up (UTS #46).
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

const maxName = 254 // bytes, as of an e-mail address

// CanonicalName returns the one spelling of a user name or e-mail address that is stored and that guesses are counted
// under. No two that look the same have different ones, as far as rules can tell: the user name, and what stands before
// an @, is one of RFC 8265, case-folded and in letters of one script; the domain is in its ASCII form.
func CanonicalName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errors.New("a user name must be valid UTF-8")
	}
	name = width.Fold.String(strings.TrimSpace(name)) // a wide @ is one
	local, domain, address := strings.Cut(name, "@")
	switch {
	case len(name) > 2*maxName:
		return "", errNameLong
	case name == "":
		return "", errNameEmpty
	}
	local, err := canonicalLocal(local)
	if err != nil || !address {
		return local, err
	}
	if domain, err = canonicalDomain(domain); err != nil {
		return "", err
	}
	if len(local)+1+len(domain) > maxName {
		return "", errNameLong
	}
	return local + "@" + domain, nil
}

var (
	errNameEmpty  = errors.New("a user name must not be empty, nor begin with an @")
	errNameLong   = errors.New("a user name must not be longer than 254 bytes")
	errNameChars  = errors.New("a user name must not have spaces, control or invisible characters, or any that RFC 8265 leaves out")
	errNameScript = errors.New("a user name must not mix letters of scripts that look alike; write it in one script, and with one set of digits")
	errNameDomain = errors.New("what stands behind the @ of a user name must be a domain name, written without a dot at its end")
)

func canonicalLocal(local string) (string, error) {
	mapped, err := usernames.String(local)
	if err != nil || strings.ContainsFunc(mapped, spelling.IsInvisible) {
		return "", errNameChars
	}
	if bidirule.DirectionString(mapped) != bidi.LeftToRight && !bidirule.ValidString(mapped) {
		return "", errNameChars
	}
	// RFC 8265 maps to lower case, after which STRASSE and straße are two.
	mapped = norm.NFC.String(dotted(cases.Fold().String(mapped)))
	switch {
	case mapped == "":
		return "", errNameEmpty
	case startsWithMark(mapped):
		return "", errNameChars
	case len(mapped) > maxName:
		return "", errNameLong
	case !spelling.OneScript(mapped):
		return "", errNameScript
	}
	return mapped, nil
}

// startsWithMark reports whether the first character would stand on whatever comes before the name.
func startsWithMark(text string) bool {
	first, _ := utf8.DecodeRuneInString(text)
	return unicode.Is(unicode.M, first)
}

// dotted has one i, as there is one I: without a dot, which capitals do not tell apart, or with two. The capital I with a
// dot leaves a second one behind when it becomes small, and nobody sees a dot above any letter that has one.
func dotted(text string) string {
	var base rune
	return strings.Map(func(r rune) rune {
		if r == '\u0131' {
			r = 'i'
		}
		if r == '\u0307' && unicode.Is(unicode.Soft_Dotted, base) {
			return -1
		}
		if !unicode.Is(unicode.Mn, r) {
			base = r
		}
		return r
	}, text)
}

func canonicalDomain(domain string) (string, error) {
	ascii, err := domains.ToASCII(domain)
	if err != nil || strings.HasSuffix(ascii, ".") {
		return "", errNameDomain
	}
	shown, err := domains.ToUnicode(ascii)
	if err != nil {
		return "", errNameDomain
	}
	for label := range strings.SplitSeq(shown, ".") {
		if !spelling.OneScript(label) {
			return "", errNameScript
		}
	}
	return ascii, nil
}

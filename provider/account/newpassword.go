package account

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What may be wrong with a new password. Errors of PasswordRules.Check are one of them, to errors.Is.
var (
	ErrPasswordEncoding = errors.New("the password must be valid UTF-8")
	ErrPasswordShort    = errors.New("the password is too short")
	ErrPasswordLong     = errors.New("the password must not be longer than 1024 bytes")
	ErrPasswordCommon   = errors.New("this password is in lists of leaked passwords; choose another")
	ErrPasswordRepeats  = errors.New("the password repeats one character; choose another")
	ErrPasswordPersonal = errors.New("the password is little more than the name of its user or of this service; choose another")
)

const (
	// usualLength is how many characters a new password must have, unless the rules ask for more.
	usualLength = 8
	// maxPassword is how many bytes it may have.
	maxPassword = 1024
	// shortestWord is how many bytes of a name make a password easy to guess.
	shortestWord = 3
)

// PasswordRules are what a new password must keep (NIST SP 800-63B-4 section 3.1.1.2). None is about composition, and none about
// age. The zero value is good.
type PasswordRules struct {
	MinLength int      // in characters; 0: 8
	Words     []string // that everybody here knows, such as the name of the service
}

// Check says what is wrong with a password that the user wants, or that somebody wants to give the user.
func (r PasswordRules) Check(user Account, password string) error {
	switch {
	case !utf8.ValidString(password):
		return ErrPasswordEncoding
	case utf8.RuneCountInString(password) < r.least():
		return fmt.Errorf("%w: it must have at least %d characters; a few words work well", ErrPasswordShort, r.least())
	case len(password) > maxPassword:
		return ErrPasswordLong
	}
	folded := strings.ToLower(NormalPassword(password))
	first, _ := utf8.DecodeRuneInString(folded)
	switch {
	case isCommon(folded):
		return ErrPasswordCommon
	case strings.Trim(folded, string(first)) == "":
		return ErrPasswordRepeats
	case isLittle(without(joined(folded), r.wordsAbout(user))):
		return ErrPasswordPersonal
	}
	return nil
}

// NormalPassword is how a password is hashed: what looks the same is the same, however a device writes it (SP 800-63B-4 section
// 3.1.1.2; NFKC of Unicode Standard Annex 15).
func NormalPassword(password string) string { return norm.NFKC.String(password) }

func (r PasswordRules) least() int { return cmp.Or(r.MinLength, usualLength) }

// isLittle reports whether what is left of a password without names is tried by whoever tries the names: a year, a row of digits, a
// few letters.
func isLittle(rest string) bool {
	n := utf8.RuneCountInString(rest)
	return n < 5 || n < usualLength && strings.Trim(rest, "0123456789") == ""
}

// wordsAbout is what somebody who knows the user tries first, the longest first: names, as wholes and in parts.
func (r PasswordRules) wordsAbout(user Account) []string {
	local, domain, _ := strings.Cut(user.Email, "@")
	var words []string
	for _, name := range append([]string{user.Username, user.Name, user.Email, local, domain}, r.Words...) {
		name = strings.ToLower(NormalPassword(name))
		parts := strings.FieldsFunc(name, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
		words = append(append(words, joined(name)), parts...)
	}
	words = slices.DeleteFunc(words, func(word string) bool { return len(word) < shortestWord })
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return words
}

// joined is the text without what stands between words.
func joined(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsSpace(c) || strings.ContainsRune(".,-_@'", c) {
			return -1
		}
		return c
	}, text)
}

// without is the text without the words, wherever they are in it.
func without(text string, words []string) string {
	for _, word := range words {
		text = strings.ReplaceAll(text, word, "")
	}
	return text
}

// common are the passwords of eight characters and more that people choose most, as leaks have shown: a line each, in small
// letters, sorted. They are the first ten thousand of the lists that Django and zxcvbn-ts keep, taken in turn by rank.
//
//go:embed common-passwords.txt
var common string

// isCommon reports whether the password, in small letters, is one of them.
func isCommon(folded string) bool {
	if strings.ContainsRune(folded, '\n') {
		return false
	}
	return strings.HasPrefix(common, folded+"\n") || strings.Contains(common, "\n"+folded+"\n")
}

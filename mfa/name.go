package mfa

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// NameKey is what names of authenticators are compared by: two with one key look the same, in capitals or small letters,
// wide or narrow, with accents in one part or two, with characters that nobody sees or spaces of another kind.
func NameKey(name string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Variation_Selector, r) {
			return -1
		}
		return visible(r)
	}, name)
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(seen)))
	return strings.Join(strings.Fields(folded), " ")
}

// blank is the pattern of Braille without dots.
const blank = '\u2800'

// visible drops or replaces what could make a name look like another, or turn the page's text round.
func visible(r rune) rune {
	hidden := unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) ||
		unicode.Is(unicode.Variation_Selector, r) && r != emoji
	switch {
	case r == blank:
		return ' '
	case hidden || r == utf8.RuneError:
		return -1
	}
	return r
}

// emoji asks for the colourful form of the character before it.
const emoji = '\ufe0f'

// nameSize is how many characters a name may have.
const nameSize = 64

// name checks the name that the user gave the new authenticator against those of the others.
func (s *Service) name(ctx context.Context, setup Setup, typed string) (string, error) {
	f, err := s.Store.Factors(ctx, setup.Subject)
	if err != nil {
		return "", fmt.Errorf("read factors: %w", err)
	}
	switch {
	case f.Generation != setup.Basis:
		return "", ErrChanged
	case len(f.Authenticators) >= s.Limits.orDefault().Authenticators:
		return "", ErrTooMany
	}
	return newName(f.Authenticators, typed, setup.Name)
}

// newName cleans the name that was typed, an empty one stands for usual, and checks it against those of the others.
func newName(others []Authenticator, typed, usual string) (string, error) {
	name := strings.TrimSpace(strings.Map(visible, typed))
	if NameKey(name) == "" {
		name = usual
	}
	switch {
	case utf8.RuneCountInString(name) > nameSize:
		return "", ErrNameLong
	case taken(others, name):
		return "", ErrNameTaken
	}
	return name, nil
}

func taken(others []Authenticator, name string) bool {
	key := NameKey(name)
	return slices.ContainsFunc(others, func(a Authenticator) bool { return NameKey(a.Name) == key })
}

// suggest is a name that is free: the label, with a number if need be.
func suggest(others []Authenticator, label string) string {
	name := label
	for n := 2; taken(others, name); n++ {
		name = fmt.Sprintf("%s %d", label, n)
	}
	return name
}

package verify

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"vestibule/mfa/totp"
	"vestibule/web/ui"
)

// Unusual returns what the pages must remember of the numbers of digits, or of seconds, that a user's codes have:
// nothing, if it is the usual one.
func Unusual(numbers []int, usual int) []int {
	if len(numbers) == 1 && numbers[0] == usual {
		return nil
	}
	return numbers
}

// OnePeriod is every how many seconds a user's codes change; 0 if that depends on the authenticator.
func OnePeriod(periods []int) int {
	switch len(periods) {
	case 0:
		return 30
	case 1:
		return periods[0]
	}
	return 0
}

// AskCode asks for a code of so many digits: the 6-digit code. Who has both kinds has codes.
func AskCode(digits []int) ui.Message {
	if len(digits) > 1 {
		return ui.Say("totp.title.any")
	}
	return ui.Say("totp.title", "digits", DigitWords(digits))
}

// DigitWords is how many digits a code may have, as texts take it under {digits}: 6, 8, or both.
func DigitWords(digits []int) string {
	if len(digits) == 0 {
		return "6"
	}
	var words []string
	for _, n := range digits {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, " ")
}

// FormatArgs are what totp.format says of the codes that there are.
func FormatArgs(err error) ui.Values {
	var format *totp.Format
	like, digits := "123 456", []int(nil)
	if errors.As(err, &format) {
		digits = format.Digits
	}
	if len(digits) > 0 && !slices.Contains(digits, 6) {
		like = "1234 5678"
	}
	return ui.Values{"digits": DigitWords(digits), "like": like}
}

package verify

import (
	"errors"
	"slices"
	"strconv"

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

// CodeWords is what a page calls a code of so many digits: the 6-digit code. Who has both kinds has codes.
func CodeWords(digits []int) string {
	switch len(digits) {
	case 0:
		return "6-digit code"
	case 1:
		return strconv.Itoa(digits[0]) + "-digit code"
	}
	return "code"
}

// DigitWords is how many digits a code may have: 6, 8, or 6 or 8.
func DigitWords(digits []int) string {
	if len(digits) == 0 {
		return "6"
	}
	text := strconv.Itoa(digits[0])
	for _, n := range digits[1:] {
		text += " or " + strconv.Itoa(n)
	}
	return text
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
	return ui.Values{"n": DigitWords(digits), "like": like}
}

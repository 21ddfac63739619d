package account

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// commonPasswords are refused whatever their length.
var commonPasswords = []string{
	"password", "passw0rd", "password1", "password12", "password123", "12345678", "123456789", "1234567890",
	"11111111", "00000000", "qwertyui", "qwerty123", "qwertyuiop", "iloveyou", "sunshine", "princess",
	"football", "baseball", "superman", "letmein1", "welcome1", "admin123", "administrator", "changeme",
	"trustno1", "abcd1234", "1q2w3e4r", "1qaz2wsx", "asdfghjk", "vestibule",
}

// CheckNewPassword says what is wrong with a password that somebody wants to set. There are no rules of
// composition (NIST SP 800-63B-4 section 3.1.1.2).
func CheckNewPassword(password string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return errors.New("the password must be valid UTF-8")
	case n < 8:
		return errors.New("the password must have at least 8 characters; a few words work well")
	case len(password) > 1024:
		return errors.New("the password must not be longer than 1024 bytes")
	}
	folded := strings.ToLower(password)
	for _, common := range commonPasswords {
		if folded == common {
			return errors.New("this password is in lists of leaked passwords; choose another")
		}
	}
	if strings.Count(folded, folded[:1]) == len(folded) {
		return errors.New("the password repeats one character; choose another")
	}
	return nil
}

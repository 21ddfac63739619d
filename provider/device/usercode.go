package device

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
)

// letters are those of user codes (RFC 8628 section 6.1): no vowels, so that no word comes of them, and none that looks like
// a digit.
const letters = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeLength = 8 // 34 bits: with the budgets of guesses nobody finds one

// NewUserCode returns a user code, as Plain writes it.
func NewUserCode() string {
	var code strings.Builder
	for range userCodeLength {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil { // rand.Reader never fails
			panic(err)
		}
		code.WriteByte(letters[n.Int64()])
	}
	return code.String()
}

// Show is a user code for people to read.
func Show(code string) string { return code[:userCodeLength/2] + "-" + code[userCodeLength/2:] }

// IsUserCode reports whether a text, in capitals and without what stands between its parts, may be a user code.
func IsUserCode(text string) bool {
	return len(text) == userCodeLength && strings.Trim(text, letters) == ""
}

// UserCodes turns user codes into what is stored of them. A user code is short: a hash alone could be tried out by whoever
// reads the database.
type UserCodes struct {
	Secrets [][]byte // the first makes, all are looked for
}

// Stored is what is stored of a new code.
func (u UserCodes) Stored(code string) string { return u.All(code)[0] }

// All are what may be stored of a code.
func (u UserCodes) All(code string) []string {
	var all []string
	for _, secret := range u.Secrets {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("vestibule user code\x00" + code))
		all = append(all, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
	}
	return all
}

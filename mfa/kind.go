package mfa

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pquerna/otp"
)

// Kind is how an authenticator makes its codes.
type Kind struct {
	Algorithm string `json:"algorithm"` // SHA1, SHA256 or SHA512
	Digits    int    `json:"digits"`    // 6 or 8
	Period    int    `json:"period"`    // in seconds: 30 or 60
}

// usual is the Kind that authenticator apps agree on. Many ignore any other value in a QR code, and then show
// wrong codes.
var usual = Kind{Algorithm: "SHA1", Digits: 6, Period: 30}

// algorithms are the hash functions of RFC 6238. A key is as long as the hash (its section 5.1).
var algorithms = map[string]struct {
	hash    otp.Algorithm
	keySize int
	name    string
}{
	"SHA1":   {otp.AlgorithmSHA1, 20, "SHA-1"},
	"SHA256": {otp.AlgorithmSHA256, 32, "SHA-256"},
	"SHA512": {otp.AlgorithmSHA512, 64, "SHA-512"},
}

// Check says what is wrong with a Kind.
func (k Kind) Check() error {
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{algorithms[k.Algorithm].keySize == 0, "the algorithm should be SHA1, SHA256 or SHA512"},
		{k.Digits != 6 && k.Digits != 8, "the digits should be 6 or 8"},
		{k.Period != 30 && k.Period != 60, "the period should be 30 or 60 seconds"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	return errors.Join(faults...)
}

// String is the Kind for people.
func (k Kind) String() string {
	return fmt.Sprintf("%d digits, %d seconds, %s", k.Digits, k.Period, AlgorithmName(k.Algorithm))
}

// AlgorithmName is how an algorithm is written for people: SHA-1.
func AlgorithmName(algorithm string) string { return algorithms[algorithm].name }

// parameters are those of the otpauth URI that no app takes for granted.
func (k Kind) parameters() string {
	var text strings.Builder
	if k.Algorithm != usual.Algorithm {
		text.WriteString("&algorithm=" + k.Algorithm)
	}
	if k.Digits != usual.Digits {
		fmt.Fprintf(&text, "&digits=%d", k.Digits)
	}
	if k.Period != usual.Period {
		fmt.Fprintf(&text, "&period=%d", k.Period)
	}
	return text.String()
}

// Kinds are the settings that new authenticators may have. The first of each list is for whoever does not choose.
type Kinds struct {
	Algorithms []string // none: SHA1
	Digits     []int    // none: 6
	Periods    []int    // none: 30
}

func (k Kinds) orDefault() Kinds {
	if len(k.Algorithms) == 0 {
		k.Algorithms = []string{usual.Algorithm}
	}
	if len(k.Digits) == 0 {
		k.Digits = []int{usual.Digits}
	}
	if len(k.Periods) == 0 {
		k.Periods = []int{usual.Period}
	}
	return k
}

func (k Kinds) first() Kind { return Kind{k.Algorithms[0], k.Digits[0], k.Periods[0]} }

func (k Kinds) allow(one Kind) bool {
	return slices.Contains(k.Algorithms, one.Algorithm) && slices.Contains(k.Digits, one.Digits) && slices.Contains(k.Periods, one.Period)
}

// Several reports whether there is anything to choose.
func (k Kinds) Several() bool {
	return len(k.Algorithms) > 1 || len(k.Digits) > 1 || len(k.Periods) > 1
}

package totp

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pquerna/otp"
)

// Params is how an authenticator app makes its codes.
type Params struct {
	Algorithm string `json:"algorithm"` // SHA1, SHA256 or SHA512
	Digits    int    `json:"digits"`    // 6 or 8
	Period    int    `json:"period"`    // in seconds: 30 or 60
}

// usual are the Params that authenticator apps agree on. Many ignore any other value in a QR code, and then show
// wrong codes.
var usual = Params{Algorithm: "SHA1", Digits: 6, Period: 30}

// usualText is the usual Params as a store has them: almost all that it has.
var usualText = usual.encode()

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

// ParseParams reads the Params of an authenticator in a store.
func ParseParams(text string) (p Params, err error) {
	if text == usualText {
		return usual, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return Params{}, fmt.Errorf("settings %q: %w", text, err)
	}
	if err := p.Check(); err != nil {
		return Params{}, fmt.Errorf("settings %q: %w", text, err)
	}
	return p, nil
}

// encode is what ParseParams reads.
func (p Params) encode() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // a text and two numbers
	}
	return string(text)
}

// Check says what is wrong with Params.
func (p Params) Check() error {
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{algorithms[p.Algorithm].keySize == 0, "the algorithm should be SHA1, SHA256 or SHA512"},
		{p.Digits != 6 && p.Digits != 8, "the digits should be 6 or 8"},
		{p.Period != 30 && p.Period != 60, "the period should be 30 or 60 seconds"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	return errors.Join(faults...)
}

// String is Params for people.
func (p Params) String() string {
	return fmt.Sprintf("%d digits, %d seconds, %s", p.Digits, p.Period, AlgorithmName(p.Algorithm))
}

// AlgorithmName is how an algorithm is written for people: SHA-1.
func AlgorithmName(algorithm string) string { return algorithms[algorithm].name }

// parameters are those of the otpauth URI that no app takes for granted.
func (p Params) parameters() string {
	var text strings.Builder
	if p.Algorithm != usual.Algorithm {
		text.WriteString("&algorithm=" + p.Algorithm)
	}
	if p.Digits != usual.Digits {
		fmt.Fprintf(&text, "&digits=%d", p.Digits)
	}
	if p.Period != usual.Period {
		fmt.Fprintf(&text, "&period=%d", p.Period)
	}
	return text.String()
}

// Options are the settings that new authenticators may have. The first of each list is for whoever does not choose.
type Options struct {
	Algorithms []string // none: SHA1
	Digits     []int    // none: 6
	Periods    []int    // none: 30
}

func (o Options) orDefault() Options {
	if len(o.Algorithms) == 0 {
		o.Algorithms = []string{usual.Algorithm}
	}
	if len(o.Digits) == 0 {
		o.Digits = []int{usual.Digits}
	}
	if len(o.Periods) == 0 {
		o.Periods = []int{usual.Period}
	}
	return o
}

func (o Options) first() Params { return Params{o.Algorithms[0], o.Digits[0], o.Periods[0]} }

func (o Options) allow(one Params) bool {
	return slices.Contains(o.Algorithms, one.Algorithm) && slices.Contains(o.Digits, one.Digits) && slices.Contains(o.Periods, one.Period)
}

// Several reports whether there is anything to choose.
func (o Options) Several() bool {
	return len(o.Algorithms) > 1 || len(o.Digits) > 1 || len(o.Periods) > 1
}

// formats returns the numbers of digits and of seconds, each once, the smallest first.
func formats(all []Params) (digits, periods []int) {
	for _, p := range all {
		digits, periods = append(digits, p.Digits), append(periods, p.Period)
	}
	slices.Sort(digits)
	slices.Sort(periods)
	return slices.Compact(digits), slices.Compact(periods)
}

// numbers is how texts take several numbers of which one is meant.
func numbers(all []int) string {
	words := make([]string, len(all))
	for i, n := range all {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, " ")
}

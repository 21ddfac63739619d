package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
)

// unusual returns what the pages must remember of the numbers of digits, or of seconds, that a user's codes have:
// nothing, if it is the usual one.
func unusual(numbers []int, usual int) []int {
	if len(numbers) == 1 && numbers[0] == usual {
		return nil
	}
	return numbers
}

// onePeriod is every how many seconds a user's codes change; 0 if that depends on the authenticator.
func onePeriod(periods []int) int {
	switch len(periods) {
	case 0:
		return 30
	case 1:
		return periods[0]
	}
	return 0
}

// codeWords is what a page calls a code of so many digits: the 6-digit code. Who has both kinds has codes.
func codeWords(digits []int) string {
	switch len(digits) {
	case 0:
		return "6-digit code"
	case 1:
		return strconv.Itoa(digits[0]) + "-digit code"
	}
	return "code"
}

// digitWords is how many digits a code may have: 6, 8, or 6 or 8.
func digitWords(digits []int) string {
	if len(digits) == 0 {
		return "6"
	}
	text := strconv.Itoa(digits[0])
	for _, n := range digits[1:] {
		text += " or " + strconv.Itoa(n)
	}
	return text
}

// formatArgs are what totp.format says of the codes that there are.
func formatArgs(err error) values {
	var format *totp.Format
	like, digits := "123 456", []int(nil)
	if errors.As(err, &format) {
		digits = format.Digits
	}
	if len(digits) > 0 && !slices.Contains(digits, 6) {
		like = "1234 5678"
	}
	return values{"n": digitWords(digits), "like": like}
}

// lapse is for how long a clock is off, for people.
func lapse(d time.Duration) string {
	d = d.Abs()
	if d <= 2*time.Minute {
		return strconv.Itoa(int(d/time.Second)) + " seconds"
	}
	text := strconv.Itoa(int(d/time.Minute)) + " minutes"
	if rest := d % time.Minute; rest > 0 {
		text += " " + strconv.Itoa(int(rest/time.Second)) + " seconds"
	}
	return text
}

// choice is a setting of the new authenticator with its values.
type choice struct {
	Name    string
	Label   string
	Options []option
}

type option struct {
	Value  string
	Text   string
	Chosen bool
}

// choices are the settings that the user may have another way; none if there is nothing to choose.
func choices(kinds totp.Options, now totp.Params) []choice {
	if !kinds.Several() {
		return nil
	}
	algorithm, digits, period := choice{Name: "algorithm", Label: "Algorithm"}, choice{Name: "digits", Label: "Digits"}, choice{Name: "period", Label: "New code every"}
	for _, a := range kinds.Algorithms {
		algorithm.Options = append(algorithm.Options, option{a, totp.AlgorithmName(a), a == now.Algorithm})
	}
	for _, n := range kinds.Digits {
		digits.Options = append(digits.Options, option{strconv.Itoa(n), strconv.Itoa(n), n == now.Digits})
	}
	for _, n := range kinds.Periods {
		period.Options = append(period.Options, option{strconv.Itoa(n), strconv.Itoa(n) + " seconds", n == now.Period})
	}
	return []choice{algorithm, digits, period}
}

// choose makes a new key, for an authenticator of the kind that the form names, and returns what the page says then. A
// kind that is not allowed, or not any more, changes nothing: the page shows what is.
func (s *Server) choose(r *http.Request, e enrolment) ([]message, error) {
	if e.codes {
		return nil, nil
	}
	chosen := url.Values{"algorithm": {field(r, "algorithm")}, "digits": {field(r, "digits")}, "period": {field(r, "period")}}
	_, err := s.MFA.Choose(r.Context(), e.subject, e.owner, totp.Name, chosen)
	switch {
	case errors.Is(err, mfa.ErrChoice), errors.Is(err, mfa.ErrTooMany):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []message{{ID: "enrol.new"}}, nil
}

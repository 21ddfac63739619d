package enrol

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/web/ui"
)

// choice is a setting of the new authenticator with its values.
type choice struct {
	Name    string
	Options []option
}

type option struct {
	Value   string
	Text    string
	Seconds int // says it in place of Text; 0: it does not
	Chosen  bool
}

// choices are the settings that the user may have another way; none if there is nothing to choose.
func choices(kinds totp.Options, now totp.Params) []choice {
	if !kinds.Several() {
		return nil
	}
	algorithm, digits, period := choice{Name: "algorithm"}, choice{Name: "digits"}, choice{Name: "period"}
	for _, a := range kinds.Algorithms {
		algorithm.Options = append(algorithm.Options, option{Value: a, Text: totp.AlgorithmName(a), Chosen: a == now.Algorithm})
	}
	for _, n := range kinds.Digits {
		digits.Options = append(digits.Options, option{Value: strconv.Itoa(n), Text: strconv.Itoa(n), Chosen: n == now.Digits})
	}
	for _, n := range kinds.Periods {
		period.Options = append(period.Options, option{Value: strconv.Itoa(n), Seconds: n, Chosen: n == now.Period})
	}
	return []choice{algorithm, digits, period}
}

// choose makes a new key, for an authenticator of the kind that the form names, and returns what the page says then. A
// kind that is not allowed, or not any more, changes nothing: the page shows what is.
func (s *Server) choose(r *http.Request, e Enrolment) ([]ui.Message, error) {
	if e.Codes {
		return nil, nil
	}
	chosen := url.Values{"algorithm": {ui.Field(r, "algorithm")}, "digits": {ui.Field(r, "digits")}, "period": {ui.Field(r, "period")}}
	_, err := s.MFA.Choose(r.Context(), e.Subject, e.Owner, totp.Name, chosen)
	switch {
	case errors.Is(err, mfa.ErrChoice), errors.Is(err, mfa.ErrTooMany):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return []ui.Message{{ID: "enrol.new"}}, nil
}

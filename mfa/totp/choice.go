package totp

import "strconv"

// Choice is a setting of a new authenticator with its values.
type Choice struct {
	Name    string // the field of the form: algorithm, digits or period
	Options []Option
}

// Option is a value of a Choice.
type Option struct {
	Value   string
	Text    string // empty for a number of Seconds
	Seconds int
	Chosen  bool // the offer has it
}

// Choices are the settings that the user may have another way; none if there is nothing to choose.
func (o Offer) Choices() []Choice {
	if !o.Options.Several() {
		return nil
	}
	algorithm, digits, period := Choice{Name: "algorithm"}, Choice{Name: "digits"}, Choice{Name: "period"}
	for _, a := range o.Options.Algorithms {
		algorithm.Options = append(algorithm.Options, Option{Value: a, Text: AlgorithmName(a), Chosen: a == o.Params.Algorithm})
	}
	for _, n := range o.Options.Digits {
		digits.Options = append(digits.Options, Option{Value: strconv.Itoa(n), Text: strconv.Itoa(n), Chosen: n == o.Params.Digits})
	}
	for _, n := range o.Options.Periods {
		period.Options = append(period.Options, Option{Value: strconv.Itoa(n), Seconds: n, Chosen: n == o.Params.Period})
	}
	return []Choice{algorithm, digits, period}
}

package operator

import (
	"errors"
	"unicode"
	"unicode/utf8"
)

// Invalid reports all that is wrong with the arguments of an operation, which has not begun. Those faults that one
// argument has are of type *Fault.
type Invalid struct{ faults []error }

// Error has a line for each fault.
func (e *Invalid) Error() string { return errors.Join(e.faults...).Error() }

// Unwrap returns the faults.
func (e *Invalid) Unwrap() []error { return e.faults }

// invalid makes one error of the faults that are not nil, each by itself; nil if there is none.
func invalid(faults ...error) error {
	if found := apart(faults); len(found) > 0 {
		return &Invalid{found}
	}
	return nil
}

// apart takes joined errors apart and leaves out what is nil.
func apart(all []error) []error {
	var found []error
	for _, err := range all {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			found = append(found, apart(joined.Unwrap())...)
		} else if err != nil {
			found = append(found, err)
		}
	}
	return found
}

// Fault is what is wrong with one argument. Its text begins with the name of that, as a flag or a field has it.
type Fault struct {
	Field string // "email", "name", "group", "reason", "delay", "ttl"
	text  string // what follows the name
	cause error
}

// Error says it in one sentence.
func (f *Fault) Error() string { return f.Field + f.text }

// Unwrap returns what was found, if it has a name of its own.
func (f *Fault) Unwrap() error { return f.cause }

// bad is the Fault of a field that is not what it should be.
func bad(field string, cause error) error { return &Fault{field, ": " + cause.Error(), cause} }

// rule is something that must not be, and what to say of it.
type rule struct {
	broken      bool
	field, text string
}

// broken are the faults of those rules that are broken.
func broken(rules ...rule) error {
	var faults []error
	for _, r := range rules {
		if r.broken {
			faults = append(faults, &Fault{Field: r.field, text: " " + r.text})
		}
	}
	return invalid(faults...)
}

// errNothing reports a change that changes nothing.
var errNothing = errors.New("say what to change")

// isPlainText reports whether a text has no characters that control a terminal or the direction of text.
func isPlainText(text string) bool {
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return utf8.ValidString(text)
}

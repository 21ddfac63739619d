package bench

import (
	"errors"
	"fmt"
	"net/url"
)

// fault is why an operation has failed. It names no secret, code or token: of addresses it has the path alone.
type fault struct {
	kind    string // the same for all that are alike
	example string // what happened to this one
	cause   error  // of a request that was not answered; else nil
}

// Error has both.
func (f *fault) Error() string { return f.kind + ": " + f.example }

// Unwrap returns the cause.
func (f *fault) Unwrap() error { return f.cause }

func faultf(kind, format string, args ...any) error {
	return &fault{kind: kind, example: fmt.Sprintf(format, args...)}
}

// noAnswer is the fault of a request that was not answered. The error of net/http has the whole address.
func noAnswer(path string, err error) error {
	f := &fault{kind: "no answer"}
	var whole *url.Error
	if errors.As(err, &whole) {
		if err = whole.Err; whole.Timeout() {
			f.kind = "no answer in time"
		}
	}
	f.example, f.cause = fmt.Sprintf("%s: %v", path, err), err
	return f
}

package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"vestibule/provider/audit"
)

// NewLogger writes lines of JSON or, if the format is text, for people, from the level on. Each line that is written for a
// request has its id.
func NewLogger(w io.Writer, format, level string) *slog.Logger {
	var at slog.Level
	if err := at.UnmarshalText([]byte(level)); err != nil {
		at = slog.LevelInfo // config has refused all other words
	}
	options := &slog.HandlerOptions{Level: at}
	if format == "text" {
		return slog.New(requestHandler{slog.NewTextHandler(w, options)})
	}
	return slog.New(requestHandler{slog.NewJSONHandler(w, options)})
}

// requestKey finds the request id in a context.
type requestKey struct{}

// requestID returns the id of the request that ctx is for, or nothing.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// requestHandler adds the request id to every record that is written for a request.
type requestHandler struct{ slog.Handler }

// Handle adds the id.
func (h requestHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := requestID(ctx); id != "" {
		record.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs keeps the id for loggers made from this one.
func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the id for loggers made from this one.
func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}

// requestHeader tells the id of a request to the user, who can quote it.
const requestHeader = "X-Request-Id"

// logRequests gives each request an id and writes one line for it. Codes, states and names travel in queries,
// cookies and bodies: none of them is written.
func logRequests(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		id := rand.Text()
		ctx := context.WithValue(r.Context(), requestKey{}, id)
		w.Header().Set(requestHeader, id)
		seen := &recorder{ResponseWriter: w}
		defer func() {
			if log.Enabled(ctx, slog.LevelInfo) {
				log.InfoContext(ctx, "request", append(audit.Asked(r), "status", seen.code(),
					"bytes", seen.bytes, "duration", time.Since(began).String(), "remote", remote(r))...)
			}
		}()
		next.ServeHTTP(seen, r.WithContext(ctx))
	})
}

// remote is the address of the other end, which is a proxy if there is one that is not trusted.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader remembers the first status that is final.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the real one.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// recoverPanics turns a panic into a logged 500 with the page that show makes.
func recoverPanics(log *slog.Logger, show func(http.ResponseWriter, *http.Request, error), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &recorder{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			log.ErrorContext(r.Context(), "panic", append(audit.Asked(r), "cause", fmt.Sprint(cause), "stack", string(debug.Stack()))...)
			if seen.status != 0 { // half an answer must not pass for a whole one
				panic(http.ErrAbortHandler)
			}
			apologize(seen, r, show)
		}()
		next.ServeHTTP(seen, r)
	})
}

// errPanic is all that the page knows of a panic.
var errPanic = errors.New("the handler panicked")

// apologize shows the page, or plain text if the page itself is what panics.
func apologize(w *recorder, r *http.Request, show func(http.ResponseWriter, *http.Request, error)) {
	defer func() {
		if recover() != nil && w.status == 0 {
			http.Error(w, "Something went wrong on the server. Please try again.", http.StatusInternalServerError)
		}
	}()
	show(w, r, errPanic)
}

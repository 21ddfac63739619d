package ui

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

// Problem is an error that has a page of its own. The template error.html says what can be done.
type Problem struct {
	Status int
	State  string // data-state
	Title  Message
	Client string        // whom the user was on the way to
	Flow   string        // to begin again with; empty: there is no way to
	Retry  time.Duration // for Retry-After; 0: no word of it
	OAuth  *RequestError // what a client did; nil: it was none
	Ours   bool          // the error is ours, and worth a line in the log
}

func (p *Problem) Error() string { return p.State + ": " + p.Title.ID }

// RequestError is what a client did wrong, for its makers, and in words for its users.
type RequestError struct {
	Code        string // an error code of RFC 6749 or OpenID Connect Core
	Description string
	ClientID    string  // as it was sent; may be empty or anything
	RedirectURI string  // as it was sent; never to be made a link
	Parameter   string  // that RedirectURI was sent as
	Why         Message // for the user
}

// Problems that need no more than their name.
var (
	ErrUnknown   = &Problem{Status: http.StatusBadRequest, State: "unknown", Title: Say("error.unknown")}
	ErrNotFound  = &Problem{Status: http.StatusNotFound, State: "not-found", Title: Say("error.not_found")}
	errMethod    = &Problem{Status: http.StatusMethodNotAllowed, State: "method", Title: Say("error.method")}
	errCrossSite = &Problem{Status: http.StatusForbidden, State: "cross-site", Title: Say("error.cross_site")}
	errForm      = &Problem{Status: http.StatusBadRequest, State: "request", Title: Say("error.form")}
	errBig       = &Problem{Status: http.StatusRequestEntityTooLarge, State: "request", Title: Say("error.big")}
)

// Elsewhere is for a sign-in that is finished already; flow begins the same request again, if it is not empty.
func Elsewhere(client, flow string) *Problem {
	return &Problem{Status: http.StatusConflict, State: "elsewhere", Title: Say("error.elsewhere"), Client: client, Flow: flow}
}

// Busy is for an answer that would take too long, because so many wait for theirs.
func Busy() *Problem {
	return &Problem{Status: http.StatusServiceUnavailable, State: "busy", Title: Say("error.busy"), Retry: 5 * time.Second}
}

// problemOf finds the page for an error.
func (p *Pages) problemOf(err error) *Problem {
	var known *Problem
	if errors.As(err, &known) {
		return known
	}
	if p.Explain != nil {
		if known = p.Explain(err); known != nil {
			return known
		}
	}
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return &Problem{Status: http.StatusServiceUnavailable, State: "unavailable", Title: Say("error.unavailable"), Retry: 10 * time.Second, Ours: true}
	}
	return &Problem{Status: http.StatusInternalServerError, State: "server", Title: Say("error.server"), Ours: true}
}

type problemPage struct {
	Frame
	Client string
	Host   string
	OAuth  *RequestError
	Ref    string // in the log as well; empty if nothing was logged
	Time   time.Time
}

// Error shows an error. It is the only place that logs one.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is waiting
	}
	problem := p.problemOf(err)
	reference := ""
	if problem.Ours {
		reference = p.logError(r, err)
	}
	p.SetHeaders(w.Header(), r.URL.Path)
	if problem.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(problem.Retry/time.Second)))
	}
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, problem, p.Speak(w, r))
		return
	}
	page := &problemPage{
		Frame:  Frame{Page: "error", State: problem.State, Title: problem.Title, Flow: problem.Flow},
		Client: problem.Client, Host: p.Host, OAuth: problem.OAuth, Ref: reference, Time: p.Now(),
	}
	if err := p.Render(w, r, problem.Status, "error", page); err != nil {
		p.Log.ErrorContext(r.Context(), "error page", "err", err)
		http.Error(w, p.Speak(w, r).Text("request.server", nil), http.StatusInternalServerError)
	}
}

// logError returns the reference that the user may name to whoever reads the log.
func (p *Pages) logError(r *http.Request, err error) (reference string) {
	reference = rand.Text()[:10]
	line := append(audit.Asked(r), "reference", reference, "err", err)
	if errors.Is(err, store.ErrUnavailable) {
		line = append(line, audit.Refused(r.URL.Path)...)
	}
	p.Log.ErrorContext(r.Context(), "request", line...)
	return reference
}

func writeJSON(w http.ResponseWriter, p *Problem, l *catalogue.Language) {
	body := map[string]string{"error": p.State, "error_description": p.Title.Text(l)}
	if p.OAuth != nil {
		body = map[string]string{"error": p.OAuth.Code, "error_description": p.OAuth.Description}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(body) // the client may have gone away, which is nobody's fault
}

package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/provider/limiter"
	"vestibule/provider/store"
)

// problem is an error that has a page of its own. The template error.html has the words.
type problem struct {
	status int
	state  string // data-state
	title  string
	client string        // whom the user was on the way to
	flow   string        // to begin again with; empty: there is no way to
	retry  time.Duration // for Retry-After
	oauth  *provider.RequestError
}

func (p *problem) Error() string { return p.state + ": " + p.title }

// Problems that need no more than their name.
var (
	errUnknown   = &problem{status: http.StatusBadRequest, state: "unknown", title: "We can’t continue this sign-in"}
	errNotFound  = &problem{status: http.StatusNotFound, state: "not-found", title: "We can’t find that page"}
	errMethod    = &problem{status: http.StatusMethodNotAllowed, state: "method", title: "That does not work here"}
	errCrossSite = &problem{status: http.StatusForbidden, state: "cross-site", title: "That came from another site"}
)

// problemOf finds the page for an error. The second result reports that the error is ours, and worth a line
// in the log.
func problemOf(err error) (problem, bool) {
	var p *problem
	var request *provider.RequestError
	switch {
	case errors.As(err, &p):
		return *p, false
	case errors.As(err, &request):
		who := request.ClientName
		if who == "" {
			who = "This app"
		}
		return problem{status: request.Status, state: "request", title: who + " sent a request we can’t use", client: request.ClientName, oauth: request}, false
	case errors.Is(err, errForm):
		return problem{status: http.StatusBadRequest, state: "request", title: "Your browser sent a form we can’t read"}, false
	case errors.Is(err, errBig):
		return problem{status: http.StatusRequestEntityTooLarge, state: "request", title: "Your browser sent too much"}, false
	case errors.Is(err, limiter.ErrBusy):
		return problem{status: http.StatusServiceUnavailable, state: "busy", title: "A lot of people are signing in right now", retry: 5 * time.Second}, false
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return problem{status: http.StatusServiceUnavailable, state: "unavailable", title: "We are having trouble right now", retry: 10 * time.Second}, true
	}
	return problem{status: http.StatusInternalServerError, state: "server", title: "Something went wrong on our side"}, true
}

type problemPage struct {
	frame
	Client string
	Host   string
	OAuth  *provider.RequestError
	Why    string // what the app did, in words
	Status int
	Ref    string // in the log as well; empty if nothing was logged
	Time   time.Time
}

// Error shows an error. It is the only place that logs one.
func (s *Server) Error(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody is waiting
	}
	p, ours := problemOf(err)
	reference := ""
	if ours {
		reference = rand.Text()[:10]
		line := append(provider.Asked(r), "reference", reference, "err", err)
		if errors.Is(err, store.ErrUnavailable) {
			line = append(line, audit.Refused(r.URL.Path)...)
		}
		s.Log.ErrorContext(r.Context(), "request", line...)
	}
	s.pageHeaders(w.Header(), r.URL.Path)
	if p.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.retry/time.Second)))
	}
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, p)
		return
	}
	page := &problemPage{
		frame:  frame{Page: "error", State: p.state, Title: p.title, Flow: p.flow},
		Client: p.client, Host: s.host, OAuth: p.oauth, Status: p.status, Ref: reference, Time: s.Now(),
	}
	if p.oauth != nil {
		page.Why = why(p.oauth)
	}
	if err := s.render(w, p.status, "error", page); err != nil {
		s.Log.ErrorContext(r.Context(), "error page", "err", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
	}
}

// why tells a user what an app did. The exact words for its makers are under the details.
func why(e *provider.RequestError) string {
	switch {
	case e.Code == "invalid_client" && e.ClientName == "":
		return "We don’t know this app."
	case e.ClientName != "" && strings.Contains(e.Description, "redirect"):
		return "The app asked to send you to an address that is not registered for it."
	case e.Code == "server_error":
		return "Something went wrong on our side."
	}
	return "The app made a mistake in its request."
}

func writeJSON(w http.ResponseWriter, p problem) {
	body := map[string]string{"error": p.state, "error_description": p.title}
	if p.oauth != nil {
		body = map[string]string{"error": p.oauth.Code, "error_description": p.oauth.Description}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(body) // the client may have gone away, which is nobody's fault
}

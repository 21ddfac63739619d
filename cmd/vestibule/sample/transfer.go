package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// apiTime is how long the app waits for its API.
const apiTime = 10 * time.Second

// transfer has the API move money. When that wants the user to prove more, the user is sent to the server, and the
// transfer is done on the way back (RFC 9470 section 5).
func (s *app) transfer(w http.ResponseWriter, r *http.Request) {
	session := s.session(r)
	if session.access == "" {
		s.begin(w, r, attempt{Transfer: 1})
		return
	}
	s.finishTransfer(w, r, session, 0)
}

// finishTransfer comes after so many sign-ins on the way.
func (s *app) finishTransfer(w http.ResponseWriter, r *http.Request, session appSession, signIns int) {
	done, err := s.callTransfer(r.Context(), session.access)
	var more *stepUp
	if errors.As(err, &more) && signIns < maxSignIns {
		s.begin(w, r, attempt{Asked: more.asked, Transfer: signIns + 1, Subject: session.subject})
		return
	}
	session.Done, session.Problem = done, ""
	if err != nil {
		session.Problem = failed(err)
	}
	s.keep(w, r, session)
}

// refusal is an answer of the server without a sign-in (RFC 6749 section 4.1.2.1).
type refusal struct{ code, description string }

func (e *refusal) Error() string { return "the server said " + e.code + ": " + e.description }

// problem says what an attempt came to that failed. On the way to a transfer that is first of all what became of it.
func (a attempt) problem(err error) string {
	var no *refusal
	if a.Transfer == 0 || !errors.As(err, &no) || no.code != "access_denied" && no.code != "unmet_authentication_requirements" {
		return failed(err)
	}
	what := "take the second step"
	if a.Asked.String() == "" {
		what = "sign in"
	}
	return "You did not " + what + ", so nothing was transferred. The server said " + no.code + ": " + strings.TrimRight(no.description, ".") + "."
}

// failed makes a sentence of an error.
func failed(err error) string {
	return "That did not work: " + strings.TrimRight(err.Error(), ".") + "."
}

// stepUp is what the API wants the user to prove first. Nothing, if all that is wrong is the token.
type stepUp struct{ asked wish }

func (e *stepUp) Error() string {
	if e.asked.String() == "" {
		return "the API does not take the access token"
	}
	return "the API wants " + e.asked.String()
}

// callTransfer returns the API's words, or a *stepUp.
func (s *app) callTransfer(ctx context.Context, access string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.api+"/transfer", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Authorization", "Bearer "+access)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("call the API: %w", err)
	}
	defer resp.Body.Close()
	words, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	switch {
	case err != nil:
		return "", fmt.Errorf("call the API: %w", err)
	case resp.StatusCode == http.StatusOK:
		return strings.TrimSpace(string(words)), nil
	}
	if more := readChallenge(resp); more != nil {
		return "", more
	}
	return "", fmt.Errorf("the API answers %s: %s", resp.Status, strings.TrimSpace(string(words)))
}

// parameter is one of a challenge (RFC 9110 section 11.2).
var parameter = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)

// readChallenge returns what the API wants of the user, or nil if a sign-in would not help.
func readChallenge(resp *http.Response) *stepUp {
	given := map[string]string{}
	for _, found := range parameter.FindAllStringSubmatch(resp.Header.Get("WWW-Authenticate"), -1) {
		given[found[1]] = strings.ReplaceAll(found[2], `\`, "")
	}
	switch given["error"] {
	case "invalid_token": // it has expired, most likely
		return &stepUp{}
	case "insufficient_user_authentication":
		return &stepUp{wish{ACR: strings.Fields(given["acr_values"]), Essential: given["acr_values"] != "", MaxAge: given["max_age"]}}
	}
	return nil
}

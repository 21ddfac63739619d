package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/web/signin"
)

// pending is what a sign-in carries for the host.
type pending struct {
	Request string `json:"request"`
	Next    string `json:"next,omitempty"` // what Keep has returned
	Kept    string `json:"kept,omitempty"` // for which login
}

func (p pending) freeze(ix *interaction.Interaction) (err error) {
	ix.Request, err = json.Marshal(p)
	return err
}

func thaw(ix *interaction.Interaction) (p pending, err error) {
	if err := json.Unmarshal(ix.Request, &p); err != nil {
		return p, fmt.Errorf("request of the host: %w", err)
	}
	return p, nil
}

// keptFor names a login by its sid and its last proof.
func keptFor(l *assurance.Login) string {
	return l.Session + " " + l.LastAuthentication().UTC().Format(time.RFC3339Nano)
}

// engine answers the host.
type engine struct {
	*interaction.Flows
	host   Host
	atomic func(context.Context, func(context.Context) error) error
	levels assurance.Levels
}

var _ signin.Keeper = (*engine)(nil)

// Keep implements signin.Keeper.
func (e *engine) Keep(ctx context.Context, ix *interaction.Interaction, at time.Time) error {
	p, err := thaw(ix)
	if err != nil {
		return err
	}
	if at.IsZero() || !ix.Login.Satisfies(ix.Required(), at) {
		return errors.New("keep: the login does not satisfy the request")
	}
	told := ix.Login.Told(ix.Required(), at)
	p.Next, err = e.host.Keep(ctx, Result{
		Request: p.Request, Login: told, AMR: told.AMR(), ACR: e.levels.ACR(nil, ix.Required(), told), AuthTime: told.AuthTime(),
	})
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	p.Kept = keptFor(ix.Login)
	return p.freeze(ix)
}

// Finish implements signin.Engine.
func (e *engine) Finish(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, at time.Time, with ...func(context.Context) error) error {
	if at.IsZero() || !ix.Login.Satisfies(ix.Required(), at) {
		return errors.New("finish: the login does not satisfy the request")
	}
	return e.end(w, r, ix, with, func(ctx context.Context) (string, error) {
		p, err := thaw(ix)
		if err != nil || p.Kept == keptFor(ix.Login) {
			return p.Next, err
		}
		if err := e.Keep(ctx, ix, at); err != nil {
			return "", err
		}
		p, err = thaw(ix)
		return p.Next, err
	})
}

// Refuse implements signin.Engine.
func (e *engine) Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(context.Context) error) error {
	p, err := thaw(ix)
	if err != nil {
		return err
	}
	return e.end(w, r, ix, with, func(ctx context.Context) (string, error) {
		next, err := e.host.Refuse(ctx, p.Request, code)
		if err != nil {
			return "", fmt.Errorf("host: %w", err)
		}
		return next, nil
	})
}

// end ends the sign-in where the host says, in one commit with what that writes.
func (e *engine) end(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, with []func(context.Context) error, next func(context.Context) (string, error)) error {
	var to string
	request := ix.Request
	err := e.atomic(r.Context(), func(ctx context.Context) (err error) {
		if to, err = next(ctx); err != nil {
			return err
		}
		return e.EndAt(ctx, ix, to, with...)
	})
	if err != nil {
		ix.Request, ix.Answer = request, nil // it has not ended
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/web/signin"
)

// freeze is what a sign-in carries for the host.
func freeze(request string) (json.RawMessage, error) { return json.Marshal(request) }

func thaw(ix *interaction.Interaction) (request string, err error) {
	if err := json.Unmarshal(ix.Request, &request); err != nil {
		return "", fmt.Errorf("request of the host: %w", err)
	}
	return request, nil
}

// engine answers the host.
type engine struct {
	*interaction.Flows
	origin   string
	host     Host
	accounts account.Accounts
	atomic   func(context.Context, func(context.Context) error) error
	levels   assurance.Levels
}

var _ signin.Keeper = (*engine)(nil)

// result is what the host is told of the login: what is fresh enough for the demand as of at.
func (e *engine) result(ix *interaction.Interaction, at time.Time) (Result, error) {
	request, err := thaw(ix)
	if err != nil {
		return Result{}, err
	}
	want := ix.Required()
	if at.IsZero() || !ix.Login.Satisfies(want, at) {
		return Result{}, errors.New("the login does not satisfy the request")
	}
	told := ix.Login.Told(want, at)
	return Result{Request: request, Login: told, AMR: told.AMR(), ACR: e.levels.ACR(nil, want, told), AuthTime: told.AuthTime()}, nil
}

// Keep implements signin.Keeper.
func (e *engine) Keep(ctx context.Context, ix *interaction.Interaction, at time.Time) error {
	host, ok := e.host.(Keeper)
	if !ok {
		return nil
	}
	result, err := e.result(ix, at)
	if err != nil {
		return err
	}
	if err := host.Keep(ctx, result); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// Finish implements signin.Engine.
func (e *engine) Finish(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, at time.Time, with ...func(context.Context) error) error {
	result, err := e.result(ix, at)
	if err != nil {
		return err
	}
	with = append(with[:len(with):len(with)], func(ctx context.Context) error {
		return e.accounts.RequireAccount(ctx, ix.Login.Subject, ix.Login.Epoch)
	})
	return e.end(w, r, ix, with, func(ctx context.Context) (string, error) { return e.host.Finish(ctx, result) })
}

// Refuse implements signin.Engine.
func (e *engine) Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(context.Context) error) error {
	request, err := thaw(ix)
	if err != nil {
		return err
	}
	return e.end(w, r, ix, with, func(ctx context.Context) (string, error) { return e.host.Refuse(ctx, request, code) })
}

// end ends the sign-in where the host says, in one commit with what that writes.
func (e *engine) end(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, with []func(context.Context) error, next func(context.Context) (string, error)) error {
	var to string
	err := e.atomic(r.Context(), func(ctx context.Context) (err error) {
		if to, err = next(ctx); err != nil {
			return fmt.Errorf("host: %w", err)
		}
		if strings.HasPrefix(to, "/") { // which would be below the Prefix
			to = e.origin + to
		}
		return e.EndAt(ctx, ix, to, with...)
	})
	if err != nil {
		ix.Answer = nil // it has not ended
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

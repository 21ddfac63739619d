package hydra

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// consent answers a consent request (urls.consent). There is no page here: what the user has allowed was asked for in the
// sign-in, and has come through Hydra with it.
func (e *Engine) consent(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		challenge := r.URL.Query().Get("consent_challenge")
		request, err := e.Admin.Consent(r.Context(), challenge)
		if err != nil {
			return lead(w, r, pages, err)
		}
		to, err := e.answerConsent(r, challenge, request)
		if err != nil {
			return lead(w, r, pages, err)
		}
		return pages.Redirect(w, r, to)
	}
}

func (e *Engine) answerConsent(r *http.Request, challenge string, request ConsentRequest) (string, error) {
	t, ok := e.carried(request)
	if !ok { // the login was not accepted here
		return e.refuseConsent(r, challenge, request, "access_denied", "")
	}
	user, err := e.stillSignedIn(r.Context(), t)
	switch {
	case errors.Is(err, interaction.ErrSessionEnded), errors.Is(err, account.ErrPassword), errors.Is(err, store.ErrNotFound):
		return e.refuseConsent(r, challenge, request, "login_required", t.Session)
	case err != nil:
		return "", err
	}
	return e.Admin.AcceptConsent(r.Context(), challenge, acceptance(request, t, user))
}

// refuseConsent has the client hear an error, and records that it did. session is the sid; empty: none of ours.
func (e *Engine) refuseConsent(r *http.Request, challenge string, request ConsentRequest, code, session string) (string, error) {
	to, err := e.Admin.RejectConsent(r.Context(), challenge, rejection(code))
	if err != nil {
		return "", err
	}
	return to, e.Journal.RecordWith(r.Context(), []audit.Event{{
		Kind: audit.EventRefused, Outcome: audit.OutcomeRefused, Subject: request.Subject, Client: request.Client.ID, Session: session,
		Address: spelling.HostOf(r.RemoteAddr), Detail: map[string]string{"error": code},
	}}, nil)
}

// carried returns what the login has said.
func (e *Engine) carried(request ConsentRequest) (t told, ok bool) {
	var context map[string]string
	if json.Unmarshal(request.Context, &context) != nil {
		return t, false
	}
	return t, e.open(context[contextKey], contextAAD, &t) && t.Subject == request.Subject && t.Client == request.Client.ID
}

// stillSignedIn returns the account, unless what the login rests on has ended since.
func (e *Engine) stillSignedIn(ctx context.Context, t told) (account.Account, error) {
	err := e.Journal.Atomic(ctx, func(ctx context.Context) error {
		if err := e.Accounts.RequireAccount(ctx, t.Subject, t.Epoch); err != nil {
			return err
		}
		return e.Sessions.RequireSession(ctx, t.Session)
	})
	if err != nil {
		return account.Account{}, err
	}
	return e.Accounts.Account(ctx, t.Subject)
}

// acceptance grants what the user has allowed. Hydra remembers it for requests without pages; whether the user is asked
// again is for the pages to say, whose own memory the user can read and clear.
func acceptance(request ConsentRequest, t told, user account.Account) ConsentAccept {
	scopes := slices.DeleteFunc(slices.Clone(request.Scopes), func(s string) bool { return !slices.Contains(t.Scopes, s) })
	return ConsentAccept{
		GrantScope: scopes, GrantAudience: request.Audience, Remember: true,
		Session: ConsentSession{
			AccessToken: map[string]any{"acr": t.ACR, "amr": t.AMR, "auth_time": t.Time},
			IDToken:     user.Claims().For(scopes, nil),
		},
	}
}

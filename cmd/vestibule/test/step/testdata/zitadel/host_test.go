package zitadel

import (
	"context"
	"net/http"

	"github.com/zitadel/oidc/v3/pkg/op"

	"vestibule/provider/account"
	"vestibule/web/step"
)

// host is all that a provider on zitadel/oidc writes for the step.
type host struct {
	*program
	steps *step.Handler
}

// username stands in the place of the log-in page that the library leads to.
func (h *host) username(w http.ResponseWriter, r *http.Request) {
	ar, err := h.own(w, r, r.FormValue("authRequestID"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	demand, err := h.steps.Levels().Request(ar.form, ar.at, ar.hinted)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.steps.SignIn(w, r, step.SignIn{Request: ar.ID, Demand: demand, App: ar.GetClientID()})
}

// SignedIn implements step.Host.
func (h *host) SignedIn(r *http.Request) (step.Password, error) {
	user, at := h.logIn.SignedIn(r)
	return step.Password{Subject: user, At: at}, nil
}

// Account implements step.Host.
func (h *host) Account(_ context.Context, subject string) (account.Account, error) {
	return account.Account{Subject: subject, Username: subject}, nil
}

// Finish implements step.Host: the library goes on at its own callback.
func (h *host) Finish(_ context.Context, r step.Result) (string, error) {
	return "/authorize/callback?id=" + r.Request, h.prove(r.Request, proved{r.Login.Subject, r.ACR, r.AMR, r.AuthTime})
}

// Refuse implements step.Host.
func (h *host) Refuse(_ context.Context, request, code string) (string, error) {
	ar, err := h.request(request)
	if err != nil {
		return "", err
	}
	fault := struct {
		Error string `schema:"error"`
		State string `schema:"state,omitempty"`
	}{code, ar.GetState()}
	return op.AuthResponseURL(ar.CallbackURI, ar.GetResponseType(), ar.GetResponseMode(), &fault, h.provider.Encoder())
}

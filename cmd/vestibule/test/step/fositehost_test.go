package step

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"

	"vestibule/provider/account"
	"vestibule/web/step"
)

// fositeHost is all that a provider on fosite writes for the step.
type fositeHost struct {
	*fositeProgram
	steps *step.Handler
}

// authorize stands in the place of the program's own end of an authorization request.
func (h *fositeHost) authorize(w http.ResponseWriter, r *http.Request) {
	ar, err := h.provider.NewAuthorizeRequest(r.Context(), r)
	if err != nil {
		h.provider.WriteAuthorizeError(r.Context(), w, ar, err)
		return
	}
	demand, err := h.steps.Levels().Request(ar.GetRequestForm(), h.now())
	if err != nil {
		h.provider.WriteAuthorizeError(r.Context(), w, ar, fosite.ErrInvalidRequest.WithHint(err.Error()))
		return
	}
	h.steps.SignIn(w, r, step.SignIn{Request: h.keep(ar), Demand: demand, App: ar.GetClient().GetID()})
}

// SignedIn implements step.Host.
func (h *fositeHost) SignedIn(r *http.Request) (step.Password, error) {
	user, at := h.logIn.SignedIn(r)
	return step.Password{Subject: user, At: at}, nil
}

// Account implements step.Host.
func (h *fositeHost) Account(_ context.Context, subject string) (account.Account, error) {
	return account.Account{Subject: subject, Username: subject}, nil
}

// Finish implements step.Host: the authorization code is for a session that says what was proved.
func (h *fositeHost) Finish(ctx context.Context, r step.Result) (string, error) {
	ar, session := h.kept(r.Request), newSession()
	session.Subject = r.Login.Subject
	session.Claims.Subject, session.Claims.AuthTime, session.Claims.RequestedAt = r.Login.Subject, r.AuthTime, ar.GetRequestedAt()
	session.Claims.AuthenticationMethodsReferences, session.Claims.AuthenticationContextClassReference = r.AMR, r.ACR
	for _, scope := range ar.GetRequestedScopes() {
		ar.GrantScope(scope)
	}
	response, err := h.provider.NewAuthorizeResponse(ctx, ar, session)
	if err != nil {
		return "", err
	}
	return answer(ar, response.GetParameters()), nil
}

// Refuse implements step.Host.
func (h *fositeHost) Refuse(_ context.Context, request, code string) (string, error) {
	ar := h.kept(request)
	return answer(ar, url.Values{"error": {code}, "state": {ar.GetState()}}), nil
}

func answer(ar fosite.AuthorizeRequester, parameters url.Values) string {
	to := *ar.GetRedirectURI()
	to.RawQuery = parameters.Encode()
	return to.String()
}

func newSession() *openid.DefaultSession { return openid.NewDefaultSession() }

package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"

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
		h.fail(w, r, ar, err)
		return
	}
	form := ar.GetRequestForm()
	demand, err := h.steps.Levels().Request(form, h.now(), h.hinted(r.Context(), form.Get("id_token_hint")))
	if err != nil {
		h.fail(w, r, ar, fosite.ErrInvalidRequest.WithHint(err.Error()))
		return
	}
	h.steps.SignIn(w, r, step.SignIn{Request: h.keep(ar), Demand: demand, App: ar.GetClient().GetID()})
}

// hinted returns whose an ID token of this provider is, expired or not; of any other token "".
func (h *fositeHost) hinted(ctx context.Context, hint string) string {
	token, err := h.signer.Decode(ctx, hint)
	var fault *jwt.ValidationError
	if errors.As(err, &fault) && fault.Errors == jwt.ValidationErrorExpired {
		err = nil
	}
	if err != nil || token.Claims["iss"] != h.origin {
		return ""
	}
	return fmt.Sprint(token.Claims["sub"])
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
	return h.answer(ar, response.GetParameters()), nil
}

// Refuse implements step.Host.
func (h *fositeHost) Refuse(_ context.Context, request, code string) (string, error) {
	ar := h.kept(request)
	return h.answer(ar, url.Values{"error": {code}}), nil
}

func newSession() *openid.DefaultSession { return openid.NewDefaultSession() }

package web

import (
	"errors"
	"strings"

	"vestibule/provider/interaction"
	"vestibule/provider/limiter"
	"vestibule/provider/logout"
	"vestibule/web/ui"
)

// explain finds the page for an error of the rooms below; nil: it has none of its own.
func explain(err error) *ui.Problem {
	var signOut *logout.Error
	var request *interaction.RequestError
	switch {
	case errors.As(err, &signOut):
		return explainSignOut(signOut)
	case errors.As(err, &request):
		return explainRequest(request)
	case errors.Is(err, limiter.ErrBusy):
		return ui.Busy()
	}
	return nil
}

func explainRequest(e *interaction.RequestError) *ui.Problem {
	title := ui.Say("request.title.unknown")
	if e.ClientName != "" {
		title = ui.Say("request.title", "client", e.ClientName)
	}
	return &ui.Problem{
		Status: e.Status, State: "request", Title: title, Client: e.ClientName,
		OAuth: &ui.RequestError{Code: e.Code, Description: e.Description, ClientID: e.ClientID, RedirectURI: e.RedirectURI, Parameter: "redirect_uri", Why: why(e)},
	}
}

// explainSignOut is explainRequest for a sign-out, which its user may still want.
func explainSignOut(e *logout.Error) *ui.Problem {
	problem := explainRequest(&e.RequestError)
	problem.State, problem.OAuth.Parameter = "sign-out", "post_logout_redirect_uri"
	if e.Hint {
		problem.OAuth.Why = ui.Say("request.hint")
	}
	return problem
}

// why tells a user what an app did. The exact words for its makers are under the details.
func why(e *interaction.RequestError) ui.Message {
	switch {
	case e.Code == "invalid_client" && e.ClientName == "":
		return ui.Say("request.client")
	case e.ClientName != "" && strings.Contains(e.Description, "redirect"):
		return ui.Say("request.redirect")
	case e.Code == "invalid_request_uri":
		return ui.Say("request.pushed")
	case e.Code == "server_error":
		return ui.Say("request.server")
	}
	return ui.Say("request.mistake")
}

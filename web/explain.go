package web

import (
	"errors"
	"strings"

	"vestibule/provider"
	"vestibule/provider/limiter"
	"vestibule/web/ui"
)

// explain finds the page for an error of the rooms below; nil: it has none of its own.
func explain(err error) *ui.Problem {
	var request *provider.RequestError
	switch {
	case errors.As(err, &request):
		return explainRequest(request)
	case errors.Is(err, limiter.ErrBusy):
		return ui.Busy()
	}
	return nil
}

func explainRequest(e *provider.RequestError) *ui.Problem {
	who := e.ClientName
	if who == "" {
		who = "This app"
	}
	return &ui.Problem{
		Status: e.Status, State: "request", Title: who + " sent a request we can’t use", Client: e.ClientName,
		OAuth: &ui.RequestError{Code: e.Code, Description: e.Description, ClientID: e.ClientID, RedirectURI: e.RedirectURI, Why: why(e)},
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

package servertest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Push pushes the request (RFC 9126), at the endpoint that the metadata names: the browser brings its request_uri and nothing
// else.
func (v *Trip) Push() *Trip {
	v.T.Helper()
	uri, err := v.TryPush()
	if err != nil {
		v.T.Fatal(err)
	}
	v.Site.KeepSecret(uri)
	v.Address = v.OAuth.Endpoint.AuthURL + "?" + url.Values{"client_id": {v.OAuth.ClientID}, "request_uri": {uri}}.Encode()
	return v
}

// TryPush pushes the request and returns its request_uri. It may be called from any goroutine.
func (v *Trip) TryPush() (uri string, err error) {
	var metadata struct {
		Endpoint string `json:"pushed_authorization_request_endpoint"`
	}
	if err := v.Provider.Claims(&metadata); err != nil {
		return "", fmt.Errorf("push: %w", err)
	}
	_, query, _ := strings.Cut(v.Address, "?")
	form, err := url.ParseQuery(query)
	if err != nil {
		return "", fmt.Errorf("push: %w", err)
	}
	reply := v.Site.Ask(v.Client, metadata.Endpoint, form)
	if reply.Status != http.StatusCreated || reply.Failure != nil {
		return "", fmt.Errorf("push: %d %s: %s (%w)", reply.Status, reply.Error, reply.Description, reply.Failure)
	}
	return reply.RequestURI, nil
}

package servertest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/oauth2"
)

// AtOnce calls f from many goroutines at the same moment.
func AtOnce[T any](n int, f func(i int) T) []T {
	results := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			results[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return results
}

// Reply is what the token endpoint says.
type Reply struct {
	Status       int
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	Error        string `json:"error"`
	Description  string `json:"error_description"`
	Failure      error
}

// Token asks the token endpoint. It may be called from any goroutine.
func (s *Site) Token(c *Client, form url.Values) Reply {
	request, err := http.NewRequestWithContext(c.T.Context(), http.MethodPost, c.OAuth.Endpoint.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return Reply{Failure: err}
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(url.QueryEscape(c.OAuth.ClientID), url.QueryEscape(c.OAuth.ClientSecret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Reply{Failure: err}
	}
	defer response.Body.Close()
	return ReadReply(response)
}

// ReadReply reads an answer of the token endpoint, and closes it.
func ReadReply(response *http.Response) Reply {
	a := Reply{Status: response.StatusCode}
	a.Failure = json.NewDecoder(response.Body).Decode(&a)
	return a
}

// UserInfo returns how the userinfo endpoint answers to an access token.
func (s *Site) UserInfo(token string) int {
	s.T.Helper()
	request, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, s.Config.Issuer+"/userinfo", nil)
	if err != nil {
		s.T.Fatalf("userinfo: %v", err)
	}
	(&oauth2.Token{AccessToken: token}).SetAuthHeader(request)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.T.Fatalf("userinfo: %v", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		s.T.Fatalf("userinfo: %v", err)
	}
	return response.StatusCode
}

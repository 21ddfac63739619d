package backchannel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/provider/client"
)

// answerTime is how long a client has to answer.
const answerTime = 5 * time.Second

// newHTTP is how clients are reached whose addresses come from operators, who may well run clients in a private network or
// on the same machine: no address is forbidden. Nothing is followed to another address, and no proxy of the environment is
// asked.
func newHTTP() *http.Client {
	return &http.Client{
		Timeout:       answerTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: answerTime}).DialContext, TLSHandshakeTimeout: answerTime, ForceAttemptHTTP2: true,
			MaxIdleConns: atOnce, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10,
		},
	}
}

// errRefused is a client that says that it cannot do with the token what it should (Back-Channel Logout 1.0 section 2.8).
var errRefused = errors.New("the client refuses the logout token with 400")

// errOfOne is an answer that may be about this one token, while others are taken: there is client software that answers 401 or
// 500 to the sign-out of a session that it has ended already, as it has when it was the one to ask for the sign-out.
var errOfOne = errors.New("the client does not take the logout token")

// Guarded posts to addresses that anybody may have registered: *fetch.Fetcher does, with the guard that those need.
type Guarded interface {
	// Post sends the form, and returns the status of the answer. No redirect is followed.
	Post(ctx context.Context, address string, form url.Values) (status int, err error)
}

// errUnguarded is a client that nobody may be sent to.
var errUnguarded = errors.New("clients that have registered themselves are told nothing here")

// post sends the token (Back-Channel Logout 1.0 section 2.5). errRefused: another try would be refused as well. errOfOne:
// other tokens may be taken.
func (s *Sender) post(ctx context.Context, c client.Client, token string) error {
	form := url.Values{"logout_token": {token}}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	send := s.plain
	if c.IsStrange() {
		if s.Guarded == nil {
			return errUnguarded
		}
		send = s.Guarded.Post
	}
	switch code, err := send(ctx, c.BackchannelLogoutURI, form); {
	case err != nil:
		return withoutAddress(err)
	case code == http.StatusOK, code == http.StatusNoContent:
		return nil
	case code == http.StatusBadRequest:
		return errRefused
	case code >= 300 && code < 400:
		return fmt.Errorf("the client answers %d; register the address that it leads to", code)
	case isOfAll(code):
		return fmt.Errorf("the client answers %d, not 200 or 204", code)
	default:
		return fmt.Errorf("%w: it answers %d, not 200 or 204", errOfOne, code)
	}
}

// isOfAll tells the statuses that are about whoever answers, and not about what was sent.
func isOfAll(code int) bool {
	switch code {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// plain posts to an address of an operator's.
func (s *Sender) plain(ctx context.Context, address string, form url.Values) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.http().Do(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, 4<<10)) // so that the connection may serve again
	return response.StatusCode, nil
}

// withoutAddress is what went wrong: the log names the client, whose address is registered.
func withoutAddress(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

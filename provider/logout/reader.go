package logout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

// maxState is how many bytes a state may have: more is refused, and not cut.
const maxState = 2048

// Clients are the relying parties.
type Clients interface {
	// Client returns a relying party, or store.ErrNotFound.
	Client(ctx context.Context, id string) (client.Client, error)
}

// Keys are those that have signed ID tokens here.
type Keys interface {
	// Verify checks the signature of a JWT and reads its claims, whatever time it is. store.ErrUnavailable reports that
	// the keys could not be read; any other error, that none of ours has signed it.
	Verify(ctx context.Context, token string, claims any) error
}

// Names are those by which clients know users and sessions. *pairwise.Key has them.
type Names interface {
	// OpenSubject returns the user that the client knows by a sub; false: nobody.
	OpenSubject(c client.Client, sub string) (subject string, ok bool)
	// OpenSession returns the session that the client knows by a sid; false: none.
	OpenSession(c client.Client, sid string) (session string, ok bool)
}

// Reader reads requests.
type Reader struct {
	Issuer  string // of the ID tokens that are hints
	Clients Clients
	Keys    Keys  // nil: a request with a hint is refused
	Names   Names // nil: clients know users and sessions as they are
}

// Read checks the parameters of a request (RP-Initiated Logout 1.0 section 2). An *Error says what is wrong with it; any
// other error is a fault of ours. Of an ID token that has expired only the user knows whether it still means anything: it
// is a good hint. logout_hint is taken and not used, for a browser has one session here.
func (x *Reader) Read(ctx context.Context, form url.Values) (*Request, error) {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if len(form[name]) > 1 {
			return nil, refuse(form, nil, fmt.Sprintf("The parameter %s was sent twice.", name))
		}
	}
	r := &Request{Client: form.Get("client_id"), State: form.Get("state"), Locales: form.Get("ui_locales")}
	issued, err := x.readHint(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if r.Client == "" {
		return r, checkWithoutClient(form)
	}
	c, err := x.Clients.Client(ctx, r.Client)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && issued != 0 && issued < c.Created.Unix():
		return nil, refuseUnknown(form)
	case err != nil:
		return nil, err
	}
	r.ClientName = c.Label()
	x.open(r, c)
	return r, r.setRedirect(form, c)
}

// hint is what an ID token says that matters here.
type hint struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience audience        `json:"aud"`
	Session  string          `json:"sid"`
	IssuedAt int64           `json:"iat"`    // 0 in a signed answer of the userinfo endpoint
	Events   json.RawMessage `json:"events"` // of a security event, which is no ID token (RFC 8417)
}

// readHint takes user, session and client from an ID token that was made here, and says when (seconds since 1970; 0: there
// is none). A client_id beside it must be the one that it was made for.
func (x *Reader) readHint(ctx context.Context, r *Request, form url.Values) (issued int64, err error) {
	token := form.Get("id_token_hint")
	if token == "" {
		return 0, nil
	}
	var h hint
	if x.Keys == nil {
		err = errors.New("no keys")
	} else {
		err = x.Keys.Verify(ctx, token, &h)
	}
	switch {
	case errors.Is(err, store.ErrUnavailable):
		return 0, err
	case err != nil || h.Issuer != x.Issuer || h.Subject == "" || len(h.Audience) != 1 || h.Events != nil || h.IssuedAt == 0:
		return 0, refuseHint(form, "id_token_hint is not an ID token of this server.")
	case r.Client != "" && r.Client != h.Audience[0]:
		return 0, refuseHint(form, "id_token_hint was made for another client than client_id.")
	}
	r.Client, r.Subject, r.Session = h.Audience[0], h.Subject, h.Session
	return h.IssuedAt, nil
}

// open puts user and session in the place of what the client knows them by. What does not open was told to the client before it
// was given its subject type: that is how they are.
func (x *Reader) open(r *Request, c client.Client) {
	if x.Names == nil {
		return
	}
	if subject, ok := x.Names.OpenSubject(c, r.Subject); ok {
		r.Subject = subject
	}
	if session, ok := x.Names.OpenSession(c, r.Session); ok {
		r.Session = session
	}
}

// audience is one value or several (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(a))
}

// checkWithoutClient refuses to lead anywhere for whoever does not say who it is. A state alone asks for nothing.
func checkWithoutClient(form url.Values) error {
	if form.Get("post_logout_redirect_uri") == "" {
		return nil
	}
	return refuse(form, nil, "post_logout_redirect_uri needs an id_token_hint or a client_id beside it.")
}

// setRedirect takes the redirect URI if it is the client's.
func (r *Request) setRedirect(form url.Values, c client.Client) error {
	r.Redirect = form.Get("post_logout_redirect_uri")
	switch {
	case r.Redirect != "" && !c.AllowsAfterLogout(r.Redirect):
		return refuse(form, &c, "The post_logout_redirect_uri is not registered for the client.")
	case len(r.State) > maxState:
		return refuse(form, &c, fmt.Sprintf("state is longer than %d bytes.", maxState))
	}
	return nil
}

package logout

import "net/url"

// Request is a request to sign a user out that was checked.
type Request struct {
	Client     string // id of the app that asks; empty: nobody has said which
	ClientName string // what users know it by; empty where Client is
	Subject    string // whom the hint is about; empty: there was none
	Session    string // sid of the hint
	Redirect   string // post_logout_redirect_uri, registered for the Client; empty: the user stays here
	State      string // goes with Redirect, as it came
	Locales    string // ui_locales
}

// IsOf reports whether the request has the app's own proof, an ID token, that it is about this session of this user.
func (r *Request) IsOf(subject, session string) bool {
	return r.Session != "" && r.Subject == subject && r.Session == session
}

// IsOfAnother reports whether the request is about another user than this one.
func (r *Request) IsOfAnother(subject string) bool { return r.Subject != "" && r.Subject != subject }

// Destination is where the browser goes once the user is signed out, with the state (RP-Initiated Logout 1.0 section 3);
// empty: to no app.
func (r *Request) Destination() string {
	if r.Redirect == "" || r.State == "" {
		return r.Redirect
	}
	return withQuery(r.Redirect, "state="+url.QueryEscape(r.State))
}

// Form are the parameters that ask for the same once more, after the user was asked. The hint is not among them: it has
// said by then what it can.
func (r *Request) Form() map[string]string {
	form := map[string]string{}
	for name, value := range map[string]string{
		"client_id": r.Client, "post_logout_redirect_uri": r.Redirect, "state": r.State, "ui_locales": r.Locales,
	} {
		if value != "" {
			form[name] = value
		}
	}
	return form
}

package interaction

import (
	"net/url"
	"strings"
)

// FormPost is an answer that the browser brings to the client in a form (OAuth 2.0 Form Post Response Mode).
type FormPost struct {
	Action string     // the redirect URI, byte for byte
	Fields url.Values // the parameters of the answer
}

// formPost begins no address: a scheme has no underscore.
const formPost = "form_post:"

// End is the answer as a text like the address of a redirect, for EndAt: what is kept of a sign-in is where it ends.
func (f FormPost) End() string {
	return formPost + url.QueryEscape(f.Action) + "?" + f.Fields.Encode()
}

// ParseFormPost reads what End has made. Not ok: the sign-in ends at an address.
func ParseFormPost(end string) (f FormPost, ok bool) {
	rest, ok := strings.CutPrefix(end, formPost)
	if !ok {
		return f, false
	}
	action, fields, _ := strings.Cut(rest, "?")
	var faults [2]error
	f.Action, faults[0] = url.QueryUnescape(action)
	f.Fields, faults[1] = url.ParseQuery(fields)
	return f, faults == [2]error{}
}

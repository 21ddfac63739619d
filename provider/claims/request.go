package claims

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"unicode/utf8"
)

// Request is what the claims parameter asks for (OIDC Core 5.5), by the names of the claims, whether there are such or not.
type Request struct {
	UserInfo map[string]Wish `json:"userinfo,omitempty"`
	IDToken  map[string]Wish `json:"id_token,omitempty"`
}

// Wish is how a client asks for one claim (OIDC Core 5.5.1).
type Wish struct {
	Essential bool              `json:"-"`                // read of acr and amr alone: whoever has no other claim gets none
	Values    []json.RawMessage `json:"values,omitempty"` // that will do, in the order of preference; value is the first
	Listed    bool              `json:"listed,omitempty"` // there was a value or values, even if that has none
}

// ErrMalformed reports a claims parameter that is none.
var ErrMalformed = errors.New("claims must be a JSON object as OpenID Connect Core section 5.5 shows it")

// Parse reads a claims parameter; an empty one asks for nothing. What it does not know it ignores. ErrMalformed if it is no
// object of that form.
func Parse(raw string) (Request, error) {
	var r Request
	if raw == "" {
		return r, nil
	}
	if !utf8.ValidString(raw) { // encoding/json would read something else instead
		return r, ErrMalformed
	}
	top, err := members([]byte(raw))
	if err != nil {
		return r, err
	}
	userInfo, errUserInfo := readWishes(top["userinfo"])
	idToken, errIDToken := readWishes(top["id_token"])
	if errUserInfo != nil || errIDToken != nil {
		return r, ErrMalformed
	}
	return Request{userInfo, idToken}, nil
}

func readWishes(text []byte) (map[string]Wish, error) {
	wanted, err := members(text)
	if err != nil || len(wanted) == 0 {
		return nil, err
	}
	wishes := map[string]Wish{}
	for name, text := range wanted {
		if wishes[name], err = readWish(text); err != nil {
			return nil, err
		}
	}
	return wishes, nil
}

// members returns the members of an object; null and nothing are one without any. encoding/json alone would take
// "ID_TOKEN" for id_token.
func members(text []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if len(text) == 0 {
		return m, nil
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, ErrMalformed
	}
	return m, nil
}

func readWish(text []byte) (Wish, error) {
	var w Wish
	m, err := members(text)
	if err != nil || !decodes(m["essential"], &w.Essential) || !decodes(m["values"], &w.Values) {
		return w, ErrMalformed
	}
	one, given := m["value"]
	given = given && string(one) != "null"
	w.Listed = given || w.Values != nil
	if given {
		w.Values = slices.Insert(w.Values, 0, one)
	}
	return w, nil
}

// decodes reports whether text, which may be nothing, can be decoded into v.
func decodes(text []byte, v any) bool { return len(text) == 0 || json.Unmarshal(text, v) == nil }

// Texts returns the values of a wish for a claim that is a text; false: one of them is none.
func (w Wish) Texts() ([]string, bool) {
	var texts []string
	for _, value := range w.Values {
		var text *string
		if json.Unmarshal(value, &text) != nil || text == nil {
			return nil, false
		}
		texts = append(texts, *text)
	}
	return texts, true
}

// Lists returns the values of a wish for a claim that is a list of texts; a text alone stands for a list with it. False: one
// of them is neither.
func (w Wish) Lists() ([][]string, bool) {
	var lists [][]string
	for _, value := range w.Values {
		var list []string
		if texts, ok := (Wish{Values: []json.RawMessage{value}}).Texts(); ok {
			list = texts
		} else if json.Unmarshal(value, &list) != nil || list == nil {
			return nil, false
		}
		lists = append(lists, list)
	}
	return lists, true
}

// fulfilled reports whether the user's value is one that will do. Of a list one member will.
func (w Wish) fulfilled(value any) bool {
	return !w.Listed || slices.ContainsFunc(w.Values, func(wanted json.RawMessage) bool { return equals(wanted, value) })
}

// equals compares as JSON does.
func equals(wanted json.RawMessage, value any) bool {
	if list, ok := value.([]string); ok {
		return slices.ContainsFunc(list, func(one string) bool { return equals(wanted, one) }) || same(wanted, value)
	}
	return same(wanted, value)
}

func same(wanted json.RawMessage, value any) bool {
	text, err := json.Marshal(value)
	var a, b any
	return err == nil && json.Unmarshal(text, &a) == nil && json.Unmarshal(wanted, &b) == nil && reflect.DeepEqual(a, b)
}

// Within returns what of the request is about a user and given by one of the scopes: what a client may ask for that has
// registered these.
func (r Request) Within(scopes []string) Request {
	return Request{within(r.UserInfo, scopes), within(r.IDToken, scopes)}
}

func within(wishes map[string]Wish, scopes []string) map[string]Wish {
	kept := maps.Clone(wishes)
	maps.DeleteFunc(kept, func(name string, _ Wish) bool {
		scope := ScopeOf(name)
		return scope == "" || !slices.Contains(scopes, scope)
	})
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// Scopes returns the scopes that give the claims asked for, each once: what the user must allow for them.
func (r Request) Scopes() []string {
	var scopes []string
	for _, s := range byScope {
		if len(within(r.UserInfo, []string{s.scope}))+len(within(r.IDToken, []string{s.scope})) > 0 {
			scopes = append(scopes, s.scope)
		}
	}
	return scopes
}

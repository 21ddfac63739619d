package registration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"vestibule/provider/client"
)

// document is what a client wants to register.
type document struct {
	said   map[string]json.RawMessage // what it may say, by name
	id     string                     // client_id, which a change repeats
	secret string                     // client_secret, likewise
	server []string                   // names of what only the server says, which a change must not send (RFC 7592 section 2.2)
}

// serverNames are what the server adds to a registration.
var serverNames = []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}

// readDocument reads what a client sends. What is null, or an empty text or list, is left out (RFC 7591 section 2).
func readDocument(data []byte) (document, error) {
	d := document{said: map[string]json.RawMessage{}}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil || all == nil {
		return d, errors.New("the body must be one JSON object with the names of RFC 7591")
	}
	for name, value := range all {
		switch {
		case isEmpty(value):
		case isClients(name):
			d.said[name] = value
		case slices.Contains(serverNames, name):
			d.server = append(d.server, name)
		}
	}
	slices.Sort(d.server)
	return d, errors.Join(text(all, "client_id", &d.id), text(all, "client_secret", &d.secret))
}

func isEmpty(value json.RawMessage) bool {
	return slices.ContainsFunc([]string{"null", `""`, "[]"}, func(none string) bool { return bytes.Equal(value, []byte(none)) })
}

// text reads a member that is a text, if it is there.
func text(all map[string]json.RawMessage, name string, to *string) error {
	if value := all[name]; value != nil && json.Unmarshal(value, to) != nil {
		return fmt.Errorf("%s must be a text", name)
	}
	return nil
}

// over returns a client that has what the document says and, of all that is an operator's to say, what base has.
func (d document) over(base client.Client) (client.Client, error) {
	all, err := members(base)
	if err != nil {
		return base, err
	}
	for name := range all {
		if isClients(name) {
			delete(all, name)
		}
	}
	for name, value := range d.said {
		all[name] = value
	}
	delete(all, "public") // token_endpoint_auth_method says it
	data, err := json.Marshal(all)
	if err != nil {
		return base, err
	}
	read, err := client.ReadDocument(data)
	return read.Client, wrongType(err)
}

// wrongType says which member is not what it should be.
func wrongType(err error) error {
	var wrong *client.Mistyped
	if !errors.As(err, &wrong) {
		return err
	}
	return &fault{field: wrong.Name, text: "it " + wrong.Text}
}

// members is the registration as JSON, by name.
func members(c client.Client) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(client.Document{Client: c})
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	return all, json.Unmarshal(data, &all)
}

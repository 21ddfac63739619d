package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Document is a registration as files and requests bring it: a JSON object with the names of RFC 7591.
type Document struct {
	Client
	Secret string   // client_secret; empty: it brings none
	Hash   string   // client_secret_hash, as Export writes it; empty: it brings none
	Unread []string // names that mean nothing here
}

// documentJSON has what stands in a document beside the registration itself.
type documentJSON struct {
	Secret string `json:"client_secret,omitempty"`
	Hash   string `json:"client_secret_hash,omitempty"`
}

// answered are the names of what a server adds to a registration (RFC 7591 section 3.2.1, RFC 7592 section 3): they are no
// wishes of whoever sends a document on.
var answered = []string{"client_id_issued_at", "client_secret_expires_at", "registration_access_token", "registration_client_uri", "created"}

// ReadDocuments reads one document or a list of them, which must not be empty.
func ReadDocuments(data []byte) ([]Document, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		d, err := ReadDocument(data)
		if err != nil {
			return nil, err
		}
		return []Document{d}, nil
	}
	var raw []json.RawMessage
	if err := one(data, &raw); err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, errors.New("it is an empty list")
	}
	var all []Document
	for i, text := range raw {
		d, err := ReadDocument(text)
		if err != nil {
			return nil, fmt.Errorf("registration %d: %w", i+1, err)
		}
		all = append(all, d)
	}
	return all, nil
}

// ReadDocument reads one document. It does not check what is registered: see Check. A member of the wrong type is a *Mistyped.
func ReadDocument(data []byte) (Document, error) {
	var d Document
	var beside documentJSON
	var names map[string]json.RawMessage
	if err := one(data, &names); err != nil {
		return d, err
	}
	if names == nil {
		return d, errors.New("it is no JSON object, but null")
	}
	if err := errors.Join(mistyped(json.Unmarshal(data, &d.Client)), mistyped(json.Unmarshal(data, &beside))); err != nil {
		return d, err
	}
	d.Secret, d.Hash = beside.Secret, beside.Hash
	if d.TokenEndpointAuthMethod == AuthNone {
		d.Public, d.TokenEndpointAuthMethod = true, ""
	}
	for name := range names {
		if !slices.Contains(knownNames, name) {
			d.Unread = append(d.Unread, name)
		}
	}
	slices.Sort(d.Unread)
	return d, nil
}

// one reads one JSON value and nothing behind it.
func one(data []byte, to any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(to); err != nil {
		return notJSON(data, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more behind its end")
	}
	return nil
}

// MarshalJSON writes the document in the names of RFC 7591.
func (d Document) MarshalJSON() ([]byte, error) {
	beside := documentJSON{Secret: d.Secret, Hash: d.Hash}
	if d.Public {
		d.TokenEndpointAuthMethod = AuthNone
	}
	return json.Marshal(struct {
		Client
		documentJSON
	}{d.Client, beside})
}

// knownNames are those that a document may have.
var knownNames = slices.Concat(slices.Collect(maps.Keys(memberTypes)), answered)

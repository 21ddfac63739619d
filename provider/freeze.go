package provider

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/device"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// frozen is the part of a validated request that the answer needs.
type frozen struct {
	Redirect  string   `json:"redirect"`        // where the answer goes
	Sent      string   `json:"sent,omitempty"`  // redirect_uri as the client sent it
	State     verbatim `json:"state,omitempty"` // the client gets back what it sent, valid UTF-8 or not
	Nonce     string   `json:"nonce,omitempty"`
	Challenge string   `json:"challenge,omitempty"`
	Key       string   `json:"dpop_jkt,omitempty"` // the code is for whoever has it
	Mode      string   `json:"mode,omitempty"`     // response_mode, if it is not query
	Type      string   `json:"type,omitempty"`     // response_type, if it is not code
	Resource  string   `json:"resource,omitempty"`

	Device *waitingDevice `json:"device,omitempty"` // it is answered there, and nothing of the above is set but Resource
}

// verbatim is a text that may be no UTF-8, which JSON would mend. Only then is it bytes in base64, which an address has less
// room for.
type verbatim string

// MarshalJSON returns a string, or a list with the bytes.
func (v verbatim) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(v)) {
		return json.Marshal(string(v))
	}
	return json.Marshal([][]byte{[]byte(v)})
}

// UnmarshalJSON reads what MarshalJSON made.
func (v *verbatim) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(v))
	}
	var parts [][]byte
	err := json.Unmarshal(data, &parts)
	*v = verbatim(bytes.Join(parts, nil))
	return err
}

func freeze(ar *fosite.AuthorizeRequest, resource string) ([]byte, error) {
	mode, kind := string(ar.ResponseMode), ar.Form.Get("response_type") // what is usual is left out: an address has little room
	if ar.ResponseMode == fosite.ResponseModeQuery {
		mode = ""
	}
	if kind == client.ResponseCode {
		kind = ""
	}
	return json.Marshal(frozen{
		Redirect: cmp.Or(ar.Form.Get("redirect_uri"), ar.RedirectURI.String()), Sent: ar.Form.Get("redirect_uri"), State: verbatim(ar.State),
		Nonce: ar.Form.Get("nonce"), Challenge: ar.Form.Get("code_challenge"), Key: ar.Form.Get("dpop_jkt"), Mode: mode, Type: kind, Resource: resource,
	})
}

// thaw returns the request again. It asks for the client anew: one that was removed meanwhile gets no answer, whoever
// has its id now. What comes of an interaction is one family of tokens, and has its id.
func (p *Provider) thaw(ctx context.Context, ix *interaction.Interaction) (*fosite.AuthorizeRequest, frozen, error) {
	var f frozen
	if err := json.Unmarshal(ix.Request, &f); err != nil {
		return nil, f, fmt.Errorf("frozen request: %w", err)
	}
	if f.Device != nil {
		f.Redirect = p.issuer + device.DonePath
	}
	redirect, err := url.Parse(f.Redirect)
	if err != nil {
		return nil, f, fmt.Errorf("frozen redirect URI: %w", err)
	}
	rp, err := p.clients.Client(ctx, ix.Client)
	if err != nil {
		return nil, f, clientGone(ix, err)
	}
	if rp.Registration != ix.Registered || !f.answerable(rp, ix.Scopes) {
		return nil, f, clientGone(ix, store.ErrNotFound)
	}
	form := url.Values{}
	if f.Challenge != "" {
		form.Set("code_challenge", f.Challenge)
		form.Set("code_challenge_method", "S256")
	}
	ar := fosite.NewAuthorizeRequest()
	ar.ResponseTypes, ar.RedirectURI, ar.State = fosite.Arguments{cmp.Or(f.Type, client.ResponseCode)}, redirect, string(f.State)
	ar.ResponseMode = fosite.ResponseModeType(cmp.Or(f.Mode, string(fosite.ResponseModeQuery)))
	ar.Request = fosite.Request{
		ID: ix.ID, RequestedAt: ix.Demand.RequestedAt, Client: relyingParty{rp}, RequestedScope: ix.Scopes, Form: form,
	}
	return ar, f, nil
}

// answerable reports whether the client, as it is registered now, may have what it asked for where it wants it, with the scopes
// that are left.
func (f frozen) answerable(rp client.Client, scopes []string) bool {
	if f.Resource != "" && !slices.Contains(rp.Audiences, f.Resource) {
		return false
	}
	if f.Device != nil {
		return rp.Grants(client.GrantDevice)
	}
	if !rp.Allows(f.Redirect) || f.Type == client.ResponseIDToken && !slices.Contains(scopes, client.ScopeOpenID) {
		return false
	}
	return rp.AnswersWith(cmp.Or(f.Type, client.ResponseCode))
}

// clientGone says that the client or its redirect URI went away during the sign-in.
func clientGone(ix *interaction.Interaction, err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return &interaction.RequestError{Status: http.StatusBadRequest, Code: "invalid_client", ClientID: ix.Client,
		ClientName: ix.ClientName, RedirectURI: ix.Redirect, Description: "The client was changed or removed during the sign-in."}
}

package servertest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/provider/client"
)

// Device is one that waits for its user (RFC 8628).
type Device struct {
	*Client
	Code     string `json:"device_code"`
	UserCode string `json:"user_code"`
	URI      string `json:"verification_uri"`
	Complete string `json:"verification_uri_complete"`
	Expires  int    `json:"expires_in"`
	Interval int    `json:"interval"`
}

// OnDevice has a client be one that runs on devices, and has no redirect URI.
func OnDevice(c *client.Client) {
	c.Public, c.RedirectURIs, c.GrantTypes = true, nil, []string{client.GrantDevice, client.GrantRefresh}
}

// NewDevice is a device of the client, which asks for this. The parameters are more, as name and value in turn.
func (c *Client) NewDevice(t *testing.T, scope string, parameters ...string) *Device {
	t.Helper()
	form := url.Values{"scope": {scope}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	response, err := c.Send(c.Provider.Endpoint().DeviceAuthURL, form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	d := &Device{Client: c}
	if err := json.NewDecoder(response.Body).Decode(d); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("device authorization: %s, %v", response.Status, err)
	}
	c.Site.KeepSecret(d.Code)
	c.Site.KeepSecret(d.UserCode)
	c.Site.KeepSecret(strings.ReplaceAll(d.UserCode, "-", ""))
	return d
}

// Poll asks once.
func (d *Device) Poll() Reply { return d.PollAs(d.Client) }

// PollAs has a client ask with the device's code.
func (d *Device) PollAs(c *Client) Reply {
	return d.Site.Token(c, url.Values{"grant_type": {client.GrantDevice}, "device_code": {d.Code}})
}

// PollNext asks once, when the interval is over.
func (d *Device) PollNext() Reply {
	d.Site.Clock.Advance(time.Duration(d.Interval) * time.Second)
	return d.Poll()
}

// Enter types the code at the page for it.
func (d *Device) Enter(b *Browser) *Page {
	b.T.Helper()
	return b.Open(d.URI).At("device", "initial").Press("Continue", "code", d.UserCode)
}

// Tokens are those of the answer.
func (a Reply) Tokens() *oauth2.Token {
	t := &oauth2.Token{AccessToken: a.AccessToken, RefreshToken: a.RefreshToken}
	return t.WithExtra(map[string]any{"id_token": a.IDToken})
}

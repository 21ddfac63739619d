package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vestibule/provider/client"
	"vestibule/provider/fetch"
)

// TestSector says who shares a sector: whoever is answered on one host, or at addresses that a document lists.
func TestSector(t *testing.T) {
	web := func(uris ...string) client.Client {
		return client.Client{ID: "shop", SecretHash: "sha256:x", Registration: "r1", SubjectType: client.SubjectPairwise, RedirectURIs: uris}
	}
	with := func(c client.Client, change func(*client.Client)) client.Client {
		change(&c)
		return c
	}
	listed := func(c *client.Client) { c.SectorIdentifierURI = "https://sector.example/uris.json" }
	device := func(c *client.Client) { c.GrantTypes = []string{client.GrantCode, client.GrantDevice} }
	strange := func(c *client.Client) { c.RegisteredBy = client.ByInitialToken }
	two := web("https://shop.example/cb", "https://till.example/cb")
	for _, tt := range []struct {
		name  string
		c     client.Client
		want  string
		fault string
	}{
		{"public", with(two, func(c *client.Client) { c.SubjectType = client.SubjectPublic }), "", ""},
		{"says nothing", with(two, func(c *client.Client) { c.SubjectType = "" }), "", ""},
		{"one host", web("https://shop.example:8443/cb", "https://shop.example/other"), "host shop.example", ""},
		{"two hosts", two, "client shop r1", "on several hosts"},
		{"two hosts that are listed", with(two, listed), "host sector.example", ""},
		{"one host that is listed", with(web("https://shop.example/cb"), listed), "host sector.example", ""},
		{"loopback", web("http://127.0.0.1/cb"), "client shop r1", ""},
		{"loopback that is listed", with(web("http://127.0.0.1/cb"), listed), "client shop r1", "pairwise subjects of its own"},
		{"loopback with TLS that is listed", with(web("https://localhost:8443/cb"), listed), "client shop r1", "pairwise subjects of its own"},
		{"the same, which nobody has looked at", with(web("https://localhost:8443/cb"), func(c *client.Client) { strange(c); listed(c) }), "client shop r1", ""},
		{"the web and loopback", web("https://shop.example/cb", "http://127.0.0.1/cb"), "client shop r1", ""},
		{"a private scheme", with(web("com.example.shop:/cb"), func(c *client.Client) { c.Public, c.SecretHash = true, "" }), "client shop r1", ""},
		{"a device too", with(web("https://shop.example/cb"), device), "client shop r1", ""},
		{"a device too, listed", with(web("https://shop.example/cb"), func(c *client.Client) { device(c); listed(c) }), "client shop r1", "pairwise subjects of its own"},
		{"nobody has looked at", with(web("https://shop.example/cb"), strange), "client shop r1", ""},
		{"nobody has looked at, listed", with(two, func(c *client.Client) { strange(c); listed(c) }), "client shop r1", ""},
		{"another type", with(two, func(c *client.Client) { c.SubjectType = "private" }), "", "public or pairwise"},
		{"a document without https", with(two, func(c *client.Client) { c.SectorIdentifierURI = "http://sector.example/" }), "host sector.example", "must be https"},
	} {
		if got := tt.c.Sector(); got != tt.want {
			t.Errorf("%s: sector %q, want %q", tt.name, got, tt.want)
		}
		if err := client.Check(tt.c); (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
		}
	}
}

// TestCheckSector has a document vouch for clients.
func TestCheckSector(t *testing.T) {
	const uri, other = "https://shop.example/cb", "https://till.example/cb"
	mux := http.NewServeMux()
	serve := func(path string, body any) {
		data, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.Write(data) })
	}
	serve("/both", []string{"https://more.example/cb", uri, other})
	serve("/one", []string{uri})
	serve("/object", map[string]any{"redirect_uris": []string{uri, other}})
	serve("/numbers", []any{1, uri, other})
	serve("/null", nil)
	serve("/long", []string{uri, other, strings.Repeat("x", fetch.Limit)})
	mux.HandleFunc("/inside", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/both", http.StatusFound) })
	host := httptest.NewServer(mux)
	defer host.Close()
	mux.HandleFunc("/outside", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, strings.Replace(host.URL, "127.0.0.1", "localhost", 1)+"/both", http.StatusFound)
	})
	here := fetch.New(fetch.Config{Loopback: true})
	check := func(f *fetch.Fetcher, address string) error {
		return client.CheckSector(t.Context(), f, client.Client{RedirectURIs: []string{uri, other}, SectorIdentifierURI: address})
	}
	for path, want := range map[string]string{
		"/both": "", "/inside": "", "/one": `"https://till.example/cb" is not listed`, "/object": "no JSON array", "/numbers": "no JSON array",
		"/null": "no JSON array", "/long": "more than", "/none": "answers 404", "/outside": "leads to another host",
	} {
		err := check(here, host.URL+path)
		if (err == nil) != (want == "") || err != nil && (!errors.Is(err, client.ErrSector) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := check(here, ""); err != nil {
		t.Errorf("without an address: %v", err)
	}
	if err := check(fetch.New(fetch.Config{}), host.URL+"/both"); !errors.Is(err, client.ErrSector) {
		t.Errorf("on this machine: %v", err)
	}
}

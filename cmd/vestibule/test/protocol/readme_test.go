package protocol

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/docs/doctest"
	"vestibule/provider/client"
)

// appsDocument has the examples for app developers.
const appsDocument = "docs/apps.md"

// readmeApp is the Go example of the document; visit is the browser, which comes back with r.
func readmeApp(ctx context.Context, issuer, secret string, visit func(address string) (r *http.Request)) error {
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return err
	}
	config := oauth2.Config{
		ClientID: "shop", ClientSecret: secret, Endpoint: provider.Endpoint(),
		RedirectURL: "https://shop.example.com/callback", Scopes: []string{oidc.ScopeOpenID, "email"},
	}

	// to sign in: keep these three in the browser's session and send the browser to the address
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	address := config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("acr_values", "aal2")) // ask for two steps

	r := visit(address)

	// at the callback
	query := r.URL.Query()
	if query.Get("state") != state || query.Get("iss") != issuer {
		return errors.New("this is not the answer to the sign-in that this browser began")
	}
	tokens, err := config.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return err
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		return errors.New("the answer has no ID token")
	}
	idToken, err := provider.Verifier(&oidc.Config{ClientID: "shop"}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	var claims struct {
		ACR string `json:"acr"`
	}
	if err := idToken.Claims(&claims); err != nil {
		return err
	}
	if idToken.Nonce != nonce || claims.ACR != "aal2" {
		return errors.New("the ID token is of another sign-in, or of one step only")
	}
	return nil
}

// The Go example of the document is readmeApp, line by line, and it works.
func TestReadmeGo(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for paragraph := range strings.SplitSeq(doctest.Open(t, appsDocument).Block(t, "go"), "\n\n") {
		if !strings.Contains(flat(string(code)), flat(paragraph)) {
			t.Errorf("readmeApp has not these lines of the document:\n%s", paragraph)
		}
	}
	s, c, visit := newReadmeSite(t)
	if err := readmeApp(t.Context(), s.Config.Issuer, c.OAuth.ClientSecret, func(address string) *http.Request {
		return &http.Request{URL: visit(address).Left}
	}); err != nil {
		t.Error(err)
	}
}

// The JavaScript example of the document is run as it stands there, but that the issuer may be plain http.
func TestReadmeNode(t *testing.T) {
	modules := servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES")
	t.Parallel()
	const strict, at = `'shop', secret)`, "// at the callback"
	example := doctest.Open(t, appsDocument).Block(t, "js")
	if !strings.Contains(example, strict) || !strings.Contains(example, at) {
		t.Fatalf("the example has not both %q and %q", strict, at)
	}
	example = strings.NewReplacer(
		strict, `'shop', secret, undefined, { execute: [client.allowInsecureRequests] })`,
		at, "print({ address: address.href })\nconst currentUrl = new URL((await read()).address)\n",
	).Replace(example)
	script := "import { issuer, secret, read, print } from './browser.mjs'\n" + example + "\nprint({ sub, acr })\nprocess.exit(0)\n"

	s, c, visit := newReadmeSite(t)
	program := startScript(t, modules, nodeSettings(c), "readme.mjs", script)
	var begin struct{ Address string }
	program.read(&begin)
	program.write(map[string]string{"address": visit(begin.Address).Left.String()})
	var end struct{ Sub, ACR string }
	program.read(&end)
	if ana, _, err := s.Store.AccountByName(t.Context(), "ana"); err != nil || end.Sub != ana.Subject || end.ACR != "aal2" {
		t.Errorf("the example learned %+v, want aal2 and the subject of %+v (%v)", end, ana, err)
	}
}

// newReadmeSite has the client of the examples and a user with an authenticator, who goes to an address and
// signs in.
func newReadmeSite(t *testing.T) (*servertest.Site, *servertest.Client, func(address string) *servertest.Page) {
	t.Helper()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	a, _ := s.NewBrowser(t).Enrol("ana")
	c := s.NewClient(t, "shop", func(c *client.Client) { c.RedirectURIs = []string{"https://shop.example.com/callback"} })
	return s, c, func(address string) *servertest.Page {
		t.Helper()
		p := s.NewBrowser(t).Open(address).At("login", "initial").GiveName("ana", servertest.Password)
		p = p.At("totp", "initial").GiveCode(a.Code(0)).Allow()
		if p.Left == nil {
			t.Fatalf("the browser is at %s, want the client", p.Address)
		}
		return p
	}
}

// flat makes all white space one space.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

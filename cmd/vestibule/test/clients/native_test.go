//go:build costly

package clients

import (
	"crypto/rand"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
)

// signedIn is a public client on the user's machine with what it got, as kubelogin is one.
type signedIn struct {
	t      testing.TB
	config oauth2.Config
	token  *oauth2.Token
}

// signInNative signs a member in to such a client.
func signInNative(s *servertest.Site, id string, m member) signedIn {
	s.T.Helper()
	op, err := oidc.NewProvider(s.T.Context(), s.Config.Issuer)
	if err != nil {
		s.T.Fatal(err)
	}
	config := oauth2.Config{ClientID: id, Endpoint: op.Endpoint(), RedirectURL: "http://localhost:8000/", Scopes: []string{"openid", "email", "groups", "offline_access"}}
	verifier := oauth2.GenerateVerifier()
	address := config.AuthCodeURL(rand.Text(), oauth2.S256ChallengeOption(verifier))
	s.Clock.Advance(servertest.Step) // another code
	p := m.signIn(s.NewBrowser(s.T).Open(address))
	if p.Left == nil {
		s.T.Fatalf("the browser is at page %s:\n%s", p.Name, p.Text())
	}
	token, err := config.Exchange(s.T.Context(), p.Left.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		s.T.Fatalf("exchange: %v", err)
	}
	return signedIn{s.T, config, token}
}

// idToken is the ID token as it came.
func (c signedIn) idToken() string {
	raw, _ := c.token.Extra("id_token").(string)
	return raw
}

// refreshed is the client after it has used its refresh token.
func (c signedIn) refreshed() signedIn {
	c.t.Helper()
	token, err := c.config.TokenSource(c.t.Context(), &oauth2.Token{RefreshToken: c.token.RefreshToken}).Token()
	if err != nil {
		c.t.Fatalf("refresh: %v", err)
	}
	c.token = token
	return c
}

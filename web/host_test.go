package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// host is a program of its own that has its users sign in at our pages, with two steps, and is no OpenID Provider. It
// begins a sign-in, and is told what has come of it.
type host struct {
	flows *interaction.Flows
	now   func() time.Time
}

// signIn begins a sign-in at the pages.
func (h *host) signIn(pages *Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ix := h.flows.Begin(assurance.Demand{EssentialACR: assurance.LevelTwo})
		ix.Client, ix.ClientName, ix.FirstParty = "payroll", "Payroll", true
		if err := pages.Authorize(w, r, ix); err != nil {
			pages.Error(w, r, err)
		}
	}
}

// Finish lets the user in.
func (h *host) Finish(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, at time.Time, with ...func(context.Context) error) error {
	if !ix.Login.Satisfies(ix.Required(), at) {
		return errors.New("the login does not satisfy the request")
	}
	to := fmt.Sprintf("/payroll?user=%s&amr=%s", ix.Login.Subject, strings.Join(ix.Login.AMR(), "+"))
	return h.end(w, r, ix, to, with)
}

// Refuse tells the user why not.
func (h *host) Refuse(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, code string, with ...func(context.Context) error) error {
	return h.end(w, r, ix, "/payroll?error="+code, with)
}

func (h *host) end(w http.ResponseWriter, r *http.Request, ix *interaction.Interaction, to string, with []func(context.Context) error) error {
	if err := h.flows.EndAt(r.Context(), ix, to, with...); err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// Client: the host is its only relying party.
func (h *host) Client(_ context.Context, id string) (client.Client, error) {
	if id != "payroll" {
		return client.Client{}, store.ErrNotFound
	}
	return client.Client{ID: id, Name: "Payroll"}, nil
}

// TestHost mounts the pages in a program that has no Provider, below an address of its own.
func TestHost(t *testing.T) {
	s := newSite(t)
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{flows: interaction.NewFlows(s.store, keys, 0, s.clock.now), now: s.clock.now}
	c := s.config
	c.Source = Source{Issuer: s.server.URL, Engine: h, Flows: h.flows, Clients: h}
	c.Site.Prefix = "/sign-in"
	pages, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	pages.Register(mux)
	mux.HandleFunc("GET /payroll/enter", h.signIn(pages))
	mux.HandleFunc("GET /payroll", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.RawQuery) })
	s.config.Site.Prefix = "/sign-in"
	s.handler.Store(mux)

	b := s.newBrowser()
	enter := s.server.URL + "/payroll/enter"
	p := b.open(enter).at("login", "initial").says("Payroll").password("ana").at("setup", "initial").says("Payroll requires two-step verification")
	a := p.phone()
	p = p.press("Continue", "code", a.code(0)).at("codes", "initial").press("Turn on two-step verification", "saved", "yes")
	if p.body != "user=s-ana&amr=pwd+otp+mfa" {
		t.Errorf("the host hears %q", p.body)
	}
	if p = b.open(enter); p.body != "user=s-ana&amr=pwd+otp+mfa" {
		t.Errorf("with a session the host hears %q", p.body)
	}
	b.open("/account/security").at("security", "on")

	p = s.newBrowser().open(enter).password("ben").at("setup", "initial").press("Cancel and go back to Payroll")
	if p.body != "error=unmet_authentication_requirements" {
		t.Errorf("of whoever cancels the host hears %q", p.body)
	}
}

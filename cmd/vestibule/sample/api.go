package sample

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"vestibule/provider/resource"
)

// api keeps made-up money. It knows users by their access tokens only, and wants two steps for a transfer.
type api struct {
	mu    sync.Mutex
	spent map[string]int // by subject
}

const (
	startMoney    = 1000
	transferMoney = 100
	freshMoney    = 5 * time.Minute // how old a proof of the user may be who transfers
)

// APIConfig is what an API knows of its server and itself.
type APIConfig struct {
	Issuer       string // of the server
	ClientID     string // by which it asks about access tokens
	ClientSecret string
	Address      string // of the API itself: tokens are for that
	Log          *slog.Logger
}

// NewAPI returns the API.
func NewAPI(c APIConfig) (http.Handler, error) {
	g, err := resource.New(resource.Config{
		Resource: c.Address, Issuer: c.Issuer, Endpoint: c.Issuer + "/introspect", ClientID: c.ClientID, ClientSecret: c.ClientSecret, Log: c.Log,
		Name: "Made-up money",
	})
	if err != nil {
		return nil, err
	}
	a := &api{spent: map[string]int{}}
	mux := http.NewServeMux()
	mux.Handle(g.Metadata())
	mux.Handle("GET /balance", g.Require(resource.Rule{Scopes: []string{"openid"}}, http.HandlerFunc(a.balance)))
	mux.Handle("POST /transfer", g.Require(resource.Rule{
		Scopes: []string{"openid"}, ACR: []string{"aal2"}, MaxAge: freshMoney,
	}, http.HandlerFunc(a.transfer)))
	return mux, nil
}

func (a *api) balance(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	token, _ := resource.FromContext(r.Context())
	fmt.Fprintf(w, "You have %d.\n", startMoney-a.spent[token.Subject])
}

func (a *api) transfer(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	token, _ := resource.FromContext(r.Context())
	spent := a.spent[token.Subject] + transferMoney
	if spent > startMoney {
		http.Error(w, "There is nothing left to transfer.", http.StatusConflict)
		return
	}
	a.spent[token.Subject] = spent
	fmt.Fprintf(w, "%d transferred. You have %d left. The API let this through because your token says %s, and that you proved it %s ago.\n",
		transferMoney, startMoney-spent, token.ACR, ago(time.Since(token.AuthTime)))
}

package resource_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"vestibule/provider/resource"
)

// newAPI is an API whose balance may be read with any good token of a scope, while a transfer wants two steps of the
// last five minutes.
func newAPI(issuer, secret string, balance, transfer http.Handler) (http.Handler, error) {
	guard, err := resource.New(resource.Config{
		Resource: "https://bank.example.com/api", Issuer: issuer,
		Endpoint: issuer + "/introspect", ClientID: "bank-api", ClientSecret: secret,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(guard.Metadata())
	mux.Handle("GET /balance", guard.Require(resource.Rule{Scopes: []string{"openid"}}, balance))
	mux.Handle("POST /transfer", guard.Require(resource.Rule{
		Scopes: []string{"openid"}, ACR: []string{"aal2", "https://refeds.org/profile/mfa"}, MaxAge: 5 * time.Minute,
	}, transfer))
	return mux, nil
}

func Example() {
	// In the place of the real server: a user who gave a password only.
	server := httptest.NewServer(json(200, `{"active":true,"token_type":"Bearer","scope":"openid","client_id":"shop","sub":"ana","aud":"https://bank.example.com/api","acr":"aal1"}`))
	defer server.Close()

	balance := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := resource.FromContext(r.Context())
		fmt.Fprintf(w, "%s has 100", token.Subject)
	})
	transfer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") })
	api, err := newAPI(server.URL, "from your settings", balance, transfer)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, call := range []string{"GET /balance", "POST /transfer"} {
		var method, path string
		fmt.Sscan(call, &method, &path)
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("Authorization", "Bearer abc")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
		fmt.Println(w.Header().Get("WWW-Authenticate"))
	}
	// Output:
	// 200 ana has 100
	//
	// 401 the user must sign in with more steps
	//
	// Bearer error="insufficient_user_authentication", error_description="the user must sign in with more steps", acr_values="aal2 https://refeds.org/profile/mfa", max_age="300", resource_metadata="https://bank.example.com/.well-known/oauth-protected-resource/api"
}

package provider_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"vestibule/provider/account"
	"vestibule/provider/client"
)

// introspectAs presents a secret and returns how the server answers.
func (o *op) introspectAs(client, secret, remote string) int {
	r := httptest.NewRequest(http.MethodPost, issuer+"/introspect", strings.NewReader("token=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, url.QueryEscape(secret))
	r.RemoteAddr = remote
	return o.do(r).StatusCode
}

// A client whose secret somebody chose has a slow hash. When it comes with a burst of requests to a server that has
// just started, one hash is enough for all of them, and none is sent away; nor while strangers guess, from the same
// address or from many.
func TestBurstsOfAChosenSecret(t *testing.T) {
	const chosen = "sixteen letters!"
	for _, tt := range []struct {
		name   string
		wrong  int
		remote func(i int) string
	}{
		{"alone", 0, nil},
		{"strangers at the same address", 64, func(int) string { return "192.0.2.1:9" }},
		{"strangers at many addresses", 64, func(i int) string { return fmt.Sprintf("198.51.100.%d:9", i) }},
		{"strangers in one network", 2000, func(i int) string { return fmt.Sprintf("[2001:db8::%x]:9", i) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOP(t)
			hash, err := client.HashSecret(t.Context(), &account.Hasher{Memory: 8 << 10}, chosen) // slow enough to pile up
			if err != nil {
				t.Fatal(err)
			}
			o.store.AddClient(client.Client{ID: "chosen", SecretHash: hash, RedirectURIs: []string{callback}, Scopes: []string{"openid"}})
			o.restart()
			start, crowded := make(chan struct{}), make(chan struct{})
			var once sync.Once
			var group, strangers sync.WaitGroup
			for i := range tt.wrong {
				strangers.Go(func() {
					<-start
					if status := o.introspectAs("chosen", fmt.Sprintf("wrong secret %d", i), tt.remote(i)); status != 401 && (status != 503 || tt.wrong <= 64) {
						t.Errorf("a wrong secret answers %d", status)
					} else if status == 503 {
						once.Do(func() { close(crowded) })
					}
				})
			}
			for range 200 {
				group.Go(func() {
					<-start
					if tt.wrong > 64 { // the line of the strangers is full
						<-crowded
					}
					if status := o.introspectAs("chosen", chosen, "192.0.2.1:9"); status != http.StatusOK {
						t.Errorf("the right secret answers %d", status)
					}
				})
			}
			close(start)
			strangers.Wait()
			once.Do(func() { close(crowded) }) // or the test would wait for ever
			group.Wait()
		})
	}
}

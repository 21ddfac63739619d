package provider_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/store"
)

const appCallback = "com.example.app:/cb"

// exchanged is a code that was exchanged, and what came of it.
type exchanged struct {
	*op
	log    *recorder
	client string // empty: the public one
	code   string
	answer map[string]any
}

// used exchanges a code of a confidential or of the public client.
func used(t *testing.T, public bool) *exchanged {
	t.Helper()
	e := &exchanged{op: newOP(t), log: &recorder{}, client: "shop"}
	e.audit = e.log
	e.restart()
	if public {
		e.client = ""
		e.code = e.op.code("client_id", "app", "redirect_uri", appCallback, "scope", "openid")
	} else {
		e.code = e.op.code()
	}
	status, answer := e.present(e.client)
	if status != http.StatusOK {
		t.Fatalf("exchange: %d %v", status, answer)
	}
	e.answer = answer
	return e
}

// present sends the code, with changes to the right form.
func (e *exchanged) present(client string, pairs ...string) (int, map[string]any) {
	form := exchange(e.code)
	if e.client == "" {
		form.Set("client_id", "app")
		form.Set("redirect_uri", appCallback)
	}
	return e.op.token(client, change(form, pairs))
}

// TestUsedCode presents a code that was exchanged, at once and later. Nobody gets anything; whoever could have used it ends the
// family, and nobody else does.
func TestUsedCode(t *testing.T) {
	for _, public := range []bool{false, true} {
		own := map[bool]string{false: "shop", true: ""}[public]
		for name, tt := range map[string]struct {
			client string
			change []string
			able   bool
		}{
			"the client itself":       {own, nil, true},
			"a wrong verifier":        {own, []string{"code_verifier", strings.Repeat("x", 43)}, false},
			"no verifier":             {own, []string{"code_verifier", "-"}, false},
			"another redirect URI":    {own, []string{"redirect_uri", "https://shop.example/other"}, false},
			"no redirect URI":         {own, []string{"redirect_uri", "-"}, false},
			"another client":          {"other", []string{"client_id", "-"}, false},
			"the signature of a code": {own, []string{"code", "signature"}, false},
		} {
			for _, later := range []time.Duration{0, 11 * time.Second} {
				t.Run(fmt.Sprint(name, " public ", public, " after ", later), func(t *testing.T) {
					e := used(t, public)
					e.advance(later)
					if len(tt.change) == 2 && tt.change[1] == "signature" {
						tt.change = []string{"code", "vst_ac_" + strings.Repeat("A", 43) + e.code[strings.Index(e.code, "."):]}
					}
					status, body := e.present(tt.client, tt.change...)
					if status != http.StatusBadRequest || body["error"] != "invalid_grant" {
						t.Errorf("answered %d %v, want invalid_grant", status, body)
					}
					if got := len(e.log.of(audit.EventTokenReused)); got != map[bool]int{false: 0, true: 1}[tt.able] {
						t.Errorf("%d events of reuse, want one: %t", got, tt.able)
					}
					if status, _ := e.userinfo(e.answer["access_token"]); (status == http.StatusOK) == tt.able {
						t.Errorf("the access token is answered with %d, want it ended: %t", status, tt.able)
					}
				})
			}
		}
	}
}

// TestEndedCode presents codes that the server has ended, before and after they were exchanged, and what came of them: nobody
// used them twice.
func TestEndedCode(t *testing.T) {
	for _, before := range []bool{true, false} {
		for _, later := range []time.Duration{0, 11 * time.Second} {
			log := &recorder{}
			o := newOP(t)
			o.audit = log
			o.restart()
			code := o.code()
			var tokens map[string]any
			if !before {
				_, tokens = o.token("shop", exchange(code))
				if status, body := o.token("shop", refresh(tokens["refresh_token"])); status != http.StatusOK {
					t.Fatalf("refresh: %d %v", status, body)
				}
			}
			row, err := o.store.Code(t.Context(), code[strings.LastIndex(code, ".")+1:])
			if err != nil {
				t.Fatal(err)
			}
			if err := o.store.RevokeFamily(t.Context(), row.Family); err != nil {
				t.Fatal(err)
			}
			o.advance(later)
			if status, body := o.token("shop", exchange(code)); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
				t.Errorf("ended before its use %t, after %v: %d %v, want invalid_grant", before, later, status, body)
			}
			if !before {
				if status, body := o.token("shop", refresh(tokens["refresh_token"])); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
					t.Errorf("its refresh token, after %v: %d %v, want invalid_grant", later, status, body)
				}
			}
			if got := log.of(audit.EventTokenReused); len(got) > 0 {
				t.Errorf("ended before its use %t, after %v: recorded are %v", before, later, got)
			}
		}
	}
}

// TestRetryWhoseAnswerWasLost has the store commit and say that it did not, as when the connection goes: a refresh is answered
// then, and a code is spent.
func TestRetryWhoseAnswerWasLost(t *testing.T) {
	log := &recorder{}
	o := newOP(t)
	o.audit = log
	o.restart()
	lose := func(form url.Values) (int, map[string]any) {
		t.Helper()
		o.store.Lose(store.ErrUnavailable)
		if status, body := o.token("shop", form); status != http.StatusServiceUnavailable {
			t.Fatalf("%s whose answer is lost: %d %v, want 503", form.Get("grant_type"), status, body)
		}
		return o.token("shop", form)
	}
	status, body := lose(refresh(o.tokens()["refresh_token"]))
	if alive, _ := o.userinfo(body["access_token"]); status != http.StatusOK || alive != http.StatusOK {
		t.Errorf("a refresh again: %d %v, and the access token is answered with %d", status, body, alive)
	}
	if got := log.of(audit.EventTokenReused); len(got) > 0 {
		t.Errorf("recorded are %v", got)
	}
	if status, body := lose(exchange(o.code())); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
		t.Errorf("a code again: %d %v, want invalid_grant", status, body)
	}
}

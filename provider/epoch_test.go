package provider_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"vestibule/provider/account"
)

// raise ends what the user has open where the account is kept, which here is elsewhere.
func (o *op) raise(epoch int64) {
	o.store.AddAccount(account.Account{Subject: "u1", Username: "ana", Name: "Ana", Epoch: epoch}, "")
}

// TestHigherEpochEndsTokens: whoever raises the epoch of an account that is kept elsewhere ends nothing here, so that each
// use of what rests on an older one is refused: of codes and tokens, and of those that were used a moment ago.
func TestHigherEpochEndsTokens(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	tokens, code, used := o.tokens(), o.code(), o.code()
	spent := o.tokens()["refresh_token"]
	for name, form := range map[string]map[string][]string{"code": exchange(used), "refresh token": refresh(spent)} {
		if _, body := o.token("shop", form); body["access_token"] == nil {
			t.Fatalf("%s: %v", name, body)
		}
	}
	if status, _ := o.userinfo(tokens["access_token"]); status != http.StatusOK {
		t.Fatalf("userinfo answers %d", status)
	}

	o.raise(1)
	if status, _ := o.userinfo(tokens["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d, want 401", status)
	}
	for _, kind := range []string{"access_token", "refresh_token"} {
		if _, body := o.introspect("shop", tokens[kind]); body["active"] != false {
			t.Errorf("introspection of the %s: %v, want that it is not active", kind, body)
		}
	}
	forms := map[string]map[string][]string{
		"code": exchange(code), "refresh token": refresh(tokens["refresh_token"]),
		"code that was used": exchange(used), "refresh token that was used": refresh(spent),
	}
	for name, form := range forms {
		if status, body := o.token("shop", form); status != http.StatusBadRequest || body["error"] != "invalid_grant" {
			t.Errorf("%s: %d %v, want invalid_grant", name, status, body)
		}
	}
	o.raise(0) // which nobody does: what was refused is gone for good
	for name, form := range forms {
		if _, body := o.token("shop", form); body["error"] != "invalid_grant" {
			t.Errorf("%s, once more: %v, want invalid_grant", name, body)
		}
	}
}

// overtaken are accounts whose epoch rises right after they were read.
type overtaken struct {
	account.Accounts
	now atomic.Bool
}

// RequireAccount implements account.Accounts.
func (a *overtaken) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	if a.now.Load() {
		return account.ErrPassword
	}
	return a.Accounts.RequireAccount(ctx, subject, epoch)
}

// TestEpochRisesMeanwhile: the commit that gives tokens rests on the account.
func TestEpochRisesMeanwhile(t *testing.T) {
	o := newOP(t)
	accounts := &overtaken{Accounts: &account.Directory{Store: o.store, Hasher: &account.Hasher{}}}
	o.accounts = accounts
	o.restart()
	token, code := o.tokens()["refresh_token"], o.code()
	accounts.now.Store(true)
	for name, form := range map[string]map[string][]string{"code": exchange(code), "refresh token": refresh(token)} {
		if _, body := o.token("shop", form); body["error"] != "invalid_grant" {
			t.Errorf("%s: %v, want invalid_grant", name, body)
		}
	}
}

package providertest

import (
	"testing"

	"vestibule/provider"
	"vestibule/provider/account"
)

func TestMemory(t *testing.T) {
	TestStore(t, func(t *testing.T) provider.Store {
		m := New()
		m.AddClient(provider.Client{ID: Client})
		m.AddAccount(account.Account{Subject: Subject, Username: "ana"}, "")
		return m
	})
}

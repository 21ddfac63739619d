package providertest

import (
	"testing"

	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/client"
)

func TestMemory(t *testing.T) {
	TestStore(t, func(t *testing.T) provider.Store {
		m := New()
		m.AddClient(client.Client{ID: Client})
		m.AddAccount(account.Account{Subject: Subject, Username: "ana"}, "")
		return m
	})
}

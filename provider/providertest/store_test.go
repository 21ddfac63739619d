package providertest

import (
	"testing"

	"vestibule/provider"
)

func TestMemory(t *testing.T) {
	TestStore(t, func(t *testing.T) provider.Store {
		m := New()
		m.AddClient(provider.Client{ID: Client})
		m.AddAccount(provider.Account{Subject: Subject, Username: "ana"}, "")
		return m
	})
}

package storage_test

import (
	"testing"

	"vestibule/provider"
	"vestibule/provider/providertest"
	"vestibule/storage"
)

var providerTables = []string{"account", "client", "signing_key", "pairwise_key", "interaction", "pushed_request", "code", "access_token", "device", "used_proof", "client_assertion"}

func TestProviderContract(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		providertest.TestStore(t, func(t *testing.T) provider.Store {
			emptied(t, s, providerTables...)
			ana := newUser("ana", "")
			ana.Subject = providertest.Subject
			must(t, s.CreateAccount(t.Context(), ana, ""))
			must(t, s.CreateClient(t.Context(), newClient(providertest.Client)))
			return s
		})
	})
}

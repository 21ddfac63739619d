package keyset_test

import (
	"testing"

	"vestibule/provider/keyset"
)

// FuzzParse reads key sets, which clients register and serve.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"keys":[]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x0KHCSLkrAVUFkvjjRGMtDJkCyXVOwxnTbtDzL4fPD0","kid":"1","use":"sig"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},{"kty":"oct","k":"AA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if set, err := keyset.Parse(data); (set == nil) != (err != nil) {
			t.Errorf("%q is read as %v, %v", data, set, err)
		}
	})
}

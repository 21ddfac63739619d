package account_test

import (
	"runtime"
	"testing"

	"vestibule/provider/account"
)

// BenchmarkCheck tells what a password costs at the default cost, with as many at once as may be, and how many collections
// it begins.
func BenchmarkCheck(b *testing.B) {
	h := new(account.Hasher)
	stored, err := h.Hash(b.Context(), "right password")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if ok, _, err := h.Check(b.Context(), stored, "right password"); !ok || err != nil {
				b.Errorf("ok %v, %v", ok, err)
			}
		}
	})
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.NumGC-before.NumGC)/float64(b.N), "collections/op")
}

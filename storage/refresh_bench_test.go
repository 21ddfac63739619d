package storage_test

import (
	"errors"
	"fmt"
	"testing"

	"vestibule/provider/client"
	"vestibule/storage"
)

// BenchmarkRefresh asks for a refresh token and puts the next in its place, in a family that is new and in one that has been
// refreshed ten thousand times.
func BenchmarkRefresh(b *testing.B) {
	s, err := storage.Open(b.Context(), "sqlite:"+b.TempDir()+"/db")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	rp := client.Client{ID: "rp", Registration: "registration of rp", Created: noon, Updated: noon}
	if err := s.CreateClient(b.Context(), rp); err != nil {
		b.Fatal(err)
	}
	for _, before := range []int{0, 10_000} {
		f := family{id: fmt.Sprint("after", before), client: "rp", subject: "alice"}
		err := errors.Join(s.SaveCode(b.Context(), f.code(f.id), rp), s.Exchange(b.Context(), f.id, f.pair(0)))
		n := 0
		refresh := func() error {
			_, err := s.Token(b.Context(), f.pair(n)[1].Key())
			err = errors.Join(err, f.rotate(b.Context(), s, n))
			n++
			return err
		}
		for range before {
			err = errors.Join(err, refresh())
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("after %d", before), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := refresh(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package interaction

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/spelling"
)

func someInteraction() *Interaction {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return &Interaction{
		ID: spelling.RandomID(), Client: "shop", ClientName: "The shop", Scopes: []string{"openid", "profile", "email"},
		Redirect: "https://shop.example/callback", Demand: assurance.Demand{RequestedAt: at}, Browser: make([]byte, 32),
		Request: json.RawMessage(`{"id":"` + spelling.RandomID() + `","state":"` + spelling.RandomID() + `","nonce":"` + spelling.RandomID() + `"}`),
		Created: at, Expires: at.Add(time.Hour),
	}
}

// longInteraction is one that is compressed.
func longInteraction() *Interaction {
	ix := someInteraction()
	ix.Request = json.RawMessage(`{"state":"` + strings.Repeat(spelling.RandomID(), 50) + `"}`)
	return ix
}

// Both ways of packing give back what they got, and no half of it.
func TestPack(t *testing.T) {
	for name, want := range map[string]*Interaction{"plain": someInteraction(), "deflated": longInteraction()} {
		packed, err := pack(want)
		if err != nil || packed[0] != name[0] {
			t.Fatalf("%s: packed as %.1s, %v", name, packed, err)
		}
		got := new(Interaction)
		if err := unpack(packed, got); err != nil || got.ID != want.ID || !bytes.Equal(got.Request, want.Request) {
			t.Errorf("%s: unpack = %+v, %v, want %+v", name, got, err, want)
		}
		for _, data := range [][]byte{nil, packed[:1], packed[:len(packed)/2], packed[1:]} {
			if err := unpack(data, got); err == nil {
				t.Errorf("%s: %d bytes of %d were read", name, len(data), len(packed))
			}
		}
	}
}

// The compressors are shared: what one flow leaves behind in them must not turn up in another.
func TestDeflateIsShared(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				want := longInteraction()
				packed, err := pack(want)
				if err != nil {
					t.Errorf("pack: %v", err)
					return
				}
				got := new(Interaction)
				if err := unpack(packed, got); err != nil || got.ID != want.ID || !bytes.Equal(got.Request, want.Request) {
					t.Errorf("unpack = %+v, %v, want %+v", got, err, want)
				}
				if err := unpack(packed[:len(packed)/2], got); err == nil {
					t.Error("half a flow was read")
				}
			}
		})
	}
	group.Wait()
}

// Two kilobytes can become a megabyte. Nobody but us seals flows; it is bounded all the same, both ways.
func TestDeflateIsBounded(t *testing.T) {
	bomb := strings.Repeat("a", maxInflated)
	if _, err := pack(bomb); err == nil {
		t.Errorf("pack took %d bytes", len(bomb))
	}
	packed, err := deflate([]byte(`"` + bomb + `"`))
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := unpack(packed, &text); err == nil {
		t.Errorf("unpack made %d bytes of %d", len(text), len(packed))
	}
}

// A compressor that is made anew allocates 800 kB. Under the race detector pools forget a quarter of what they are given.
func TestDeflateAllocatesLittle(t *testing.T) {
	result := testing.Benchmark(BenchmarkLongFlow)
	if got := result.AllocedBytesPerOp(); got > 400<<10 {
		t.Errorf("packing and unpacking allocates %d bytes, want at most 400 KiB", got)
	}
}

func BenchmarkFlow(b *testing.B)     { benchmarkFlow(b, someInteraction()) }
func BenchmarkLongFlow(b *testing.B) { benchmarkFlow(b, longInteraction()) }

func benchmarkFlow(b *testing.B, ix *Interaction) {
	b.ReportAllocs()
	for b.Loop() {
		packed, err := pack(ix)
		if err != nil {
			b.Fatal(err)
		}
		if err := unpack(packed, new(Interaction)); err != nil {
			b.Fatal(err)
		}
	}
}

// openSealer seals nothing.
type openSealer struct{}

func (openSealer) Seal(plaintext []byte, _ string) (string, []byte, error) {
	return "k", plaintext, nil
}
func (openSealer) Open(_ string, sealed []byte, _ string) ([]byte, error) { return sealed, nil }

// TestBrief: an address holds the Brief in place of the Request, and what comes of it gives nobody anything; the interaction
// itself, and another one of the same request, keep both.
func TestBrief(t *testing.T) {
	f := NewFlows(nil, openSealer{}, 0, func() time.Time { return time.Date(2026, 3, 1, 12, 1, 0, 0, time.UTC) })
	ix := someInteraction()
	long := make([]byte, MaxFlow)
	rand.Read(long)
	ix.Request = json.RawMessage(`"` + base64.RawURLEncoding.EncodeToString(long) + `"`)
	if fits, err := f.Fits(ix); err != nil || fits {
		t.Fatalf("it fits: %v, %v", fits, err)
	}
	ix.Brief = json.RawMessage(`"brief"`)
	if fits, err := f.Fits(ix); err != nil || !fits {
		t.Fatalf("it does not fit with a Brief: %v, %v", fits, err)
	}
	for name, from := range map[string]*Interaction{"itself": ix, "begun anew": f.Restart(ix)} {
		flow, err := f.Flow(from)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Resume(t.Context(), flow)
		if err != nil || string(got.Request) != `"brief"` || got.Brief != nil || !got.FirstParty || got.ID != from.ID {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if len(from.Request) < MaxFlow || from.Brief == nil || from.FirstParty {
			t.Errorf("%s: it has changed: %+v", name, from)
		}
	}
}

package catalogue

import "testing"

// FuzzChoose chooses a language by what browsers and apps send.
func FuzzChoose(f *testing.F) {
	set, err := Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("pt-BR en", "de;q=0.8, *;q=0.1")
	f.Add("x-", "en-\x00, ;q=")
	f.Fuzz(func(t *testing.T, locales, accept string) {
		if set.Choose(locales, accept) == nil {
			t.Error("no language")
		}
	})
}

package phc_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"vestibule/provider/phc"
)

// What other programs write is read, and computed again, as it is: these were made by the reference implementation.
func TestVectors(t *testing.T) {
	for text, secret := range map[string]string{
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4": "password",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc": "password",
	} {
		h, err := phc.Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if got := h.Cost.Sum(secret, h.Salt, len(h.Sum)); !reflect.DeepEqual(got, h.Sum) {
			t.Errorf("%s: the sum is %s", text, hex.EncodeToString(got))
		}
		if h.String() != text {
			t.Errorf("%s is written as %s", text, h)
		}
	}
}

func TestNewCost(t *testing.T) {
	if got := phc.NewCost(0, 0).String(); got != "$argon2id$v=19$m=19456,t=2,p=1" {
		t.Errorf("the cost of new hashes is %s", got)
	}
	if got := phc.NewCost(64, 3); got != (phc.Cost{Memory: 64, Passes: 3, Threads: 1}) || got.Work() != 192 {
		t.Errorf("NewCost(64, 3) = %+v, work %d", got, got.Work())
	}
	if c, err := phc.ParseCost(phc.NewCost(0, 0).String()); err != nil || c != phc.NewCost(0, 0) {
		t.Errorf("ParseCost = %+v, %v", c, err)
	}
}

const (
	salt = "AAAAAAAAAAAAAAAAAAAAAA"
	sum  = "AAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

// What is no hash, or too dear a one, is refused without computing anything, and the error does not hold it.
func TestRefused(t *testing.T) {
	costs := []string{
		"", "argon2id", "$argon2id", "$argon2id$v=19", "$argon2id$v=19$m=64,t=1,p=1 ", "$argon2id$v=19$m=64,t=1,p=1,keyid=AA", "$argon2id$v=19$t=1,m=64,p=1",
		"$argon2i$v=19$m=64,t=1,p=1", "$argon2d$v=19$m=64,t=1,p=1", "$scrypt$v=19$m=64,t=1,p=1", "$argon2id$m=64,t=1,p=1", "$argon2id$v=16$m=64,t=1,p=1",
		"$argon2id$v=19$m=1048577,t=1,p=1", "$argon2id$v=19$m=4294967295,t=1,p=1", "$argon2id$v=19$m=4294967360,t=1,p=1", "$argon2id$v=19$m=-1,t=1,p=1",
		"$argon2id$v=19$m=64,t=0,p=1", "$argon2id$v=19$m=64,t=65,p=1", "$argon2id$v=19$m=64,t=1000000,p=1",
		"$argon2id$v=19$m=64,t=1,p=0", "$argon2id$v=19$m=64,t=1,p=256", "$argon2id$v=19$m=064,t=1,p=1", "$argon2id$v=19$m=+64,t=1,p=1",
	}
	for _, text := range costs {
		if c, err := phc.ParseCost(text); !errors.Is(err, phc.ErrFormat) {
			t.Errorf("ParseCost(%q) = %+v, %v, want ErrFormat", text, c, err)
		}
	}
	hashes := []string{"", "plain", "$2b$10$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=64,t=1,p=1$" + salt, "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + sum + "$"}
	for _, text := range costs {
		hashes = append(hashes, text+"$"+salt+"$"+sum)
	}
	for _, rest := range []string{"!$" + sum, salt + "$!", salt + "$", salt + "$AAAA", salt + "=$" + sum, salt + "$" + strings.Repeat("AAAA", 400), strings.Repeat("AAAA", 400) + "$" + sum} {
		hashes = append(hashes, "$argon2id$v=19$m=64,t=1,p=1$"+rest)
	}
	for _, text := range hashes {
		_, err := phc.Parse(text)
		if !errors.Is(err, phc.ErrFormat) {
			t.Errorf("Parse(%q): %v, want ErrFormat", text, err)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error holds %q", text)
		}
	}
	if _, err := phc.Parse("$argon2id$v=19$m=1048576,t=64,p=255$" + salt + "$" + sum); err != nil {
		t.Errorf("at the bounds: %v", err)
	}
}

// A hash is written as it is read.
func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + sum)
	f.Fuzz(func(t *testing.T, text string) {
		h, err := phc.Parse(text)
		if err != nil {
			return
		}
		again, err := phc.Parse(h.String())
		if err != nil || !reflect.DeepEqual(again, h) || h.Cost.Work() > phc.MaxWork {
			t.Errorf("Parse(%q) = %+v, and what that writes is %+v, %v", text, h, again, err)
		}
	})
}

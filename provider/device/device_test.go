package device

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestUserCode: codes are of the letters that RFC 8628 section 6.1 advises, all of them, and none comes twice soon.
func TestUserCode(t *testing.T) {
	seen, used := map[string]bool{}, map[rune]bool{}
	for range 500 {
		code := NewUserCode()
		if !IsUserCode(code) || seen[code] || Show(code) != code[:4]+"-"+code[4:] {
			t.Errorf("user code %q", code)
		}
		seen[code] = true
		for _, letter := range code {
			used[letter] = true
		}
	}
	if len(used) != len(letters) || strings.ContainsAny(letters, "AEIOUY0123456789") {
		t.Errorf("%d letters are used of %s", len(used), letters)
	}
	for _, text := range []string{"", "BCDF", "BCDF-GHJK", "bcdfghjk", "BCDFGHJA", "BCDFGHJKL", "BCDFGHJ\x00"} {
		if IsUserCode(text) {
			t.Errorf("%q is taken for a user code", text)
		}
	}
}

// TestStored: what is stored is made with the first secret, and found with any.
func TestStored(t *testing.T) {
	older, newer := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	before, now := UserCodes{[][]byte{older}}, UserCodes{[][]byte{newer, older}}
	code := NewUserCode()
	all := now.All(code)
	if len(all) != 2 || all[1] != before.Stored(code) || all[0] != now.Stored(code) || all[0] == all[1] || strings.Contains(all[0], code) {
		t.Errorf("stored is %q, and before %q", all, before.Stored(code))
	}
}

// TestPaceIsBounded: devices that went away make room for others, and those that ask are held to their pace.
func TestPaceIsBounded(t *testing.T) {
	var p Pace
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range paces {
		p.InTime(fmt.Sprint("gone ", i), at)
	}
	at = at.Add(3 * slowest)
	for i := range 10 {
		if name := fmt.Sprint("here ", i); !p.InTime(name, at) || p.InTime(name, at) {
			t.Errorf("%s is not held to its pace", name)
		}
	}
	if len(p.polls) != 10 {
		t.Errorf("%d devices are remembered, want 10", len(p.polls))
	}
	p.Forget("here 1")
	if !p.InTime("here 1", at) {
		t.Error("a device that was forgotten has to wait")
	}
}

// TestPaceNeverStarves: whoever never listens still gets through once a minute.
func TestPaceNeverStarves(t *testing.T) {
	var p Pace
	at, through := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), 0
	for range 600 {
		if p.InTime("rude", at) {
			through++
		}
		at = at.Add(time.Second)
	}
	if through < 9 || through > 12 {
		t.Errorf("%d of 600 polls in ten minutes got through, want about 10", through)
	}
}

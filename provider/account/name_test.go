package account_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"vestibule/provider/account"
	"vestibule/provider/store"
)

// Names that look the same are the same, or are none.
func TestCanonicalNameLeavesNoTwins(t *testing.T) {
	for _, same := range [][]string{
		{"ana", "ANA", " ana\u3000", "\uff41\uff4e\uff41", "An\uff21"},
		{"jos\u00e9", "jose\u0301", "JOSE\u0301"},
		{"strasse", "STRASSE", "stra\u00dfe", "STRA\u1e9eE"},
		{"\u03bf\u03b4\u03bf\u03c3", "\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"},
		{"ivan", "\u0130van", "i\u0307van", "\u0131van", "i\u0307\u0307van"},
		{"ana@example.com", "Ana@EXAMPLE.com", "ana\uff20example.com", "ana@example\u3002com", "ana@ex\u00adample.com"},
		{"ana@xn--bcher-kva.example", "ana@b\u00fccher.example", "ana@BU\u0308CHER.example", "ana\uff20b\u00fccher.example", "ana@XN--bcher-kva.example"},
		{"\ud55c\uad6d", "\u1112\u1161\u11ab\u1100\u116e\u11a8"},
	} {
		for _, name := range same {
			if got, err := account.CanonicalName(name); err != nil || got != same[0] {
				t.Errorf("CanonicalName(%q) = %q, %v, want %q", name, got, err, same[0])
			}
		}
	}
	for _, name := range []string{
		"an\u200ba", "an\u200da", "an\u2060a", "an\u00ada", "an\u034fa", "ana\ufe0f", "an\u115fa", "an\u3164a", "\u2800ana", "\u202eana", "ana\u180e", "an\U000e0061a", "\u0915\u094d\u200d\u0937", "\u0628\u200c\u0628",
		"\u0430na", "an\u0430", "\u03b1na", "anа@example.com", "ana@ex\u0430mple.com", "pa\u0443pal", "\u13aana", "ana\u0661", "\u0661\u06f1", "1\u0661",
		"\ufb01n", "\u2177", "\U0001d41a", "\U0001f600", "an\u00a0a", "a na",
		"@", "ana@", "@example.com", "ana@b@example.com", "ana@example.com.", "ana@example..com", "ana@-example.com", "ana@exa_mple.com", "ana@[192.0.2.1]", "ana@xn--a",
		"\u05d0b", "1\u05d0", strings.Repeat("x", 255), strings.Repeat("x", 250) + "@example.com", strings.Repeat("\u00df", 128), strings.Repeat(" ", 3), "a\xffb", "\x00",
	} {
		if got, err := account.CanonicalName(name); err == nil {
			t.Errorf("CanonicalName(%+q) = %+q, want it refused", name, got)
		}
	}
	for _, name := range []string{
		"ana", "ana_", "-ana", "1ana", "ana+tag@example.com", "o'neil@example.com", "\u0438\u0432\u0430\u043d", "\u0438\u0432\u0430\u043d@example.com", "\u03bd\u03af\u03ba\u03bf\u03c3", "\u05d0\u05d1\u05d2", "\u05d0\u05d11",
		"\u7530\u4e2dtaro", "\u305f\u306a\u304b\u30bf\u30ed\u30a6\u7530", "\u91d1kim\uae40", "\u4e2d\u3107a", "zo\u00eb", "\u0e2d\u0e19\u0e07\u0e04\u0e4c", "\u0905\u0928\u0941", "\u0905\u0967",
	} {
		if got, err := account.CanonicalName(name); err != nil || got != name {
			t.Errorf("CanonicalName(%+q) = %+q, %v, want it taken as it is", name, got, err)
		}
	}
}

// The canonical spelling is its own, whatever it came from, and all cases of a letter have one.
func TestCanonicalNameIsStable(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		many := unicode.In(r, unicode.Han, unicode.Hangul, unicode.Tangut, unicode.Egyptian_Hieroglyphs, unicode.Cuneiform)
		if many && r%97 != 0 || !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Cf, unicode.Cc) {
			continue // alike, or no character
		}
		for _, name := range []string{string(r), string(r) + "\u0307", "x" + string(r) + "@example.com"} {
			got, err := account.CanonicalName(name)
			if err != nil {
				continue
			}
			if again, err := account.CanonicalName(got); err != nil || again != got {
				t.Fatalf("CanonicalName(%+q) = %+q, and of that %+q, %v", name, got, again, err)
			}
			for _, other := range []string{strings.ToUpper(name), strings.ToLower(name), strings.ToTitle(name)} {
				if twin, err := account.CanonicalName(other); err == nil && twin != got {
					t.Fatalf("CanonicalName(%+q) = %+q, and of %+q %+q", name, got, other, twin)
				}
			}
		}
	}
}

func TestNameTaken(t *testing.T) {
	if err := error(&account.NameTaken{Name: "ana"}); !errors.Is(err, store.ErrConflict) || !strings.Contains(err.Error(), "ana") {
		t.Errorf("%v is no ErrConflict that names the name", err)
	}
}

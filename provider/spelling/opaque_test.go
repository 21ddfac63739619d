package spelling_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"vestibule/provider/spelling"
)

func TestDecodeBase64(t *testing.T) {
	for _, one := range []struct {
		e    *base64.Encoding
		text string
	}{
		{base64.StdEncoding, "QUI="}, {base64.RawStdEncoding, "QUI"}, {base64.URLEncoding, "QUI="}, {base64.RawURLEncoding, "QUI"},
	} {
		if got, err := spelling.DecodeBase64(one.e, one.text); err != nil || string(got) != "AB" {
			t.Errorf("DecodeBase64(%q) = %q, %v", one.text, got, err)
		}
		for _, other := range []string{
			"\n" + one.text, one.text[:2] + "\r\n" + one.text[2:], one.text + "\n", strings.Replace(one.text, "I", "J", 1), one.text + "=",
		} {
			if got, err := spelling.DecodeBase64(one.e, other); err == nil {
				t.Errorf("%q is read as %q", other, got)
			}
		}
	}
}

func TestDecodeKey(t *testing.T) {
	key := strings.Repeat("\xfb\xff\x01", 10) + "AB"
	for _, text := range []string{
		hex.EncodeToString([]byte(key)), base64.StdEncoding.EncodeToString([]byte(key)), base64.RawStdEncoding.EncodeToString([]byte(key)),
		base64.URLEncoding.EncodeToString([]byte(key)), base64.RawURLEncoding.EncodeToString([]byte(key)),
	} {
		if got := spelling.DecodeKey(text); string(got) != key {
			t.Errorf("DecodeKey(%q) = %q", text, got)
		}
		if got := spelling.DecodeKey(text[:8] + "\n" + text[8:]); got != nil {
			t.Errorf("with a line break in it, %q is %q", text, got)
		}
	}
	if got := spelling.DecodeKey("not a key"); got != nil {
		t.Errorf("no key is %q", got)
	}
}

func TestDecodeOpaque(t *testing.T) {
	for text, want := range map[string]string{"": "", "AA": "\x00", "_-8": "\xff\xef", "QUJD": "ABC"} {
		if got, err := spelling.DecodeOpaque(text); err != nil || string(got) != want {
			t.Errorf("DecodeOpaque(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"AB", "AA==", "AA=", "A", "A\nA", "AA\n", "\r\nAA", "QU\rJD", "-A_B+", "QU JD"} {
		if got, err := spelling.DecodeOpaque(text); err == nil {
			t.Errorf("DecodeOpaque(%q) = %q, want an error", text, got)
		}
	}
	if spelling.IsOpaque("QUJD", 4) || !spelling.IsOpaque("QUJD", 3) {
		t.Error("IsOpaque does not look at the size")
	}
}

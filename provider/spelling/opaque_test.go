package spelling_test

import (
	"testing"

	"vestibule/provider/spelling"
)

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

package verify

import (
	"errors"
	"testing"

	"vestibule/mfa/totp"
)

func TestWordsOfCodes(t *testing.T) {
	for _, tt := range []struct {
		digits      []int
		code, count string
		like        string
	}{
		{nil, "6-digit code", "6", "123 456"},
		{[]int{6}, "6-digit code", "6", "123 456"},
		{[]int{8}, "8-digit code", "8", "1234 5678"},
		{[]int{6, 8}, "code", "6 or 8", "123 456"},
	} {
		args := FormatArgs(&totp.Format{Digits: tt.digits})
		if CodeWords(Unusual(tt.digits, 6)) != tt.code || DigitWords(tt.digits) != tt.count || args["n"] != tt.count || args["like"] != tt.like {
			t.Errorf("digits %v: %q, %q, %v", tt.digits, CodeWords(Unusual(tt.digits, 6)), DigitWords(tt.digits), args)
		}
	}
	if got := FormatArgs(errors.New("other"))["n"]; got != "6" {
		t.Errorf("without a word about digits it says %s", got)
	}
}

package totp

import (
	"strings"
	"testing"
)

func TestParseSecret(t *testing.T) {
	const good, eighty = "GEZDGNBVGY3TQOJQGEZDGNBVGY", "GEZDGNBVGY3TQOJQ"
	for _, tt := range []struct {
		text  string
		short bool
		want  Params
		fault string // a part of the error
	}{
		{good, false, usual, ""},
		{"  gezd gnbv gy3t qojq-gezd gnbv gy======\n", false, usual, ""},
		{eighty, true, usual, ""},
		{"otpauth://totp/Old%20IdP:ana?secret=" + good + "&issuer=Old", false, usual, ""},
		{"otpauth://totp/ana?algorithm=SHA256&digits=8&period=60&secret=" + strings.ToLower(good), false, Params{"SHA256", 8, 60}, ""},
		{"otpauth://totp/ana?algorithm=HmacSHA-512&secret=" + good, false, Params{"SHA512", 6, 30}, ""},
		{eighty, false, usual, "80 bits; RFC 4226 asks for 128"},
		{"GEZDGNBV", true, usual, "40 bits, too few"},
		{strings.Repeat(good, 9), false, usual, "no authenticator app takes"},
		{"", false, usual, "not base32"},
		{good[:25] + "1", false, usual, "not base32"},
		{good + "A", false, usual, "cut off"},
		{"https://example.com/?secret=" + good, false, usual, "neither base32 nor an otpauth"},
		{"otpauth://hotp/ana?secret=" + good, false, usual, "not of type totp"},
		{"otpauth://totp/ana", false, usual, "not base32"},
		{"otpauth://totp/ana?secret=" + good + "&algorithm=MD5", false, usual, "should be SHA1, SHA256 or SHA512"},
		{"otpauth://totp/ana?secret=" + good + "&digits=7", false, usual, "should be 6 or 8"},
		{"otpauth://totp/ana?secret=" + good + "&period=15", false, usual, "should be 30 or 60"},
		{"otpauth://totp/ana?secret=" + good + "&period=soon", false, usual, "period is not a number"},
		{"otpauth://totp/ana?secret=" + good + "&secret=" + good, false, usual, "twice"},
	} {
		p, err := ParseSecret(tt.text, tt.short)
		switch {
		case tt.fault == "" && (err != nil || p.Params != tt.want || !strings.HasPrefix(good, p.Secret)):
			t.Errorf("ParseSecret(%q) = %q of %v, %v, want kind %v", tt.text, p.Secret, p.Params, err, tt.want)
		case tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)):
			t.Errorf("ParseSecret(%q): %v, want %q", tt.text, err, tt.fault)
		case err != nil && strings.Contains(strings.ToUpper(err.Error()), "GEZD"):
			t.Errorf("ParseSecret(%q) repeats the secret: %v", tt.text, err)
		}
	}
}

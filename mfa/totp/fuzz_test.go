package totp

import "testing"

// FuzzParseSecret reads secrets of anybody's making: what is taken is read as the same from its own base32.
func FuzzParseSecret(f *testing.F) {
	for _, seed := range []string{"JBSW Y3DP EHPK 3PXP", "jbswy3dpehpk3pxpjbswy3dpehpk3pxp", "otpauth://totp/x:ana?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA256&digits=8&period=60", "otpauth://hotp/x?secret=A", "%:"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, short bool) {
		p, err := ParseSecret(text, short)
		if err != nil {
			return
		}
		again, err := ParseSecret(p.Secret, short)
		if err != nil || again.Secret != p.Secret {
			t.Errorf("read again it is another secret (%v)", err)
		}
	})
}

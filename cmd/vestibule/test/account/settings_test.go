package account

import (
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

func allowKinds(c *config.Config) {
	c.TOTPAlgorithms, c.TOTPDigits, c.TOTPPeriods = []string{"SHA1", "SHA512"}, []int{6, 8}, []int{30, 60}
	c.TOTPAuthenticators = 1
}

// Other settings than the usual are chosen on the page, where the operator allows them.
func TestChooseSettings(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, allowKinds)
		s.AddUser("ana")
		b := s.NewBrowser(t)
		p := b.Open("/account/authenticators/new").GiveName("ana", servertest.Password).At("setup", "initial").Says("My app needs other settings")
		first := p.Phone()
		p = p.Press("Make a new key", "algorithm", "SHA512", "digits", "8", "period", "60").At("setup", "new").Says("8 digits, 60 seconds, SHA-512")
		a := p.Phone()
		if a == first {
			t.Error("the key is still the old one")
		}
		code := func(steps time.Duration) string {
			code, err := totp.GenerateCodeCustom(a.Secret, s.Clock.Now().Add(steps*time.Minute), totp.ValidateOpts{Period: 60, Digits: otp.DigitsEight, Algorithm: otp.AlgorithmSHA512})
			if err != nil {
				t.Fatal(err)
			}
			return code
		}
		p = p.Press("Continue", "code", code(60)).At("setup", "fast").Says("clock is about 60 minutes fast")
		p.Press("Continue", "code", code(0)).At("codes", "initial").Press("Turn on two-step verification", "saved", "on").At("security", "on")
		s.Clock.Advance(time.Minute)
		b.Open("/account/authenticators/new").At("setup", "maximum").Says("You can have 1 authenticator. Remove it first.")
		s.NewBrowser(t).Open("/account/security").GiveName("ana", servertest.Password).At("totp", "initial").GiveCode(code(0)).At("security", "on")
	})
}

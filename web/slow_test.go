package web

import (
	"testing"
	"time"
)

// TestSlowAfterRecovery: whoever has lost the phone and gives a recovery code, perhaps the last one, may take the time that
// the pages promise before the new authenticator is set up, or set up once more.
func TestSlowAfterRecovery(t *testing.T) {
	for name, spent := range map[string]int{"one of ten codes": 0, "the last code": 9} {
		s := newSite(t)
		a := s.enrolled("s-ana")
		for _, code := range a.codes[:spent] {
			if err := s.mfa.Recover(t.Context(), "s-ana", code, s.clock.now(), nil); err != nil {
				t.Fatal(err)
			}
		}
		t.Log(name)
		p := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[9]).at("recovery-used", "initial")
		s.clock.forward(11 * time.Minute)
		p = p.press("Set up a new authenticator").at("setup", "initial")
		s.clock.forward(10 * time.Minute)
		p.press("Cancel").at("recovery-used", "initial").press("Set up a new authenticator").at("setup", "initial")
	}
}

// TestSlowNewCodes: so may whoever makes new recovery codes because the policy wants it.
func TestSlowNewCodes(t *testing.T) {
	s := newSite(t)
	s.configure(func(c *Config) { c.Policy.NewCodes = true })
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	s.clock.forward(11 * time.Minute)
	p.press("Make new recovery codes").at("codes", "initial")
}

package browser

import (
	"time"

	"vestibule/provider/interaction"
	"vestibule/web/ui"
)

// Browsers is all that the pages know browsers by.
type Browsers struct {
	Cookies    *Cookies
	Sessions   *Sessions
	Devices    *Devices
	Remembered *Remembered
	Answers    *Answers
}

// Config is what Browsers are made of.
type Config struct {
	Pages      *ui.Pages
	BindingKey []byte // makes the values that bind a sign-in to its browser, the same in all processes; none: this one makes its own
	Flows      *interaction.Flows
	Sessions   SessionStore
	Idle       time.Duration // how long a session lives without being used; 0: 1 h
	Lifetime   time.Duration // of a session, from the password on; 0: 12 h
	DeviceKeys [][]byte      // newest first: make cookies that know a browser again; none: no browser is known
	Remembered RememberedStore
	Remember   time.Duration // how long a browser may be remembered that need not give a code; 0: never
}

// New returns Browsers.
func New(c Config) Browsers {
	if c.Idle == 0 {
		c.Idle = time.Hour
	}
	if c.Lifetime == 0 {
		c.Lifetime = 12 * time.Hour
	}
	b := Browsers{Cookies: NewCookies(c.Pages.Secure(), c.Pages.Prefix, c.BindingKey)}
	b.Sessions = &Sessions{Store: c.Sessions, Cookies: b.Cookies, Idle: c.Idle, Lifetime: c.Lifetime, Now: c.Pages.Now}
	b.Devices = &Devices{Cookies: b.Cookies, Keys: c.DeviceKeys, Now: c.Pages.Now}
	b.Remembered = &Remembered{Store: c.Remembered, Cookies: b.Cookies, For: c.Remember, Now: c.Pages.Now}
	b.Answers = &Answers{Pages: c.Pages, Flows: c.Flows, Sessions: b.Sessions, Devices: b.Devices, Remembered: b.Remembered}
	return b
}

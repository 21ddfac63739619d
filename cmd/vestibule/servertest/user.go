package servertest

import (
	"fmt"
	"testing"
	"time"
)

// User is a new user of the site.
type User struct {
	T       *testing.T
	Site    *Site
	Client  *Client
	Name    string
	Subject string
	Phone   Phone
	Codes   []string
}

// NewUser adds a user with a name of its own, who signs in at the client.
func (s *Site) NewUser(t *testing.T, c *Client) *User {
	t.Helper()
	name := fmt.Sprint("user", s.guess.Add(1))
	return &User{T: t, Site: s, Client: c, Name: name, Subject: s.AddUser(name).Subject}
}

// Browser is a new one.
func (u *User) Browser() *Browser { return u.Site.NewBrowser(u.T) }

// Login is the page of the password at an address, filled in.
func (u *User) Login(address string) Form {
	u.T.Helper()
	return u.Browser().Open(address).At("login", "initial").Form("Sign in", "username", u.Name, "password", Password)
}

// Enrol gives the user an authenticator and recovery codes.
func (u *User) Enrol() {
	u.T.Helper()
	u.Phone, u.Codes = u.Browser().Enrol(u.Name)
	u.Site.Clock.Advance(Step)
}

// ToCode enrols the user, and signs in at the client as far as the page of the code.
func (u *User) ToCode() *Page {
	u.T.Helper()
	u.Enrol()
	return u.Client.Begin().SignIn(u.Browser(), u.Name).At("totp", "initial")
}

// SignedIn is a browser in which the user has just signed in with a code.
func (u *User) SignedIn(fields ...string) *Browser {
	u.T.Helper()
	u.Enrol()
	b := u.Browser()
	b.Open("/login").GiveName(u.Name, Password).Press("Continue", append([]string{"code", u.Phone.Code(0)}, fields...)...).At("security", "on")
	u.Site.Clock.Advance(Step)
	return b
}

// PlanReset plans a reset of the user's second factor, and returns the link that cancels it.
func (u *User) PlanReset() string {
	u.T.Helper()
	return u.Site.First().CancelLink(u.Site.PlanReset(u.T, u.Site.Account(u.T, u.Name), 24*time.Hour))
}

// AuthenticatorPath is the page of the user's first authenticator that does the action, such as /rename.
func (u *User) AuthenticatorPath(action string) string {
	u.T.Helper()
	return "/account/authenticators/" + u.Site.Authenticators(u.T, u.Subject)[0] + action
}

// Enrolled is a client whose only user has an authenticator and recovery codes.
type Enrolled struct {
	*Client
	User  string
	Phone Phone
	Codes []string
}

// NewEnrolled is the client shop whose user ana is enrolled, at a site of that many servers.
func NewEnrolled(t *testing.T, s *Site, servers int) *Enrolled {
	t.Helper()
	s.Start(servers)
	return NewEnrolledAs(t, s, "shop", "ana")
}

// NewEnrolledAs adds such a client and such a user to the site.
func NewEnrolledAs(t *testing.T, s *Site, id, user string) *Enrolled {
	t.Helper()
	s.AddUser(user)
	c := &Enrolled{Client: s.NewClient(t, id), User: user}
	c.Phone, c.Codes = s.NewBrowser(t).Enrol(user)
	return c
}

// EveryAttribute fills the claims of OIDC Core section 5.1 that an account has no field for.
func EveryAttribute() map[string]string {
	return map[string]string{
		"given_name": "Ana", "family_name": "Lima", "middle_name": "Sofia", "nickname": "Nana", "gender": "female",
		"profile": "https://example.com/ana", "picture": "https://example.com/ana.png", "website": "https://ana.example",
		"birthdate": "1990-02-28", "zoneinfo": "Europe/Lisbon", "locale": "pt-PT",
		"phone_number": "+351 21 000 0000", "phone_number_verified": "true",
		"address.street_address": "Rua A 1", "address.locality": "Lisboa", "address.country": "Portugal",
	}
}

package signin

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// lose sends the form, whose answer never comes, and takes the clock to when the user sends it again.
func lose(t *testing.T, form servertest.Form, later time.Duration) servertest.Form {
	t.Helper()
	if err := form.Twin().TrySend(form.Address, form.Values); err != nil {
		t.Fatal(err)
	}
	form.Site.Clock.Advance(later)
	return form
}

// TestLostAnswer: whoever gives the right password once more, because the answer to the first was lost, goes on, also when that
// answer is not kept any more. A code cannot be given twice: then the page says that all begins anew.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		const soon = 11 * time.Second
		again := func(t *testing.T, p *servertest.Page, later time.Duration, fields ...string) *servertest.Page {
			t.Helper()
			form := p.At("login", "initial").Form("Sign in", append(fields, "password", servertest.Password)...)
			return lose(t, form, later).Send()
		}
		ana, c := s.AddUser("ana").Username, s.NewClient(t, "shop")
		ben := servertest.NewEnrolledAs(t, s, "wiki", "ben")
		b := s.NewBrowser(t)
		for _, tt := range []struct {
			name string
			do   func(t *testing.T)
		}{
			{"consent is owed", func(t *testing.T) {
				v := c.Begin()
				p := again(t, b.Open(v.Address), soon, "username", ana)
				v.Finish(p.At("consent", "initial").Press("Allow", "remember", "yes"))
			}},
			{"in that session, whose cookie is replaced", func(t *testing.T) {
				two := s.Servers()
				defer s.Use(two...)
				for _, first := range two { // each of them, or only the other, knows that the sign-in has gone on
					v := c.Begin("prompt", "login consent")
					s.Use(two[0])
					form := b.Open(v.Address).At("login", "initial").Form("Sign in", "password", servertest.Password)
					s.Use(first)
					lose(t, form, soon)
					s.Use(two[0])
					v.Finish(form.Send().At("consent", "initial").Allow())
				}
			}},
			{"nothing is owed", func(t *testing.T) {
				v := c.Begin()
				v.Finish(again(t, s.NewBrowser(t).Open(v.Address), soon, "username", ana))
			}},
			{"nothing but a new password", func(t *testing.T) {
				v := c.Begin("prompt", "login")
				v.Finish(again(t, s.NewBrowser(t).Open(v.Address), soon, "username", ana))
			}},
			{"for the account", func(t *testing.T) {
				again(t, s.NewBrowser(t).Open("/account"), soon, "username", ana).At("security", "off")
			}},
			{"a code is owed, and its time is over", func(t *testing.T) {
				v := ben.Begin()
				p := again(t, s.NewBrowser(t).Open(v.Address), 11*time.Minute, "username", "ben").At("totp", "initial")
				v.Finish(p.GiveCode(ben.Phone.Code(0)).Allow())
			}},
			{"a code was given", func(t *testing.T) {
				s.Clock.Advance(servertest.Step)
				v := ben.Begin()
				p := v.SignIn(s.NewBrowser(t), "ben").At("totp", "initial")
				p = lose(t, p.Form("Continue", "code", ben.Phone.Code(0)), soon).Send()
				p = p.At("login", "again").Says("Sign in again to continue").GiveName("ben", servertest.Password).At("totp", "initial")
				s.Clock.Advance(servertest.Step)
				v.Finish(p.GiveCode(ben.Phone.Code(0)))
			}},
		} {
			t.Run(tt.name, tt.do)
		}
	})
}

package pages

import (
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// TestFormPostInBrowser comes back to clients that are answered in a form, by the script of the page, and to one whose
// callback redirects on to another origin: no policy of ours may stop the browser there.
func TestFormPostInBrowser(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	hopper := s.NewShop(t, "hopper", true)
	v := sh.Begin("response_mode", "form_post")
	b.SignInAs(v.Address, "ana").At("consent", "initial").Toggle(`button[value="allow"]`)
	b.Arrives("shop", "arrived")
	sh.Arrived(v).Authenticated(t, "aal1", s.Clock.Now(), "pwd")

	v = sh.Begin("response_mode", "form_post", "prompt", "none")
	b.Open(v.Address).Arrives("shop", "arrived")
	sh.Arrived(v)

	v = sh.Begin("response_mode", "form_post", "prompt", "shout")
	b.Open(v.Address).Arrives("shop", "arrived")
	v.Refused(&servertest.Page{Left: <-sh.Arrivals}, "invalid_request")

	v = hopper.Begin("response_mode", "form_post")
	b.Open(v.Address).At("consent", "initial").Toggle(`button[value="allow"]`)
	b.Arrives("shop", "arrived")
	hopper.Arrived(v)
}

// TestFormPostWithoutScripts presses the button.
func TestFormPostWithoutScripts(t *testing.T) {
	t.Parallel()
	_, sh, b := servertest.NewStage(t)
	b.WithoutScripts()
	v := sh.Begin("response_mode", "form_post")
	b.SignInAs(v.Address, "ana").At("consent", "initial").Press("Allow").At("form-post", "initial").
		Press("Continue").At("shop", "arrived")
	sh.Arrived(v)
}

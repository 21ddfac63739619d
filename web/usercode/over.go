package usercode

import (
	"net/http"

	"vestibule/web/ui"
)

// Done says that the device goes on.
func Done(pages Pages) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		return pages.Render(w, r, http.StatusOK, "device-done", &ui.Plain{Frame: ui.Frame{Page: "device-done", Title: ui.Say("device.done.title")}})
	}
}

// overPage says that the device is not signed in, and why.
type overPage struct {
	ui.Frame
	Why  ui.Message
	Next string
}

// Over says that the device is not signed in. title and why are texts, of which the last word of why is the state of the page;
// next is the address where a code is entered, as it stands in a page.
func Over(w http.ResponseWriter, r *http.Request, pages Pages, title, why, next string) error {
	said := ui.Say(why)
	return pages.Render(w, r, http.StatusOK, "device-again", &overPage{
		Frame: ui.Frame{Page: "device-again", State: said.State(), Title: ui.Say(title)}, Why: said, Next: next,
	})
}

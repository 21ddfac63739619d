package usercode

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"vestibule/mfa"
	"vestibule/web/ui"
)

// Page is the page (RFC 8628 section 3.3).
type Page struct {
	Pages   Pages
	Guesses Guesses // with its defaults
	Path    string  // of the page, below the prefix of all pages
	// Ticket is the parameter in the address of the page by which whoever sent the browser knows it again; empty: there is none.
	Ticket   string
	IsTicket func(text string) bool // reports whether a text may be one; nil where there is none
	// Take compares a code. It returns what the browser is answered with, or ErrWrong; any other error is what the post is
	// answered with, and counted as Guesses.Try says.
	Take func(ctx context.Context, ticket, code string) (next ui.Handler, err error)
}

// Pages are what users see.
type Pages interface {
	Users
	// Redirect leads to another address by GET.
	Redirect(w http.ResponseWriter, r *http.Request, to string) error
	// Render writes the page with the template of that name.
	Render(w http.ResponseWriter, r *http.Request, status int, name string, page ui.Page) error
}

// ErrWrong reports a user code that no device shows, or none any more.
var ErrWrong = errors.New("wrong user code")

// askPage asks for the code.
type askPage struct {
	ui.Frame
	Path   string // below the Prefix
	Ticket string
	Code   string // as it was typed, or as the address of a device's has it
}

// lockedPage takes no code for a while.
type lockedPage struct {
	ui.Frame
	Until ui.Message
	Again string // address of the page that will ask again, below the Prefix
}

// Show asks for the code. One in the address is not taken before the user has seen it (RFC 8628 section 5.4): somebody else
// may have sent the address.
func (p *Page) Show(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	ticket, code := q.Get(p.Ticket), ui.Cut(q.Get("user_code"), maxCode)
	if !p.isTicket(ticket) {
		return ui.ErrUnknown
	}
	until, err := p.Guesses.lockedUntil(r, p.Pages)
	switch {
	case err != nil:
		return err
	case !until.IsZero():
		return p.Pages.Render(w, r, http.StatusTooManyRequests, "device-locked", &lockedPage{
			Frame: ui.Frame{Page: "device", State: "locked", Title: ui.Say("device.title.locked")},
			Until: ui.Message{ID: "wait.until", Args: ui.Wait(w, until, p.Guesses.Now())}, Again: p.address(ticket, code, ""),
		})
	}
	ask := &askPage{Frame: ui.Frame{Page: "device", Title: ui.Say("device.title")}, Path: p.Path, Ticket: ticket, Code: code}
	ask.say(q.Get("fault"))
	return p.Pages.Render(w, r, http.StatusOK, "device", ask)
}

func (p *Page) isTicket(text string) bool { return p.Ticket == "" || p.IsTicket(text) }

// say puts on the page what the last form has left to say, or that a code from the address wants to be compared.
func (a *askPage) say(fault string) {
	a.Say(ui.Feedback{})
	switch {
	case fault == "required":
		a.SetErrors(ui.Message{ID: "device.code.required", Field: "code"})
	case fault == "wrong":
		a.SetErrors(ui.Message{ID: "device.code.wrong", Field: "code"})
	case a.Code != "":
		a.Say(ui.Note("device.check", nil))
	}
}

const maxCode = 64 // bytes of a code that anybody can type

// plain is a code in capitals, without what devices and people put between its parts (RFC 8628 section 6.1).
func plain(typed string) string {
	return ui.Cut(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, typed), maxCode)
}

// address is that of the page, which says what was wrong with the code; empty: nothing was.
func (p *Page) address(ticket, code, fault string) string {
	q := url.Values{}
	for name, value := range map[string]string{p.Ticket: ticket, "user_code": code, "fault": fault} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return p.Path + "?" + q.Encode()
}

// Post is the code.
func (p *Page) Post(w http.ResponseWriter, r *http.Request) error {
	ticket, code := ui.Field(r, "challenge"), plain(ui.Field(r, "code"))
	switch {
	case !p.isTicket(ticket):
		return ui.ErrUnknown
	case code == "":
		return p.Pages.Redirect(w, r, p.address(ticket, code, "required"))
	}
	var next ui.Handler
	err := p.Guesses.Try(r, p.Pages, func(ctx context.Context) (err error) {
		next, err = p.Take(ctx, ticket, code)
		return err
	})
	var locked *mfa.Locked
	switch {
	case errors.Is(err, ErrWrong):
		return p.Pages.Redirect(w, r, p.address(ticket, code, "wrong"))
	case errors.As(err, &locked): // which the page finds by itself
		return p.Pages.Redirect(w, r, p.address(ticket, code, ""))
	case err != nil:
		return err
	}
	return next(w, r)
}

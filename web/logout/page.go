package logout

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/logout"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

type askPage struct {
	ui.Frame
	Client     string            // that asks; empty: none does
	Other      bool              // it asks about another user
	Remembered bool              // this browser is not asked for a code, and stays so unless the user says otherwise
	Address    string            // of the form
	Form       map[string]string // what it sends along
}

func (s *Server) newAskPage(address string, form map[string]string) *askPage {
	return &askPage{Frame: ui.Frame{Page: "logout", Title: ui.Say("logout.title", "product", s.Name)}, Address: address, Form: form}
}

// AskSignOut asks whether to sign out, with a form that goes to the address with the challenge. The browser may have no
// session here: whoever sent it has one.
func (s *Server) AskSignOut(w http.ResponseWriter, r *http.Request, address, challenge string) error {
	return s.Render(w, r, http.StatusOK, "logout", s.newAskPage(address, map[string]string{"challenge": challenge}))
}

// ask asks whether to sign out of the session, as the request says.
func (s *Server) ask(w http.ResponseWriter, r *http.Request, session *interaction.Session, request *logout.Request) error {
	subject := session.Login.Subject
	user, err := s.Accounts.Account(r.Context(), subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	device, err := s.Remembered.Find(r.Context(), s.Remembered.Token(r), subject, session.Login.Epoch)
	if err != nil {
		return err
	}
	p := s.newAskPage("/logout", request.Form())
	p.Who, p.Remembered, p.Client, p.Other = user.Label(), device != nil, request.ClientName, request.IsOfAnother(subject)
	switch {
	case p.Other:
		p.State = "other"
	case p.Client != "":
		p.State = "app"
	}
	return s.Render(w, r, http.StatusOK, "logout", p)
}

type donePage struct {
	ui.Frame
	Client string // whose app the user comes from; empty: nobody knows
	Link   string // to the app; empty: it has none

	Frames []string          // that tell apps of the sign-out
	Back   template.URL      // where the user goes once they have loaded; empty: nowhere
	Later  template.HTMLAttr // has a browser without scripts go there
}

// framesTime is how long frames may load in a browser without scripts, which does not know when they have.
const framesTime = 5

// goOn leads to an address that is registered, of any scheme.
func (p *donePage) goOn(to, client string) {
	p.Back, p.Client = template.URL(to), client
	p.Later = template.HTMLAttr(fmt.Sprintf(`content="%d; url=%s"`, framesTime, template.HTMLEscapeString(to)))
}

// loggedOutPage says that it is done. It needs no session, and tells who asks with the id of any app what that app has told
// the world: its name, and where its users go.
func (s *Server) loggedOutPage(w http.ResponseWriter, r *http.Request) error {
	if sealed := ui.Field(r, "leaving"); sealed != "" && s.FrontChannel != nil {
		l, err := s.FrontChannel.OpenLeaving(sealed)
		switch {
		case err == nil:
			return s.leavingPage(w, r, l)
		case !errors.Is(err, store.ErrNotFound): // else all is told by now
			return err
		}
	}
	ui.Prefer(r, ui.Field(r, "ui_locales"))
	p, err := s.newDonePage(r.Context(), ui.Field(r, "client_id"))
	if err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, "logged-out", p)
}

// newDonePage leads back to the app of that id; empty: to none.
func (s *Server) newDonePage(ctx context.Context, id string) (*donePage, error) {
	p := &donePage{Frame: ui.Frame{Page: "logged-out", Title: ui.Say("logged_out.title")}}
	if id == "" {
		return p, nil
	}
	client, _, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if p.Link = webAddress(client.PostLogoutRedirectURIs); p.Link != "" {
		p.Client, p.State = client.Label(), "app"
	}
	return p, nil
}

// find returns the client of that id, and whether there is one.
func (s *Server) find(ctx context.Context, id string) (client.Client, bool, error) {
	c, err := s.Clients.Client(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return c, false, nil
	}
	return c, err == nil, err
}

// webAddress is the first of the addresses that a page may link to.
func webAddress(all []string) string {
	for _, one := range all {
		if strings.HasPrefix(one, "https:") || strings.HasPrefix(one, "http:") {
			return one
		}
	}
	return ""
}

// loggedOutPath is the address of loggedOutPage after such a request.
func loggedOutPath(request *logout.Request) string {
	query := url.Values{}
	if request.Client != "" {
		query.Set("client_id", request.Client)
	}
	if request.Locales != "" {
		query.Set("ui_locales", request.Locales)
	}
	if len(query) == 0 {
		return "/logged-out"
	}
	return "/logged-out?" + query.Encode()
}

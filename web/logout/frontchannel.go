package logout

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/logout"
	"vestibule/web/ui"
)

// FrontChannel is how clients hear of the end of a session from its browser (OpenID Connect Front-Channel Logout 1.0).
type FrontChannel interface {
	// FrontChannelClients returns the ids of the clients of the session with that sid, live or not, that want to hear of it.
	FrontChannelClients(ctx context.Context, sid string) ([]string, error)
	// SealLeaving returns l for an address of ours; OpenLeaving reads it for some minutes, then it is store.ErrNotFound.
	SealLeaving(l logout.Leaving) (string, error)
	OpenLeaving(text string) (logout.Leaving, error)
	// SessionFor returns the sid by which the client knows the session with that sid.
	SessionFor(c client.Client, sid string) string
}

// maxFrames is how many clients a browser tells. Each is a page that it loads.
const maxFrames = 30

// listeners are the clients that hear of the end of the session in frames.
func (s *Server) listeners(ctx context.Context, session *interaction.Session) (logout.Leaving, error) {
	if s.FrontChannel == nil || session == nil {
		return logout.Leaving{}, nil
	}
	sid := session.Login.Session
	ids, err := s.FrontChannel.FrontChannelClients(ctx, sid)
	return logout.Leaving{Session: sid, Clients: ids[:min(len(ids), maxFrames)]}, err
}

// leavingPath is the address of the page with the frames. Clients that it has no room for are not told.
func (s *Server) leavingPath(l logout.Leaving) (string, error) {
	for {
		sealed, err := s.FrontChannel.SealLeaving(l)
		if err != nil || len(sealed) <= interaction.MaxFlow || len(l.Clients) == 0 {
			return "/logged-out?leaving=" + url.QueryEscape(sealed), err
		}
		l.Clients = l.Clients[:len(l.Clients)/2]
	}
}

// frames are the addresses that the page loads, and their origins.
func (s *Server) frames(ctx context.Context, l logout.Leaving) (frames, origins []string, err error) {
	for _, id := range l.Clients {
		c, found, err := s.find(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if frame := logout.Frame(c, s.Issuer, s.FrontChannel.SessionFor(c, l.Session)); found && frame != "" {
			frames, origins = append(frames, frame), append(origins, logout.FrameOrigin(frame))
		}
	}
	slices.Sort(origins)
	return frames, slices.Compact(origins), nil
}

// leavingPage says that it is done while the clients are told, and goes on where the app wants its user back.
func (s *Server) leavingPage(w http.ResponseWriter, r *http.Request, l logout.Leaving) error {
	ui.Prefer(r, l.Request.Locales)
	p, err := s.newDonePage(r.Context(), l.Request.Client)
	if err != nil {
		return err
	}
	frames, origins, err := s.frames(r.Context(), l)
	if err != nil {
		return err
	}
	p.Frames = frames
	if to := l.Request.Destination(); to != "" {
		p.State = "apps"
		p.goOn(to, l.Request.ClientName)
	}
	s.AllowFrames(w.Header(), origins)
	return s.Render(w, r, http.StatusOK, "logged-out", p)
}

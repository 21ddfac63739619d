package account

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/web/ui"
)

// challengeTime is how long a challenge on a page of the account may be answered.
const challengeTime = 10 * time.Minute

// challenge returns what a page of the account shows of a challenge, and what its form brings back: there is no sign-in to
// keep it in. It is sealed, and good for this session until its id changes, which whatever an answer allows does in its
// own commit: so it is answered once.
func (s *Server) challenge(ctx context.Context, m *signedIn, kind string, all []mfa.KindParams) (view any, value string, err error) {
	view, ok, err := s.MFA.ChallengeOpen(kind, all)
	if ok || err != nil {
		return view, "", err
	}
	stamp := strconv.FormatInt(s.Now().Unix(), 10)
	state, view, err := s.MFA.Challenge(ctx, m.account.Subject, m.challengeOwner(stamp), kind)
	if state == nil || err != nil {
		return view, "", err
	}
	return view, stamp + "." + base64.RawURLEncoding.EncodeToString(state), nil
}

// challengeOwner is whose a challenge of that time is.
func (m *signedIn) challengeOwner(stamp string) string {
	return "account:" + hex.EncodeToString(m.session.ID) + ":" + stamp
}

// challengeState reads what challenge has made. One that is too old, or none of ours, is no challenge.
func (s *Server) challengeState(r *http.Request, m *signedIn) (owner string, state []byte) {
	stamp, text, _ := strings.Cut(ui.Field(r, "challenge"), ".")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || s.Now().Sub(time.Unix(seconds, 0)) >= challengeTime {
		return "", nil
	}
	if state, err = base64.RawURLEncoding.DecodeString(text); err != nil {
		return "", nil
	}
	return m.challengeOwner(stamp), state
}

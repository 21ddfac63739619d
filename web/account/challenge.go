package account

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/http"

	"vestibule/mfa"
	"vestibule/provider/spelling"
	"vestibule/web/ui"
)

// challenge returns what a page of the account shows of a challenge, and what its form brings back: there is no sign-in to
// keep it in. It is sealed, and good for this session until its id changes, which whatever an answer allows does in its
// own commit: so it is answered once.
func (s *Server) challenge(ctx context.Context, m *signedIn, kind string, all []mfa.KindParams) (view any, value string, err error) {
	view, ok, err := s.MFA.ChallengeOpen(kind, all)
	if ok || err != nil {
		return view, "", err
	}
	state, view, err := s.MFA.Challenge(ctx, m.account.Subject, m.challengeOwner(), kind)
	if state == nil || err != nil {
		return view, "", err
	}
	return view, base64.RawURLEncoding.EncodeToString(state), nil
}

// challengeOwner is whose challenges are those of the session.
func (m *signedIn) challengeOwner() string { return "account:" + hex.EncodeToString(m.session.ID) }

// challengeState reads what challenge has made; nil: it is none of ours.
func challengeState(r *http.Request) []byte {
	state, err := spelling.DecodeOpaque(ui.Field(r, "challenge"))
	if err != nil || len(state) == 0 {
		return nil
	}
	return state
}

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// token is the token endpoint (RFC 6749 section 3.2).
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	body, err := p.grantTokens(w, r)
	if err != nil {
		p.answerError(r.Context(), w, r, err)
		return
	}
	writeBody(w, http.StatusOK, body)
}

// grantTokens returns the answer. Everything is written in one commit after the answer is complete.
func (p *Provider) grantTokens(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	ctx, u, err := p.tokenRequest(w, r)
	if err != nil {
		return nil, err
	}
	request, err := p.fosite.NewAccessRequest(ctx, r, new(grant))
	if u.refusal != nil {
		return nil, p.refuseKey(ctx, u)
	}
	repeats := errors.Is(err, errReplay)
	if err != nil && !repeats {
		return nil, err
	}
	rp := request.GetClient().(relyingParty)
	u.client = &rp.Client
	if err := u.proof.By(u.client.ProofAlgorithms()); err != nil {
		return nil, proofFault(err)
	}
	if request.GetGrantTypes().ExactOne(client.GrantClient) {
		return p.grantToClient(ctx, request.(*fosite.AccessRequest), u)
	}
	if u.code != nil && (u.code.Used || u.code.Revoked) {
		return nil, p.refuseSpent(ctx, u, u.code)
	}
	if err := p.checkWish(ctx, request, u, r.PostForm); err != nil { // before anything is spent
		return nil, err
	}
	if repeats {
		return p.giveAgain(ctx, u, request, u.refresh)
	}
	if err := p.checkPolicy(ctx, request.GetClient(), u); err != nil {
		return nil, err
	}
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(answerOf(response, u, u.target.scopes(request.GetGrantedScopes())))
	if err != nil {
		return nil, err
	}
	return p.flush(ctx, u, request, body)
}

// tokenRequest begins the unit of work of a request, with what comes along: a proof of a key, or a certificate.
func (p *Provider) tokenRequest(w http.ResponseWriter, r *http.Request) (context.Context, *unit, error) {
	if err := parseTokenRequest(w, r); err != nil {
		return nil, nil, err
	}
	proof, err := p.proof(w, r, "/token")
	if err != nil {
		return nil, nil, proofFault(err)
	}
	chain, err := p.shown(r)
	if err != nil {
		return nil, nil, err
	}
	presented := r.PostForm.Get("code") + r.PostForm.Get("refresh_token") + r.PostForm.Get("device_code")
	ctx, u := withUnit(r.Context(), presented)
	u.address, u.proof, u.certificate = spelling.HostOf(r.RemoteAddr), proof, thumbprint(chain)
	return ctx, u, nil
}

// checkWish decides which scopes the access token has and what it is for, and refuses what may not be asked for, or not for the
// account any more.
func (p *Provider) checkWish(ctx context.Context, request fosite.AccessRequester, u *unit, form url.Values) error {
	if err := u.narrow(request, form); err != nil {
		return err
	}
	if err := p.aim(ctx, request, u, form); err != nil {
		return err
	}
	u.wish = u.target.wish(request.GetGrantedScopes())
	return p.checkAccount(ctx, request.GetClient().(relyingParty).Client, u)
}

// parseTokenRequest refuses what RFC 6749 forbids and fosite lets pass.
func parseTokenRequest(w http.ResponseWriter, r *http.Request) error {
	if err := parseForm(w, r); err != nil {
		return err
	}
	switch grantType := r.PostForm.Get("grant_type"); grantType {
	case "":
		return fosite.ErrInvalidRequest.WithHint("grant_type is missing.")
	case client.GrantCode:
		if r.PostForm.Get("code") == "" || r.PostForm.Has("refresh_token") || r.PostForm.Has("device_code") {
			return fosite.ErrInvalidRequest.WithHint("Send code, and no refresh_token or device_code.")
		}
	case client.GrantRefresh:
		if r.PostForm.Get("refresh_token") == "" || r.PostForm.Has("code") || r.PostForm.Has("device_code") {
			return fosite.ErrInvalidRequest.WithHint("Send refresh_token, and no code or device_code.")
		}
	case client.GrantDevice:
		if r.PostForm.Get("device_code") == "" || r.PostForm.Has("code") || r.PostForm.Has("refresh_token") {
			return fosite.ErrInvalidRequest.WithHint("Send device_code, and no code and no refresh_token.")
		}
	case client.GrantClient:
		if r.PostForm.Has("code") || r.PostForm.Has("refresh_token") {
			return fosite.ErrInvalidRequest.WithHint("With client_credentials send neither code nor refresh_token.")
		}
	default:
		return fosite.ErrUnsupportedGrantType
	}
	return nil
}

// checkAccount refuses to give tokens for a login that no longer counts. Where the accounts are our own, Finish has asked a
// moment ago, or the answer is that of a moment ago, if nothing is refreshed: then the account is read only if the ID token
// says something of it.
func (p *Provider) checkAccount(ctx context.Context, c client.Client, u *unit) (err error) {
	refreshes := u.refresh != nil && !u.refresh.Used
	if p.ownAccounts && !refreshes && !u.grant.tellsOfUser(c) {
		return nil
	}
	var ok bool
	if u.user, ok, err = p.counts(ctx, &u.grant.Login, u.user); ok || err != nil {
		return err
	}
	return p.endFamily(ctx, u)
}

// endFamily ends what rests on a login that no longer counts, and says so to the client.
func (p *Provider) endFamily(ctx context.Context, u *unit) error {
	if err := p.store.RevokeFamily(ctx, u.family()); err != nil {
		return err
	}
	return fosite.ErrInvalidGrant.WithHint("The account cannot be used, or all that it had open has ended. Have the user sign in again.")
}

// counts returns the account, which is read unless it is known, and whether what the login has proved still counts. Where the
// accounts are our own, whatever disables one or raises its epoch has ended its tokens; of any other the epoch says so.
func (p *Provider) counts(ctx context.Context, login *assurance.Login, known *account.Account) (*account.Account, bool, error) {
	if known == nil {
		user, err := p.accounts.Account(ctx, login.Subject)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		}
		known = &user
	}
	return known, p.admits(known, login), nil
}

// userToken returns the token of that key and, where the accounts are our own, that of its user by the same question; else nil.
func (p *Provider) userToken(ctx context.Context, key tokens.Key) (tokens.Token, *account.Account, error) {
	if p.users == nil {
		token, err := p.store.Token(ctx, key)
		return token, nil, err
	}
	token, user, err := p.users.UserToken(ctx, key)
	return token, &user, err
}

// admits reports whether the account, as it was just read, still lets the login in.
func (p *Provider) admits(user *account.Account, login *assurance.Login) bool {
	return !user.Disabled && (p.ownAccounts || user.Epoch == login.Epoch)
}

// restOnAccount commits what write does, together with the check that the login counts if nobody else ends what rests on
// it: account.ErrPassword, and nothing of the commit, if it does not.
func (p *Provider) restOnAccount(ctx context.Context, login *assurance.Login, write func(context.Context) error) error {
	if p.ownAccounts {
		return write(ctx)
	}
	return p.store.Atomic(ctx, func(ctx context.Context) error {
		if err := p.accounts.RequireAccount(ctx, login.Subject, login.Epoch); err != nil {
			return err
		}
		return write(ctx)
	})
}

// answerOf is the body of the answer (RFC 6749 section 5.1). scopes are those of the access token.
func answerOf(response fosite.AccessResponder, u *unit, scopes []string) map[string]any {
	body := response.ToMap()
	body["token_type"], body["scope"] = u.bound.tokenType(), strings.Join(scopes, " ")
	if i := slices.IndexFunc(u.tokens, func(t tokens.Token) bool { return t.Kind == tokens.AccessToken }); i >= 0 {
		body["expires_in"] = int64(u.tokens[i].Expires.Sub(u.tokens[i].Created).Seconds()) // fosite counts from a moment later
	}
	if u.keepsRefreshToken() {
		delete(body, "refresh_token")
	}
	return body
}

// flush spends the code or the refresh token and stores the new tokens.
func (p *Provider) flush(ctx context.Context, u *unit, request fosite.AccessRequester, body []byte) ([]byte, error) {
	switch {
	case u.keepsRefreshToken():
		return p.flushRenewal(ctx, u, body)
	case u.refresh != nil:
		return p.flushRefresh(ctx, u, request, body)
	}
	return p.flushCode(ctx, u, body)
}

// flushCode lets one of many simultaneous requests win. The others have used the code a second time.
func (p *Provider) flushCode(ctx context.Context, u *unit, body []byte) ([]byte, error) {
	spent, err := p.spend(ctx, u, func(ctx context.Context) error { return p.store.Exchange(ctx, u.code.Signature, u.tokens) })
	if !spent {
		return body, err
	}
	code, err := p.store.Code(ctx, u.code.Signature)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	return nil, p.refuseSpent(ctx, u, &code)
}

// spend commits what write does: it uses the code or the refresh token up, or gives something for it. spent: that cannot be done
// any more.
func (p *Provider) spend(ctx context.Context, u *unit, write func(context.Context) error) (spent bool, err error) {
	err = p.restOnAccount(ctx, &u.grant.Login, func(ctx context.Context) error { return p.useProof(ctx, u, write) })
	switch {
	case errors.Is(err, account.ErrPassword):
		return false, p.endFamily(ctx, u)
	case errors.Is(err, store.ErrConflict):
		return true, nil
	}
	return false, proofFault(err)
}

// refuseSpent refuses a client that could have used the code, had that not been done before: it is the client's own, and the
// redirect URI and the verifier are right. What came of the code ends, unless we have ended that ourselves: then nobody has
// used the code twice.
func (p *Provider) refuseSpent(ctx context.Context, u *unit, code *tokens.Code) error {
	if code.Revoked || !code.Used {
		return fosite.ErrInvalidGrant.WithHint("The code is no longer good.")
	}
	if err := p.revokeReused(ctx, u); err != nil {
		return proofFault(err)
	}
	return fosite.ErrInvalidGrant.WithHint("The code has already been used.")
}

// revokeReused ends the family of a code or refresh token that was used before: one of the two who have it should not
// (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2). It uses the proof of the request up: whoever sends that of somebody else
// again cannot use the code or token, and ends nothing.
func (p *Provider) revokeReused(ctx context.Context, u *unit) error {
	return p.commit(ctx, u.event(audit.EventTokenReused), func(ctx context.Context) error {
		return p.useProof(ctx, u, func(ctx context.Context) error { return p.store.RevokeFamily(ctx, u.family()) })
	})
}

// event says of the code or the refresh token of the request that it was refused.
func (u *unit) event(kind string) audit.Event {
	e := audit.Event{Kind: kind, Outcome: audit.OutcomeRefused, Address: u.address}
	if t := u.refresh; t != nil {
		e.Client, e.Subject, e.Session, e.Detail = t.Client, t.Subject, t.Session, map[string]string{"token": "refresh token"}
	} else {
		c := u.code
		e.Client, e.Subject, e.Session, e.Detail = c.Client, c.Subject, c.Session, map[string]string{"token": "code"}
	}
	return e
}

// commit commits what write does to tokens, with the record of it.
func (p *Provider) commit(ctx context.Context, e audit.Event, write func(context.Context) error) error {
	err := p.store.Atomic(ctx, func(ctx context.Context) error {
		if err := write(ctx); err != nil {
			return err
		}
		return p.audit.Record(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	return nil
}

// keepsRefreshToken reports whether the refresh token of the request stays good, and no other comes of it.
func (u *unit) keepsRefreshToken() bool {
	return u.refresh != nil && !u.client.RotatesRefreshTokens()
}

// flushRenewal stores the new access token beside those that there are, and lets the refresh token live on.
func (p *Provider) flushRenewal(ctx context.Context, u *unit, body []byte) ([]byte, error) {
	var made []tokens.Token
	ends := u.refresh.Expires
	for _, token := range u.tokens {
		if token.Kind == tokens.RefreshToken {
			ends = token.Expires
			continue
		}
		made = append(made, token)
	}
	ended, err := p.spend(ctx, u, func(ctx context.Context) error { return p.store.Renew(ctx, u.refresh.Key(), ends, made) })
	if ended {
		return nil, errRevoked
	}
	return body, err
}

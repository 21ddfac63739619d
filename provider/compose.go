package provider

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"

	"vestibule/provider/client"
)

// compose wires fosite: the code grant with PKCE, refresh tokens, and of our own making client credentials, devices and ID
// tokens. Every value that fosite would make on first use is set here, because it makes them without a lock.
func (p *Provider) compose(secrets [][]byte) {
	config := &fosite.Config{
		AccessTokenLifespan:          p.lifetimes.AccessToken,
		AuthorizeCodeLifespan:        p.lifetimes.Code,
		RefreshTokenLifespan:         p.lifetimes.RefreshIdle,
		ScopeStrategy:                fosite.ExactScopeStrategy,
		AudienceMatchingStrategy:     fosite.ExactAudienceMatchingStrategy,
		RefreshTokenScopes:           []string{client.ScopeOffline},
		EnforcePKCEForPublicClients:  true,
		MinParameterEntropy:          1,
		OmitRedirectScopeParam:       true,
		RedirectSecureChecker:        func(context.Context, *url.URL) bool { return true }, // Client.Allows decided
		ClientSecretsHasher:          refuseSecrets{},
		ClientAuthenticationStrategy: p.authenticateClient,
		HTTPClient:                   &retryablehttp.Client{HTTPClient: &http.Client{Transport: noFetch{}}},
		JWKSFetcherStrategy:          fosite.NewDefaultJWKSFetcherStrategy(),
	}
	store := &fositeStore{p}
	p.tokens = newTokenStrategy(secrets)
	access := &accessTokens{p.tokens, p}
	code := &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: access, RefreshTokenStrategy: p.tokens, AuthorizeCodeStrategy: p.tokens,
		CoreStorage: store, TokenRevocationStorage: store, Config: config,
	}
	proof := &pkce.Handler{AuthorizeCodeStrategy: p.tokens, Storage: store, Config: config}
	refresh := &oauth2.RefreshTokenGrantHandler{
		AccessTokenStrategy: access, RefreshTokenStrategy: p.tokens, TokenRevocationStorage: store, Config: config,
	}
	issue := &oauth2.HandleHelper{AccessTokenStrategy: access, AccessTokenStorage: store, Config: config}
	own, device := &clientGrants{issue}, &deviceGrant{p, store, issue}
	config.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{code, proof}
	config.TokenEndpointHandlers = fosite.TokenEndpointHandlers{ofGrant{code}, proof, ofGrant{refresh}, own, device, &idTokens{p}}
	p.fosite = fosite.NewOAuth2Provider(store, config)
}

// ofGrant is a handler that answers for some grants. fosite asks it about the answers of all others too, which it refuses with
// an error that holds the whole stack of calls.
type ofGrant struct{ fosite.TokenEndpointHandler }

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h ofGrant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !h.CanHandleTokenEndpointRequest(ctx, r) {
		return fosite.ErrUnknownRequest
	}
	return h.TokenEndpointHandler.PopulateTokenEndpointResponse(ctx, r, answer)
}

// refuseSecrets stands where fosite would compare client secrets; authenticateClient does that.
type refuseSecrets struct{}

func (refuseSecrets) Compare(context.Context, []byte, []byte) error {
	return errors.New("client secrets are not compared here")
}

func (refuseSecrets) Hash(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("client secrets are not hashed here")
}

// noFetch keeps fosite from fetching what a request names: fetch.Fetcher does, which looks at addresses first.
type noFetch struct{}

func (noFetch) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("fosite fetches nothing")
}

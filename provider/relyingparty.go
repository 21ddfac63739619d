package provider

import (
	"github.com/ory/fosite"

	"vestibule/provider/client"
)

// relyingParty shows a Client to fosite.
type relyingParty struct{ client.Client }

func (c relyingParty) GetID() string                      { return c.ID }
func (c relyingParty) GetHashedSecret() []byte            { return nil } // authenticateClient does not ask fosite
func (c relyingParty) GetRedirectURIs() []string          { return c.RedirectURIs }
func (c relyingParty) GetGrantTypes() fosite.Arguments    { return c.unlessAPI(grantTypes) }
func (c relyingParty) GetResponseTypes() fosite.Arguments { return c.unlessAPI(responseTypes) }
func (c relyingParty) GetScopes() fosite.Arguments        { return c.Scopes }
func (c relyingParty) IsPublic() bool                     { return c.Public }
func (c relyingParty) GetAudience() fosite.Arguments      { return nil }
func (c relyingParty) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

// unlessAPI is nothing for a resource server, which signs nobody in.
func (c relyingParty) unlessAPI(types fosite.Arguments) fosite.Arguments {
	if c.ResourceServer {
		return nil
	}
	return types
}

var (
	grantTypes    = fosite.Arguments{"authorization_code", "refresh_token"}
	responseTypes = fosite.Arguments{"code"}
)

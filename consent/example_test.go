package consent_test

import (
	"context"
	"fmt"

	"github.com/ory/fosite"

	"vestibule/consent"
	"vestibule/consent/consenttest"
)

// The consent step in a host's own fosite authorization handler.
func Example() {
	ctx := context.Background()
	grants := &consent.Service{Store: consenttest.New()}

	ar := fosite.NewAuthorizeRequest()
	ar.SetRequestedScopes(fosite.Arguments{"openid", "email"})

	client := consent.Client{ID: "shop", Registration: "2026-03-01T12:00:00Z"} // when this host has registered it
	missing, known, err := grants.Missing(ctx, "ana", client, ar.GetRequestedScopes())
	if err != nil {
		fmt.Println(err)
		return
	}
	if !known || len(missing) > 0 {
		fmt.Println("ask for", missing)
		// The user presses allow.
		if err := grants.Allow(ctx, "ana", client, missing); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, scope := range consent.Granted(ar.GetRequestedScopes(), ar.GetRequestedScopes()) {
		ar.GrantScope(scope)
	}
	fmt.Println("granted", ar.GetGrantedScopes())
	// Output:
	// ask for [openid email]
	// granted [openid email]
}

func ExampleGranted() {
	requested, allowed := []string{"openid"}, []string{"openid", "email"} // email was allowed once, and is not asked for today
	fmt.Println(consent.Granted(requested, allowed))
	// Output: [openid]
}

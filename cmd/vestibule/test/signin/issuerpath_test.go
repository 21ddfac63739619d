package signin

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// TestIssuerPath: an issuer may have a path. Everything is below it, for users and for clients, but for the metadata that
// RFC 8414 wants at the root of the host.
func TestIssuerPath(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.Below("/our/id"), func(t *testing.T, s *servertest.Site) {
		walk(t, s)
		checkMetadata(t, s)
		b := s.NewBrowser(t)
		b.Open("/login").GiveName("ana", servertest.Password).At("totp", "initial")
		b.Open("/nowhere").At("error", "not-found")
		for _, path := range []string{"/", "/login", "/authorize", "/token", "/account", "/our"} {
			b.Open(s.Origin()+path).At("error", "not-found")
		}
		for _, cookie := range b.HTTP.Jar.Cookies(b.Open("/").Address) {
			if !strings.HasPrefix(cookie.Name, "vestibule.our.id-") {
				t.Errorf("a cookie is called %s, as one of another path could be", cookie.Name)
			}
		}
	})
}

// checkMetadata looks for the metadata at its three addresses.
func checkMetadata(t *testing.T, s *servertest.Site) {
	t.Helper()
	for _, address := range []string{
		s.Config.Issuer + "/.well-known/openid-configuration",
		s.Origin() + "/.well-known/oauth-authorization-server/our/id",
		s.Origin() + "/.well-known/openid-configuration/our/id",
	} {
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		var metadata map[string]any
		err = json.NewDecoder(response.Body).Decode(&metadata)
		response.Body.Close()
		if err != nil || metadata["issuer"] != s.Config.Issuer {
			t.Errorf("%s: %s, %v, issuer %v", address, response.Status, err, metadata["issuer"])
			continue
		}
		for name, value := range metadata {
			at, _ := value.(string)
			if isAddress := strings.HasSuffix(name, "_endpoint") || strings.HasSuffix(name, "_uri"); isAddress && !strings.HasPrefix(at, s.Config.Issuer+"/") {
				t.Errorf("%s is %v, which is not below the issuer", name, value)
			}
		}
	}
}

package clients

import (
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/docs/doctest"
	"vestibule/provider/client"
)

// recipes are what the document tells app developers to do.
func recipes(t *testing.T) doctest.Document {
	t.Helper()
	return doctest.Open(t, "docs/javascript.md")
}

// register registers a client as the command of the document does, with the app at another origin.
func register(t *testing.T, s *servertest.Site, id, origin string) *servertest.Client {
	t.Helper()
	return s.NewClient(t, id, asDocumented(t, id, origin))
}

// asDocumented is what the command registers. The test of the document itself runs the command.
func asDocumented(t *testing.T, id, origin string) func(*client.Client) {
	t.Helper()
	command := recipes(t).BlockWith(t, "sh", "client create "+id+" ")
	_, flags, _ := strings.Cut(strings.NewReplacer("https://"+id+".example.com", origin, "\\\n", " ").Replace(command), id+" ")
	return func(c *client.Client) {
		c.IDTokenAlg, c.Audiences = "", nil
		for flag := range strings.SplitSeq(flags, "--") {
			name, value, _ := strings.Cut(strings.TrimSpace(flag), " ")
			switch name {
			case "":
			case "name":
				c.Name = value
			case "public":
				c.Public = true
			case "redirect-uri":
				c.RedirectURIs = []string{value}
			case "post-logout-redirect-uri":
				c.PostLogoutRedirectURIs = []string{value}
			case "response-type":
				c.ResponseTypes = strings.Split(value, ",")
			case "id-token-claims":
				c.IDTokenClaims = strings.Split(value, ",")
			case "backchannel-logout-uri":
				c.BackchannelLogoutURI = value
			default:
				t.Errorf("the test does not know the flag --%s of client create %s", name, id)
			}
		}
	}
}

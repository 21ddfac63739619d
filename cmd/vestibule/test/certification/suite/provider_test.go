//go:build conformance

package suite

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"vestibule/cmd/vestibule/servertest"
)

// provider is the program, which serves behind TLS, and the commands of its operator.
type provider struct {
	*servertest.Shell
	vouched
	issuer string
	alias  string                   // is in the addresses at which the suite plays the client
	keys   map[string]crypto.Signer // of clients, by their ids
	users  int
}

// newProvider starts the program with these settings, as NAME=VALUE, on SQLite.
func newProvider(t *testing.T, program, alias string, v vouched, settings ...string) *provider {
	t.Helper()
	p := &provider{Shell: servertest.NewShell(t, program, "sqlite:"+filepath.Join(t.TempDir(), "vestibule.db")), vouched: v, alias: alias, keys: map[string]crypto.Signer{}}
	p.issuer = v.serve(t, "127.0.0.1:0", p.Site)
	p.Site.Config.Issuer = p.issuer
	p.Environ = append(p.Environ, "VESTIBULE_ISSUER="+p.issuer, "VESTIBULE_TRUSTED_PROXIES=127.0.0.1", "SSL_CERT_FILE="+v.file,
		"VESTIBULE_FETCH_NETWORKS=127.0.0.1,::1", "VESTIBULE_TWO_STEPS=required")
	p.Environ = append(p.Environ, settings...)
	p.Command("", "migrate", "up")
	p.Start(1)
	return p
}

// attributes are all that a client can learn of a user.
var attributes = []string{
	"given_name=Ana", "family_name=Lima", "middle_name=Sofia", "nickname=Nana", "gender=female", "profile=https://example.com/ana",
	"picture=https://example.com/ana.png", "website=https://ana.example", "birthdate=1990-02-28", "zoneinfo=Europe/Lisbon", "locale=pt-PT",
	"phone_number=+351 21 000 0000", "phone_number_verified=true",
	"address.street_address=Rua A 1", "address.locality=Lisboa", "address.postal_code=1000-001", "address.country=Portugal",
}

// newUser adds a user with an authenticator, and a browser that was never here.
func (p *provider) newUser(t *testing.T) *user {
	t.Helper()
	p.users++
	u := &user{t: t, name: fmt.Sprint("ana", p.users)}
	args := []string{"user", "create", u.name, "--email", u.name + "@example.com", "--email-verified", "--name", "Ana Lima", "--password-file", "-"}
	for _, attribute := range attributes {
		args = append(args, "--attribute", attribute)
	}
	p.Command(servertest.Password, args...)
	secret := make([]byte, 20)
	rand.Read(secret)
	u.phone = servertest.Phone{Site: p.Site, Secret: base32.StdEncoding.EncodeToString(secret)}
	p.Command(u.phone.Secret, "user", "totp", "add", u.name, "--secret-file", "-")
	u.browser = p.Site.NewBrowser(t)
	u.browser.HTTP.Transport = p.client.Transport
	return u
}

// register registers a client that the suite plays, and returns what the suite is told of it.
func (p *provider) register(id string, args ...string) map[string]any {
	var said struct {
		Secret string `json:"client_secret"`
	}
	args = append([]string{"client", "create", id, "--output", "json", "--redirect-uri", p.here("/callback"),
		"--post-logout-redirect-uri", p.here("/post_logout_redirect")}, args...)
	answer := p.Command("", args...)
	if err := json.Unmarshal(answer, &said); err != nil {
		p.T.Fatalf("client create: %v in %s", err, answer)
	}
	return map[string]any{"client_id": id, "client_secret": said.Secret}
}

// registerKey is register for a client that authenticates by a key, whose private half the suite is told.
func (p *provider) registerKey(id, scope string, args ...string) map[string]any {
	var key crypto.Signer = must(rsa.GenerateKey(rand.Reader, 2048)) // with which it can try RS256 too
	p.keys[id] = key
	private := jose.JSONWebKey{Key: key, KeyID: id, Algorithm: string(jose.PS256), Use: "sig"}
	file := filepath.Join(p.T.TempDir(), id+".json")
	if err := os.WriteFile(file, must(json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private.Public()}})), 0o600); err != nil {
		p.T.Fatal(err)
	}
	settings := p.register(id, append(args, "--jwks-file", file)...)
	delete(settings, "client_secret")
	settings["scope"], settings["dpop_signing_alg"] = scope+" offline_access", string(jose.ES256)
	settings["jwks"] = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{private}}
	return settings
}

// settings are those of a plan, with what is the same for all.
func (p *provider) settings(more map[string]any) map[string]any {
	all := map[string]any{
		"alias": p.alias, "description": "Vestibule " + strings.TrimSpace(string(p.Command("", "version"))),
		"server": map[string]any{"discoveryUrl": p.issuer + "/.well-known/openid-configuration"},
	}
	for name, value := range more {
		all[name] = value
	}
	return all
}

// here is where the suite plays the client.
func (p *provider) here(path string) string {
	return "https://" + suiteHost + "/test/a/" + p.alias + path
}

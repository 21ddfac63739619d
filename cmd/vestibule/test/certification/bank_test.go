package certification

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// bank is a client that keeps the FAPI 2.0 Security Profile: it authenticates by its key, pushes its requests and binds its
// tokens.
type bank struct {
	*rp
	keys    map[jose.SignatureAlgorithm]crypto.Signer
	proofs  *proofKey
	browser *servertest.Browser // in which ana has signed in, once she has
	signs   bool                // Message Signing: its requests are signed, and its answers
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

// newBank registers one as an operator does by --profile fapi2.
func newBank(t *testing.T, o *op, id string, change ...func(*client.Client)) *bank {
	t.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	b := &bank{keys: map[jose.SignatureAlgorithm]crypto.Signer{jose.ES256: private, jose.PS256: rsaKey(), jose.RS256: rsaKey()},
		proofs: newProofKey(o), browser: o.site.NewBrowser(t)}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), Use: "sig"}, {Key: rsaKey().Public(), Use: "sig"}}}
	change = append([]func(*client.Client){func(c *client.Client) {
		c.IDTokenAlg = "" // which other clients of these tests have
		c.Adopt(client.ProfileFAPI2)
		c.JWKS = must(json.Marshal(set))
	}}, change...)
	b.rp = o.newClient(t, id, "", change...)
	return b
}

// sign makes a JWT.
func (b *bank) sign(algorithm jose.SignatureAlgorithm, claims map[string]any) string {
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: b.keys[algorithm]}, (&jose.SignerOptions{}).WithType("JWT")))
	raw := must(jwt.Signed(signer).Claims(claims).Serialize())
	b.op.site.KeepSecret(raw)
	return raw
}

// claims are those of a JWT by which it speaks to the server. The changes are claims in place of others; nil takes one away.
func (b *bank) claims(changes map[string]any) map[string]any {
	now := b.op.site.Clock.Now().Unix()
	all := map[string]any{"iss": b.OAuth.ClientID, "aud": b.op.site.Config.Issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": rand.Text()}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// assertion says who it is.
func (b *bank) assertion(changes map[string]any) string {
	all := map[string]any{"sub": b.OAuth.ClientID}
	maps.Copy(all, changes)
	return b.sign(jose.ES256, b.claims(all))
}

// at is now, and so many seconds.
func (b *bank) at(seconds int64) int64 { return b.op.site.Clock.Now().Unix() + seconds }

// challenged is what the client asks for, with the challenge of verifier.
func (b *bank) challenged(changes ...string) url.Values {
	if b.signs {
		changes = append([]string{"response_mode", "jwt"}, changes...)
	}
	return b.request(append([]string{"code_challenge", oauth2.S256ChallengeFromVerifier(verifier), "code_challenge_method", "S256"}, changes...)...)
}

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// none is in the place of an assertion that is not sent.
const none = "none"

// send posts a form, with an assertion unless the form brings one, and with a DPoP proof.
func (b *bank) send(t *testing.T, address string, form url.Values, proofs ...string) reply {
	t.Helper()
	const kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	switch form.Get("client_assertion") {
	case "":
		with(form, "client_assertion", b.assertion(nil), "client_assertion_type", kind)
	case none:
		with(form, "client_assertion", "-")
	default:
		with(form, "client_assertion_type", kind)
	}
	proof := ""
	if len(proofs) > 0 {
		proof = proofs[0]
	}
	response, err := b.SendWith(address, form, proof)
	if err != nil {
		t.Fatal(err)
	}
	return readReply(t, response)
}

// object is the request in a signed request object.
func (b *bank) object(request url.Values, changes map[string]any) url.Values {
	all := map[string]any{}
	for name := range request {
		all[name] = request.Get(name)
	}
	maps.Copy(all, changes)
	return url.Values{"client_id": {b.OAuth.ClientID}, "request": {b.sign(jose.PS256, b.claims(all))}}
}

// push pushes the request, signed if it signs.
func (b *bank) push(t *testing.T, request url.Values, proofs ...string) reply {
	t.Helper()
	if b.signs && !request.Has("request") {
		request = b.object(request, nil)
	}
	return b.send(t, b.op.endpoint("pushed_authorization_request_endpoint"), with(url.Values{}, flat(request)...), proofs...)
}

// flat is a form as name and value in turn.
func flat(form url.Values) []string {
	var all []string
	for name := range form {
		all = append(all, name, form.Get(name))
	}
	return all
}

// pushed is the address to send a browser to for a request that was pushed. The parameters stand beside it.
func (b *bank) pushed(t *testing.T, r reply, beside ...string) string {
	t.Helper()
	body := r.json(t)
	uri, _ := body["request_uri"].(string)
	if expires, _ := body["expires_in"].(float64); r.status != http.StatusCreated || uri == "" || expires <= 5 || expires >= 600 {
		t.Fatalf("push: %d %v", r.status, body)
	}
	b.op.site.KeepSecret(uri)
	query := with(url.Values{"client_id": {b.OAuth.ClientID}, "request_uri": {uri}}, beside...)
	return b.op.endpoint("authorization_endpoint") + "?" + query.Encode()
}

// authorize pushes the request and takes the browser through. It returns the answer.
func (b *bank) authorize(t *testing.T, request url.Values, proofs ...string) url.Values {
	t.Helper()
	return b.follow(t, request, b.pushed(t, b.push(t, request, proofs...)))
}

// follow takes the browser from the address to the answer.
func (b *bank) follow(t *testing.T, request url.Values, address string) url.Values {
	t.Helper()
	end, _ := b.op.through(t, b.in(t).Open(address))
	return b.answered(t, request, end)
}

// in is its browser, for this test.
func (b *bank) in(t *testing.T) *servertest.Browser {
	own := *b.browser
	own.T = t
	return &own
}

// answered is answer for an answer that may be signed (JARM section 2.4).
func (b *bank) answered(t *testing.T, request url.Values, p *servertest.Page) url.Values {
	t.Helper()
	if !b.signs || p.Left == nil {
		return b.answer(t, request, p)
	}
	parsed, err := jwt.ParseSigned(p.Left.Query().Get("response"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(p.Left.Query()) != 1 {
		t.Fatalf("the answer is %v: %v", p.Left, err)
	}
	var keys jose.JSONWebKeySet
	var known jwt.Claims
	claims := map[string]any{}
	if err := json.Unmarshal(b.op.get(t, b.op.path("jwks_uri")).body, &keys); err != nil {
		t.Fatal(err)
	}
	if err := parsed.Claims(&keys, &claims, &known); err != nil {
		t.Fatal(err)
	}
	now := b.op.site.Clock.Now()
	if err := known.ValidateWithLeeway(jwt.Expected{Issuer: b.op.site.Config.Issuer, AnyAudience: jwt.Audience{b.OAuth.ClientID}, Time: now}, 0); err != nil ||
		known.Expiry == nil || known.Expiry.Time().After(now.Add(10*time.Minute)) {
		t.Errorf("the answer says %v (%v)", claims, err)
	}
	opened := url.Values{}
	for name, value := range claims {
		if text, ok := value.(string); ok && name != "aud" {
			opened.Set(name, text)
		}
	}
	left := *p.Left
	left.RawQuery = opened.Encode()
	return b.answer(t, request, &servertest.Page{Browser: p.Browser, Left: &left})
}

// proof is one for the token endpoint; the claims are name and value in turn.
func (b *bank) proof(claims ...any) string {
	return b.proofs.Proof(http.MethodPost, b.op.endpoint("token_endpoint"), claims...)
}

// ask asks the token endpoint for tokens for a code. The changes are as with has them.
func (b *bank) ask(t *testing.T, code, proof string, changes ...string) reply {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {b.OAuth.RedirectURL}, "code_verifier": {verifier}}
	return b.send(t, b.op.endpoint("token_endpoint"), with(form, changes...), proof)
}

// sendRefresh uses a refresh token.
func (b *bank) sendRefresh(t *testing.T, token, proof string, changes ...string) reply {
	t.Helper()
	return b.send(t, b.op.endpoint("token_endpoint"), with(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, changes...), proof)
}

// code has a request allowed and returns the code.
func (b *bank) code(t *testing.T, changes ...string) string {
	t.Helper()
	return b.authorize(t, b.challenged(changes...)).Get("code")
}

// signedIn is a sign-in from the push to tokens that work.
func (b *bank) signedIn(t *testing.T, changes ...string) tokens {
	t.Helper()
	request := b.challenged(changes...)
	got := b.read(t, b.ask(t, b.authorize(t, request).Get("code"), b.proof()))
	if nonce := got.claims["nonce"]; request.Has("nonce") != (nonce != nil) || nonce != nil && nonce != request.Get("nonce") {
		t.Errorf("nonce is %v, want %q", nonce, request["nonce"])
	}
	b.works(t, got.access, "DPoP")
	return got
}

// works fails the test unless userinfo takes the token by that scheme.
func (b *bank) works(t *testing.T, access, scheme string) {
	t.Helper()
	b.readUserInfo(t, b.atUserInfo(t, access, scheme, b.proofs.ProofWith(access, http.MethodGet, b.op.endpoint("userinfo_endpoint"))))
}

// atUserInfo asks userinfo by the scheme, with these proofs.
func (b *bank) atUserInfo(t *testing.T, access, scheme string, proofs ...string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.op.endpoint("userinfo_endpoint"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", scheme+" "+access)
	for _, proof := range proofs {
		request.Header.Add("DPoP", proof)
	}
	return b.op.do(t, request)
}

// closed fails the test unless the browser is shown that the request cannot be taken.
func closed(t *testing.T, p *servertest.Page) {
	t.Helper()
	p.At("error", "request").HasStatus(http.StatusBadRequest)
}

package bench

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
)

// stockSize is how many codes a client collects at once for exchanges.
const stockSize = 50

// operation is what is measured. Each is done by many clients at once.
type operation struct {
	name  string
	begin func(c *client, ctx context.Context) error // before all, not measured; nil: nothing
	stock func(c *client, ctx context.Context) error // what a number of them use up, not measured; nil: they need nothing
	ready func(c *client, ctx context.Context) error // before each, not measured; nil: nothing
	do    func(c *client, ctx context.Context) error
}

// operations are all, in the order in which they are measured.
var operations = []operation{
	{name: "sign-in", ready: (*client).meet, do: (*client).signIn},
	{name: "silent", begin: (*client).settle, do: (*client).signOnSilently},
	{name: "exchange", begin: (*client).settle, stock: (*client).collect, do: (*client).exchange},
	{name: "refresh", begin: (*client).settle, do: (*client).refresh},
	{name: "introspection", begin: (*client).settle, do: (*client).introspect},
	{name: "userinfo", begin: (*client).settle, do: (*client).askUserInfo},
}

// Operations are the names of all that Run can measure.
func Operations() (names []string) {
	for _, o := range operations {
		names = append(names, o.name)
	}
	return names
}

// client is one of those who are at it at once: a user with a browser, at an app.
type client struct {
	server *serverAt
	pool   *pool

	browser *browser // nil: nobody has signed in
	tokens  tokens
	grants  []grant // collected for exchanges
}

// meet has another user come, with a new browser.
func (c *client) meet(ctx context.Context) error {
	u, err := c.pool.take(ctx)
	if err != nil {
		return err
	}
	c.browser, err = newBrowser(c.server.transport, c.server.Issuer, u)
	return err
}

// signIn is all of it: password, code, consent, and the exchange of the code for tokens.
func (c *client) signIn(ctx context.Context) error {
	g, err := c.authorize(ctx, "consent")
	if err == nil {
		c.tokens, err = c.server.exchange(ctx, g)
	}
	return err
}

// settle has somebody be signed in and have fresh tokens.
func (c *client) settle(ctx context.Context) error {
	if c.browser == nil {
		if err := c.meet(ctx); err != nil {
			return err
		}
	}
	return c.signIn(ctx)
}

// authorize sends the browser to the server.
func (c *client) authorize(ctx context.Context, prompt string) (grant, error) {
	a := c.server.authorization(prompt)
	answer, err := c.browser.authorize(ctx, a.address)
	if err != nil {
		return grant{}, err
	}
	if answer.Get("state") != a.state || answer.Get("iss") != c.server.Issuer {
		return grant{}, faultf("another answer", "the state or the issuer is another one")
	}
	return grant{answer.Get("code"), a.verifier}, nil
}

// signOnSilently is what an app does whose user is signed in at the server: nothing is shown.
func (c *client) signOnSilently(ctx context.Context) error {
	g, err := c.authorize(ctx, "none")
	if err == nil {
		_, err = c.server.exchange(ctx, g)
	}
	return err
}

func (c *client) collect(ctx context.Context) error {
	for len(c.grants) < stockSize {
		g, err := c.authorize(ctx, "none")
		if err != nil {
			return err
		}
		c.grants = append(c.grants, g)
	}
	return nil
}

func (c *client) exchange(ctx context.Context) error {
	last := len(c.grants) - 1
	g := c.grants[last]
	c.grants = c.grants[:last]
	_, err := c.server.exchange(ctx, g)
	return err
}

func (c *client) refresh(ctx context.Context) error {
	fresh, err := c.server.refresh(ctx, c.tokens.Refresh)
	if err == nil {
		c.tokens = fresh
	}
	return err
}

func (c *client) introspect(ctx context.Context) error {
	active, err := c.server.introspect(ctx, c.tokens.Access)
	if err == nil && !active {
		err = faultf("token not active", "the server does not know its own access token")
	}
	return err
}

func (c *client) askUserInfo(ctx context.Context) error {
	return c.server.userInfo(ctx, c.tokens.Access)
}

// challenge is the S256 code challenge of a verifier (RFC 7636 section 4.2).
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

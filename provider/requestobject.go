package provider

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"vestibule/provider/client"
	"vestibule/provider/clientjwt"
	"vestibule/provider/fetch"
	"vestibule/provider/keyset"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// requestObjectTypes are what a request object may be served as (RFC 9101 section 5.2.3, OIDC Core section 6.2).
const requestObjectTypes = "application/oauth-authz-req+jwt, application/jwt, */*"

// openRequest puts in the place of the parameters of an authorization request those that it stands for. fault is what is wrong
// with its parameters or its request object, for the client to hear; err: the trouble is ours.
func (p *Provider) openRequest(r *http.Request) (fault, err error) {
	if fault := checkRepeats(r.Form); fault != nil {
		return fault, nil
	}
	c, err := p.clients.Client(r.Context(), r.Form.Get("client_id"))
	switch {
	case errors.Is(err, store.ErrNotFound): // fosite says so
		return nil, nil
	case err != nil:
		return nil, storeFault{err}
	}
	opened, err := p.requestParameters(r.Context(), c, r.Form)
	if err == nil {
		err = checkRepeats(opened) // a request object can have a list
		omitEmpty(opened)
	}
	var ours storeFault
	switch {
	case errors.As(err, &ours):
		return nil, err
	case opened == nil:
		return err, nil
	}
	r.Form = opened
	return err, nil
}

// requestParameters returns the parameters of a request of the client: those of its request object and, unless those count
// alone, those around it (RFC 9101, OIDC Core section 6). A request without a request object is returned as it is. Beside an
// error they are those that the answer needs, or nil for those of form.
func (p *Provider) requestParameters(ctx context.Context, c client.Client, form url.Values) (url.Values, error) {
	raw := form.Get("request")
	switch byValue, byReference := form.Has("request"), form.Has("request_uri"); {
	case byValue && byReference:
		return nil, fosite.ErrInvalidRequest.WithHint("request and request_uri exclude each other.")
	case byReference:
		var err error
		if raw, err = p.fetchRequestObject(ctx, c, form.Get("request_uri")); err != nil {
			return nil, err
		}
	case !byValue && c.RequireSignedRequestObject:
		return nil, fosite.ErrInvalidRequest.WithHint("The client is registered to send its requests as signed request objects only.")
	case !byValue:
		return form, nil
	}
	token, err := clientjwt.ReadRequestObject(raw)
	if err != nil {
		return nil, badRequestObject(err)
	}
	request := clientjwt.Request{Issuer: p.issuer, Client: c.ID, Form: form, Alone: c.RequireSignedRequestObject, Dated: c.KeepsFAPI2()}
	if err := p.checkRequestSignature(ctx, c, token, form.Has("request_uri")); err != nil {
		return request.Answer(token), err
	}
	opened, err := request.Parameters(token, p.now())
	if err != nil {
		return request.Answer(token), badRequestObject(err)
	}
	return opened, nil
}

// checkRequestSignature wants the client to have signed its request object, or to have registered that it does not. One that
// was fetched is the client's without that, for it was at an https address that the client has registered (OIDC Core section
// 6.2), unless the client has registered that it signs; then one without a signature is invalid.
func (p *Provider) checkRequestSignature(ctx context.Context, c client.Client, token *keyset.Token, fetched bool) error {
	algorithms, signs := c.RequestObjectAlgorithms(), c.RequireSignedRequestObject || c.RequestObjectAlg != "" || c.KeepsFAPI2()
	switch unsigned := token.Algorithm == keyset.None; {
	case unsigned && fetched && !signs:
		return nil
	case !token.SignedWith(algorithms...) && unsigned && !signs:
		return fosite.ErrRequestNotSupported.WithHint("A request object must be signed, unless the client is registered with request_object_signing_alg none, or keeps it at one of its request_uris.")
	case !token.SignedWith(algorithms...):
		return badRequestObject(errors.New("it must be signed with " + strings.Join(algorithms, ", ")))
	case unsigned:
		return nil
	}
	if err := p.documentsOf(c).keys.Verify(ctx, c.KeySource(), token); err != nil {
		return keyFault(err, badRequestObject)
	}
	return nil
}

func badRequestObject(err error) error {
	return fosite.ErrInvalidRequestObject.WithHintf("The request object is not accepted: %v.", err)
}

// fetchRequestObject gets a request object from where the client has registered that it may be. One whose address says what
// its SHA-256 is may be kept (OIDC Core section 6.2); any other is fetched for each request. A hash of something else is no
// fault: it stands in a registration that was made before there was a request object, and what vouches for that is inside.
func (p *Provider) fetchRequestObject(ctx context.Context, c client.Client, uri string) (string, error) {
	switch {
	case len(c.RequestURIs) == 0:
		return "", fosite.ErrRequestURINotSupported.WithHint("The client has registered no request_uris.")
	case !c.AllowsRequestURI(uri):
		return "", fosite.ErrInvalidRequestURI.WithHint("The request_uri is not registered for the client.")
	}
	documents := p.documentsOf(c)
	if _, hash, _ := strings.Cut(uri, "#"); spelling.IsOpaque(hash, sha256.Size) {
		body, err := documents.requestObjects.Get(ctx, uri)
		if err != nil || hasHash(body, hash) {
			return string(bytes.TrimSpace(body)), unfetched(err)
		}
	}
	document, err := documents.fetcher.Fetch(ctx, uri, requestObjectTypes)
	return string(bytes.TrimSpace(document.Body)), unfetched(err)
}

func hasHash(body []byte, hash string) bool {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:]) == hash
}

// unfetched is the client's fault if its host was asked.
func unfetched(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fetch.ErrBusy) || errors.Is(err, context.Canceled) {
		return storeFault{err}
	}
	return fosite.ErrInvalidRequestURI.WithHint("The request object cannot be fetched from the request_uri.")
}

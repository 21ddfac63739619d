// Package pushed is authorization requests that wait for a browser: a client sends one straight to the server and gets a
// request_uri for it, which its browser brings (RFC 9126). Here is what a store keeps of them, what of a pushed form is the
// request, and how many a network may leave here. It checks no request and answers nobody.
package pushed

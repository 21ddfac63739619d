// Package certificate is what clients show in TLS to prove that they have a private key (RFC 8705): which certificate a
// request brings, by its connection or by a proxy that ends TLS, and whose it is. Begin with Reader and Authority. It knows no
// endpoints, no users and no SQL, and decides nothing about what is bound to a certificate.
package certificate

// Package registration is the endpoints at which clients register themselves and manage what they have registered (RFC 7591,
// RFC 7592, OpenID Connect Dynamic Client Registration 1.0), and the policy that bounds what they may register. Begin with New.
//
// What a client sends is read, checked and kept as what an operator registers is: by client.ReadDocument, client.Check and an
// operator.Operator. Here is what is different. Of the document only those names are the client's to say that the registry of
// RFC 7591 has; all others are an operator's, and pass as unknown. It sees no user, no token of one and no page.
package registration

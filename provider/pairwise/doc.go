// Package pairwise is the subjects by which clients of different sectors know the same user (OIDC Core section 8.1). Begin with
// Load. A subject is made of the user's own and opened again with one key, which is the server's alone and never changes: nothing
// is stored for a user and a client, and without the key nobody finds out that two subjects are of one user. What has no sector
// passes unchanged. It knows no endpoints and no users.
package pairwise

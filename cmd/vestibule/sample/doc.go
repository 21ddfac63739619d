// Package sample is an app and its API as anybody would write them who knows nothing of this server but its address: the
// demo shows what a sign-in looks like from their side. NewApp is the app, a relying party that tells its user what it
// learnt of the sign-in; NewAPI is a resource server that wants two steps before it moves money.
//
// It imports nothing of this repository but provider/resource, the guard that every API may use.
package sample

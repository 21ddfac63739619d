// Package providertest proves implementations of provider.Store, and has a Store of maps for tests of other
// packages. Begin with TestStore. Spellings is for tests of whatever reads opaque values. Nothing of it belongs into a
// server.
package providertest

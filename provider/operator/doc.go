// Package operator is what an operator does to users, second factors, clients and keys: each operation is one method of
// an Operator, which checks what it is given, writes, and records its event, all in one commit.
//
// Start with New and say in Actor who acts. Commands, jobs, an API and an operator's pages are callers of the same
// methods: they turn what somebody typed into arguments, and what comes back into words. Whatever is wrong with the
// arguments is an Invalid, and nothing has happened then; store.ErrNotFound and store.ErrConflict mean what they mean
// everywhere.
//
// It never prints, never asks who may do what, never sees HTTP, and knows no database but through the contracts in
// store.go. operatortest proves the methods on a store.
package operator

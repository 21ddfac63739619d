package ui

// Scope is what the template of that name needs to say what a scope allows.
type Scope struct {
	Name  string
	Email string // of the user; may be empty
	API   string // that serves it, and is the one asked for, as users know it; empty: it is none of that
}

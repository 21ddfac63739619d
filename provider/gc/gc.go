// Package gc tells when the garbage collector has run. It is a leaf: begin with AfterEach.
package gc

import "runtime"

// AfterEach calls f after each collection until it returns false. It is called by the runtime's goroutine for finalizers, so
// that it must not wait for anything.
func AfterEach(f func() bool) {
	type sentinel struct{ _ *byte } // a pointer, or it would share its memory with something that lives
	var again func(*sentinel)
	again = func(s *sentinel) {
		if f() {
			runtime.SetFinalizer(s, again)
		}
	}
	runtime.SetFinalizer(new(sentinel), again)
}

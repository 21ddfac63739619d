package operator

import (
	"errors"
	"testing"

	"vestibule/mfa"
	"vestibule/provider/store"
)

// An id is never taken for a name, whatever users call their authenticators.
func TestChosenAuthenticator(t *testing.T) {
	all := []mfa.Info{{ID: "one", Name: "two"}, {ID: "two", Name: "Phone"}, {ID: "three", Name: "Straße"}, {ID: "four", Name: "phone"}}
	for _, tt := range []struct{ which, want string }{
		{"two", "two"}, {"one", "one"}, {"TWO", "one"}, {"straße", "three"}, {"Phone", ""}, {"five", ""}, {"", ""},
	} {
		got, err := chosen(all, tt.which)
		if got.ID != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("chosen(%q) = %q, %v, want %q", tt.which, got.ID, err, tt.want)
		}
	}
	if _, err := chosen(all, "phone"); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("a name of two: %v, want %v", err, ErrAmbiguous)
	}
	if _, err := chosen(all, "five"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a name of none: %v, want %v", err, store.ErrNotFound)
	}
}

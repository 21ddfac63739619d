package operatortest

import (
	"errors"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/operator"
)

// testSecrets gives the shop one secret after the other. Each is good as long as was said, whatever follows.
func testSecrets(t *testing.T, w *world) {
	w.shop()
	o, ctx := w.operator(acting), t.Context()
	rotate := func(secret string, overlap time.Duration) operator.RotatedSecret {
		t.Helper()
		done, err := o.RotateSecret(ctx, "shop", secret, overlap)
		w.must(err)
		return done
	}
	good := func(want ...string) {
		t.Helper()
		c := w.client()
		hashes := c.SecretHashes(w.now)
		if len(hashes) != len(want) {
			t.Fatalf("%d secrets are good, want %d", len(hashes), len(want))
		}
		for i, secret := range want {
			if ok, err := client.Matches(ctx, o.Hasher, hashes[i], secret); err != nil || !ok {
				t.Errorf("secret %d is another than %s, %v", i, secret, err)
			}
		}
	}
	const first, chosen = "the first secret of all", "another, which is short"
	rotate(first, 0)
	made := rotate("", time.Hour)
	again := rotate("", 2*time.Hour)
	good(again.Secret, made.Secret, first)
	rotate(chosen, time.Hour)
	was := w.client()
	if done := rotate(chosen, time.Minute); !done.Had || w.client().Updated != was.Updated {
		t.Errorf("the same secret again: %+v", done)
	}
	good(chosen, again.Secret, made.Secret, first)
	var wrong *operator.Invalid
	if _, err := o.RotateSecret(ctx, "shop", "", time.Hour); !errors.As(err, &wrong) {
		t.Errorf("one more: %v, want that it is refused", err)
	}
	good(chosen, again.Secret, made.Secret, first)
	rotate(again.Secret, time.Hour) // back to it, which ends none
	good(again.Secret, chosen, made.Secret, first)
	w.now = w.now.Add(time.Hour)
	good(again.Secret, made.Secret)
	if done := rotate(again.Secret, 0); !done.Had {
		t.Errorf("it has the secret already: %+v", done)
	}
	good(again.Secret)
	rotate("", 0)
	if done := rotate("", time.Hour); done.Had || done.Secret == "" {
		t.Errorf("a secret is made: %+v", done)
	}
}

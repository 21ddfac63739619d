package pages

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/storage"
)

// soon is what comes by the channel. The test fails if nothing does.
func soon[T any](t *testing.T, what string, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(time.Minute):
		t.Fatalf("not so after a minute: %s", what)
	}
	return v
}

// TestLostAnswerInBrowser stops a real browser while it waits for the answer to the password. The button says that it works only
// for as long as it does nothing, and whoever presses it again goes on, long after the server has forgotten the answer.
func TestLostAnswerInBrowser(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	arrived, committed, released := s.Arrivals(t), make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	var once sync.Once
	s.First().Observe(func(trip storage.Trip) {
		isCommit := func(query string) bool { return strings.Contains(query, "INSERT INTO interaction") }
		if slices.ContainsFunc(trip.Queries, isCommit) {
			once.Do(func() { close(committed); <-released })
		}
	})
	v := sh.Begin()
	b.Open(v.Address).At("login", "initial").Put("username", "ana").Put("password", servertest.Password)
	// The tools that drive the browser wait for an answer that is under way: the page stops by itself.
	servertest.Evaluate[chromedp.Void](b, `setTimeout(() => {
		document.querySelector("main form button[type=submit]").click()
		setTimeout(() => stop(), 1500)
	})`)
	form := soon(t, "the form arrives", arrived)
	soon(t, "the password is committed", committed)
	soon(t, "the browser hangs up", form.Done())
	release()
	const busy = `document.querySelector("main form button[type=submit]").hasAttribute("aria-busy")`
	stopped := time.Now()
	for servertest.Evaluate[bool](b, busy) {
		if time.Since(stopped) > 6*time.Second {
			t.Fatal("the button still says that it works")
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Clock.Advance(11 * time.Second)
	b.At("login", "initial").Press("Sign in").At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(v)
}

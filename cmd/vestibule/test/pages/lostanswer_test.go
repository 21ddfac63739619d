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

// TestLostAnswerInBrowser stops a real browser while it waits for the answer to the password. The button says that it works only
// for as long as it does nothing, and whoever presses it again goes on, long after the server has forgotten the answer.
func TestLostAnswerInBrowser(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	arrived, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	defer release()
	var once sync.Once
	s.First().Observe(func(trip storage.Trip) {
		isCommit := func(query string) bool { return strings.Contains(query, "INSERT INTO interaction") }
		if slices.ContainsFunc(trip.Queries, isCommit) {
			once.Do(func() { close(arrived); <-released })
		}
	})
	v := sh.Begin()
	b.Open(v.Address).At("login", "initial").Put("username", "ana").Put("password", servertest.Password)
	servertest.Evaluate[chromedp.Void](b, `setTimeout(() => {
		document.querySelector("main form button[type=submit]").click()
		setTimeout(() => stop(), 1500)
	})`)
	select {
	case <-arrived:
	case <-time.After(time.Minute):
		t.Fatal("the password is not committed")
	}
	const busy = `document.querySelector("main form button[type=submit]").hasAttribute("aria-busy")`
	// The tools that drive the browser wait for an answer that is under way: the page stops by itself.
	time.Sleep(1600 * time.Millisecond)
	release()
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

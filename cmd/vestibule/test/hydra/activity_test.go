package hydra

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
	"vestibule/provider/hydra/hydratest"
)

// TestActivity shows users what has happened, with the names of apps if Hydra says them, and in good time whatever it does.
func TestActivity(t *testing.T) {
	w := newWorld(t, servertest.SQLite(t), hydratest.Config{})
	u := w.user(t, "ana")
	u.sees("login consent", "shop")
	for i := range 12 {
		id := fmt.Sprint("app", i)
		w.client(id, "")
		for _, kind := range []string{audit.EventAuthorized, audit.EventTokenReused} {
			if err := w.OperatorLog().Record(t.Context(), audit.Event{Kind: kind, Subject: u.subject, Client: id}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, tt := range map[string]struct {
		fault hydratest.Fault
		says  string
	}{
		"well": {hydratest.NoFault, "The app11 was signed out"}, "hangs": {hydratest.Hang, "app11 was signed out"},
		"answers 500": {hydratest.Broken, "app11 was signed out"}, "answers 503": {hydratest.Unavailable, "app11 was signed out"},
		"is another server": {hydratest.Garbage, "app11 was signed out"},
	} {
		for _, path := range []string{"/account/security", "/account/activity"} {
			w.hydra.Calls()
			w.hydra.SetFault(func(*http.Request) hydratest.Fault { return tt.fault })
			begun := time.Now()
			p := u.b.Open(path)
			took := time.Since(begun)
			w.hydra.SetFault(nil)
			if p.HasStatus(http.StatusOK).Says(tt.says); took > 4*time.Second {
				t.Errorf("%s while Hydra %s: it took %v", path, name, took)
			}
			asked := w.hydra.Calls()
			if slices.Sort(asked); len(asked) < 4 || len(slices.Compact(asked)) != len(asked) || !strings.HasPrefix(asked[0], "GET /admin/clients/") {
				t.Errorf("%s while Hydra %s: asked for %v", path, name, asked)
			}
		}
	}
}

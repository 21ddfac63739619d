package main

import (
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// redemptions is how many codes TestRedemptions makes: VESTIBULE_TEST_REDEMPTIONS=1000 takes a few minutes.
func redemptions(t *testing.T) int {
	t.Helper()
	text := os.Getenv("VESTIBULE_TEST_REDEMPTIONS")
	if text == "" {
		return 150
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 9 {
		t.Fatalf("VESTIBULE_TEST_REDEMPTIONS=%s: want a number of 9 or more", text)
	}
	return n
}

// TestRedemptions redeems many codes, each eight times at the same moment, and then their refresh tokens, at three
// processes where the database allows it. Of the eight with a code one gets tokens, all others invalid_grant, and the tokens
// end, because the code was used twice. Of the eight with a refresh token, whoever comes within ten seconds may get the answer
// that the first was given, the same to the last letter, because an answer can be lost; nobody gets another. So there is one
// unused token in each family. All others get invalid_grant, and whoever comes later ends the family.
func TestRedemptions(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]struct {
		database  func(testing.TB) string
		processes int
	}{"sqlite": {servertest.SQLite, 1}, "postgres": {servertest.PostgreSQL, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newShell(t, place.database(t))
			o.Command("", "migrate", "up")
			o.AddUser("ana")
			c, secret := o.CreateShop()
			o.Command("", "client", "update", "shop", "--consent", "never")
			o.Start(place.processes)
			r := &redeemer{t: t, site: o.Site, shop: o.Site.Discover(t, c, secret), browser: o.Site.NewBrowser(t)}
			r.shop.Begin().SignIn(r.browser, "ana")
			n := redemptions(t)
			r.exchangeAll(n)
			r.refreshAll(n)
			r.comeLate()
		})
	}
}

// redeemer has codes that were redeemed once, the answers to them, and the answers to the refresh tokens in those.
type redeemer struct {
	t       *testing.T
	site    *servertest.Site
	shop    *servertest.Client
	browser *servertest.Browser // where the user has signed in

	codes         []url.Values // the requests
	first, second []servertest.Reply
	refreshed     time.Time // when all were
}

// code has the browser bring a code, and returns the request that redeems it.
func (r *redeemer) code() url.Values {
	r.t.Helper()
	trip := r.shop.Begin("prompt", "none", "scope", "openid offline_access")
	return url.Values{"grant_type": {"authorization_code"}, "code": {trip.Code(r.browser.Open(trip.Address))},
		"redirect_uri": {servertest.ReturnURI}, "code_verifier": {trip.PKCE}}
}

// exchangeAll redeems n codes, each eight times at once just after it was made: a code lives for a minute. Nothing is left of
// what came of them.
func (r *redeemer) exchangeAll(n int) {
	r.t.Helper()
	begun := time.Now()
	for i := range n {
		if won := r.atOnce("code", r.code()); len(won) != 1 {
			r.t.Errorf("code %d brought tokens to %d, want 1", i, len(won))
		}
	}
	r.t.Logf("%d codes, eight times each: %v", n, time.Since(begun).Round(time.Millisecond))
	r.want(`SELECT count(*) FROM code WHERE used = TRUE AND revoked = TRUE`, n)
	r.want(`SELECT count(*) FROM access_token`, 0)
}

// refreshAll redeems n other codes once, and their refresh tokens as exchangeAll the codes.
func (r *redeemer) refreshAll(n int) {
	r.t.Helper()
	for range n {
		r.codes = append(r.codes, r.code())
		r.first = append(r.first, r.site.Token(r.shop, r.codes[len(r.codes)-1]))
	}
	r.second = r.redeemAll("refresh token", n, func(i int) url.Values { return refresh(r.first[i]) })
	r.refreshed = time.Now()
	r.want(`SELECT count(*) FROM code WHERE generation = 1 AND refresh <> '' AND revoked = FALSE`, n)
	r.want(`SELECT count(*) FROM access_token WHERE generation = 1`, n)
}

// refresh is the request with the refresh token of an answer.
func refresh(a servertest.Reply) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.RefreshToken}}
}

// redeemAll sends each of n requests eight times at once, and returns the one answer to each.
func (r *redeemer) redeemAll(what string, n int, request func(i int) url.Values) []servertest.Reply {
	r.t.Helper()
	begun, tokens := time.Now(), map[string]int{}
	answers := make([]servertest.Reply, n)
	for i := range n {
		won := r.atOnce(what, request(i))
		if len(won) == 0 {
			r.t.Fatalf("%s %d: nobody got tokens", what, i)
		}
		answers[i] = won[0]
		for _, a := range won {
			if a != answers[i] {
				r.t.Errorf("%s %d got two answers", what, i)
			}
		}
		tokens[answers[i].AccessToken]++
		tokens[answers[i].RefreshToken]++
	}
	if len(tokens) != 2*n {
		r.t.Errorf("%d of a %s brought %d tokens, want %d", n, what, len(tokens), 2*n)
	}
	r.t.Logf("%d of a %s, eight times each: %v", n, what, time.Since(begun).Round(time.Millisecond))
	return answers
}

// atOnce sends the request eight times and returns the answers with tokens; all others must be invalid_grant.
func (r *redeemer) atOnce(what string, request url.Values) []servertest.Reply {
	r.t.Helper()
	var won []servertest.Reply
	for _, a := range servertest.AtOnce(8, func(int) servertest.Reply { return r.site.Token(r.shop, request) }) {
		switch {
		case a.Failure != nil:
			r.t.Errorf("a %s: %v", what, a.Failure)
		case a.Status == http.StatusOK && a.AccessToken != "" && a.RefreshToken != "":
			won = append(won, a)
		case a.Status != http.StatusBadRequest || a.Error != "invalid_grant":
			r.t.Errorf("a %s is answered with %d %s: %s; want tokens or invalid_grant", what, a.Status, a.Error, a.Description)
		}
	}
	return won
}

// comeLate redeems some codes and some refresh tokens once more, when nobody can have lost an answer: eight times at once
// as well. Their families have ended then, and no other.
func (r *redeemer) comeLate() {
	r.t.Helper()
	time.Sleep(time.Until(r.refreshed.Add(11 * time.Second)))
	for i := range 4 {
		if won := r.atOnce("late code", r.codes[i]); len(won) > 0 {
			r.t.Errorf("code %d brought tokens to %d who came late", i, len(won))
		}
		if won := r.atOnce("late refresh token", refresh(r.first[4+i])); len(won) > 0 {
			r.t.Errorf("refresh token %d brought tokens to %d who came late", 4+i, len(won))
		}
	}
	for i, answer := range r.second[:9] {
		won := r.atOnce("refresh token", refresh(answer))
		if lives := len(won) > 0; lives != (i == 8) {
			r.t.Errorf("family %d lives: %v, want %v", i, lives, i == 8)
		}
	}
}

// want compares a number in the database.
func (r *redeemer) want(query string, want int) {
	r.t.Helper()
	db, _, _ := servertest.OpenDump(r.t, r.site.Config.Database)
	defer db.Close()
	var got int
	if err := db.QueryRowContext(r.t.Context(), query).Scan(&got); err != nil || got != want {
		r.t.Errorf("%s: %d (%v), want %d", query, got, err, want)
	}
}

package main

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestEveryFormTwice sends each form four times at once, each from a browser with the same cookies, while the commit of
// the first is held: whichever answer a browser follows, with the cookies of that answer alone, it comes to the same end.
func TestEveryFormTwice(t *testing.T) {
	t.Parallel()
	s, p := faultySite(t)
	c := s.newClient(t, "shop")
	for _, f := range everyForm {
		t.Run(f.name, func(t *testing.T) {
			u := s.visitor(t, c)
			u.client = &client{t: t, site: s, oauth: c.oauth, provider: c.provider, verifier: c.verifier, algorithm: c.algorithm}
			form := f.fill(u)
			before := s.counts(t)
			strike := p.set(holdBefore, "INSERT INTO audit", 0)
			var twins []*browser
			for range 4 {
				twins = append(twins, form.twin())
			}
			arrived := s.arrivals(t)
			go func() {
				<-strike.hit
				for range twins {
					<-arrived
				}
				p.mend()
			}()
			pages := atOnce(len(twins), func(i int) *page { return twins[i].post(form.address, form.values) })
			p.mend()
			codes := map[string]bool{}
			for i, got := range pages {
				if got.end() != f.end {
					t.Errorf("answer %d ends at %s, want %s", i+1, got.end(), f.end)
				}
				if got.left != nil {
					codes[got.left.RawQuery] = true
				}
			}
			if len(codes) > 1 {
				t.Errorf("the client gets %d answers, want 1", len(codes))
			}
			s.settle(t)
			s.notMore(t, before)
			if found := s.events(t, u.subject, "auth.totp.failed"); len(found) > 0 {
				t.Errorf("recorded are %+v", found)
			}
		})
	}
}

// arrivals tells of each form that reaches the server from now on.
func (s *site) arrivals(t *testing.T) <-chan struct{} {
	t.Helper()
	arrived := make(chan struct{}, 64)
	app := (*s.servers.Load())[0]
	inner := app.handler
	app.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			arrived <- struct{}{}
		}
		inner.ServeHTTP(w, r)
	})
	t.Cleanup(func() { app.handler = inner })
	return arrived
}

// notMore fails the test if a budget has more guesses than before.
func (s *site) notMore(t *testing.T, before map[string]int) {
	t.Helper()
	for key, n := range s.counts(t) {
		if n > before[key] {
			t.Errorf("%d guesses are counted under %s, want %d", n, key, before[key])
		}
	}
}

// TestRepeatIsOnlyForItsBrowser: what a form was answered with goes to nobody but the browser that sent it, with what stood
// in it, for ten seconds. Whoever has planted the cookie that sign-ins begin with, and so knows it, has none of that.
func TestRepeatIsOnlyForItsBrowser(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := s.newClient(t, "shop")
		for name, tt := range map[string]struct {
			change func(s *site, form *sheet)
			want   bool
		}{
			"the same form":            {func(*site, *sheet) {}, true},
			"ten seconds later":        {func(s *site, _ *sheet) { s.clock.advance(10 * time.Second) }, true},
			"eleven seconds later":     {func(s *site, _ *sheet) { s.clock.advance(11 * time.Second) }, false},
			"with another code":        {func(_ *site, f *sheet) { f.values.Set("code", "123456") }, false},
			"without a code":           {func(_ *site, f *sheet) { f.values.Del("code") }, false},
			"from another browser":     {func(s *site, f *sheet) { f.browser = s.newBrowser(t) }, false},
			"with a cookie of its own": {func(s *site, f *sheet) { f.browser = s.newBrowser(t); f.open(c.begin().address) }, false},
		} {
			u := s.visitor(t, c)
			form := u.toCode().sheet("Continue", "code", u.phone.code(0))
			twin := sheet{form.twin(), form.address, maps.Clone(form.values)}
			form.send().at("consent", "initial")
			tt.change(s, &twin)
			if got := twin.send().end(); (got == "consent initial 200") != tt.want {
				t.Errorf("%s: ends at %s, want the consent page: %t", name, got, tt.want)
			}
			if got := twin.open("/account/security").name; (got == "security") != tt.want {
				t.Errorf("%s: has come to page %s, want to be signed in: %t", name, got, tt.want)
			}
		}
	})
}

// TestEndIsOnlyForItsSession does the same with the end of a sign-in: without the session's cookie there is no way to the
// client's answer.
func TestEndIsOnlyForItsSession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := s.newClient(t, "shop")
		u := s.visitor(t, c)
		v := c.begin()
		login := u.new().open(v.address).sheet("Sign in", "username", u.name, "password", password)
		planted := login.twin() // has the cookie that the sign-in began with
		consent := login.send().at("consent", "initial")
		form := consent.sheet("Allow")
		same := form.twin()
		code := v.code(form.send())
		if again := v.code(same.post(form.address, form.values)); again != code {
			t.Error("the same form got another code")
		}
		if got := same.open(consent.address.String()).end(); got != "error elsewhere 409" {
			t.Errorf("who goes back to the page of the form ends at %s", got)
		}
		if got := planted.post(form.address, form.values).end(); got != "error unknown 400" {
			t.Errorf("without the session the form ends at %s", got)
		}
		u = s.visitor(t, c)
		opened := u.toCode().sheet("Continue", "code", u.phone.code(0))
		opened.send().at("consent", "initial").press("Allow")
		stranger := s.newBrowser(t)
		stranger.open(c.begin().address) // has a cookie of its own
		if got := stranger.post(opened.address, opened.values); got.left != nil || stranger.open("/account/security").name == "security" {
			t.Errorf("another browser with the form that opened the session ends at %s", got.end())
		}
		s.clock.advance(11 * time.Second)
		if got := same.post(form.address, form.values).end(); got != "error elsewhere 409" {
			t.Errorf("eleven seconds later the form ends at %s", got)
		}
	})
}

// TestOldFormLosesNoCode gives right codes on forms that one server takes for new, and that are not: another server has
// changed the sign-in meanwhile. Nothing is counted, and the sign-in goes on.
func TestOldFormLosesNoCode(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.start(2)
		two := *s.servers.Load()
		use := func(i int) { s.servers.Store(&[]*app{two[i]}) }
		c := s.newClient(t, "shop")
		for name, fill := range map[string]func(p *page, u *visitor) sheet{
			"recovery code": func(p *page, u *visitor) sheet {
				return p.click("Use a recovery code").sheet("Continue", "recovery", u.codes[0])
			},
			"code": func(p *page, u *visitor) sheet { return p.sheet("Continue", "code", u.phone.code(0)) },
		} {
			use(0)
			u := s.visitor(t, c)
			p := u.toCode()
			form := fill(p, u)
			use(1)
			p.giveCode(u.phone.wrong()).at("totp", "wrong")
			before := s.counts(t)
			use(0)
			if got := form.send().name; got != "consent" && got != "recovery-used" {
				t.Errorf("%s: ends at page %s", name, got)
			}
			s.notMore(t, before)
		}
		s.servers.Store(&two)
	})
}

// TestOldCookiesBringNoNewSession has somebody copy all cookies of a session, and of a sign-in, before they prove more. What
// the form is answered with that proved it is not given to the copy: it lacks the form, whose other fields anybody can
// guess.
func TestOldCookiesBringNoNewSession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := s.newClient(t, "shop")
		for _, f := range everyForm {
			if f.name != "end of a set-up" && f.name != "end of a set-up in a sign-in" && f.name != "sign-out everywhere else" {
				continue
			}
			u := s.visitor(t, c)
			form := f.fill(u)
			thief := form.twin()
			form.send()
			for _, id := range []string{"", strings.Repeat("A", 43)} {
				form.values.Set("form_id", id)
				thief.post(form.address, form.values)
				if got := thief.open("/account/security"); got.name == "security" {
					t.Errorf("%s, with form_id %q: the copy of the old cookies is signed in", f.name, id)
				}
			}
		}
	})
}

// TestEveryFormIsSentTwice holds everyForm against the addresses that take forms.
func TestEveryFormIsSentTwice(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for _, table := range routeTables {
		routes, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`ui\.Post\("([^"]+)"`).FindAllSubmatch(routes, -1) {
			want[string(found[1])] = true
		}
	}
	if len(want) < 15 {
		t.Fatalf("the route tables take forms at %d addresses: the test looks for the wrong thing", len(want))
	}
	for path, why := range map[string]string{
		"/login/restart":                   "changes nothing",
		"/account/recovery-codes/download": "changes nothing",
		"/login/notice":                    "proves nothing; TestPolicyNotice has it",
	} {
		if !want[path] {
			t.Errorf("%s (%s) is no address any more", path, why)
		}
		delete(want, path)
	}
	s, _ := faultySite(t)
	c := s.newClient(t, "shop")
	id := regexp.MustCompile(`/authenticators/[^/]+/`)
	for _, f := range everyForm {
		u, err := url.Parse(f.fill(s.visitor(t, c)).address)
		if err != nil {
			t.Fatal(err)
		}
		path := id.ReplaceAllString(u.Path, "/authenticators/{id}/")
		if of, ok := strings.CutSuffix(path, "/totp"); ok {
			path = of + "/{kind}"
		}
		delete(want, path)
	}
	for path := range want {
		t.Errorf("no form of everyForm goes to %s", path)
	}
}

// TestRepeatBringsNoEndedSession: the cookie of a session that is over by then is no part of the answer.
func TestRepeatBringsNoEndedSession(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		home, err := url.Parse(s.config.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		u := s.visitor(t, s.newClient(t, "shop"))
		form := u.toCode().sheet("Continue", "code", u.phone.code(0))
		twin := sheet{form.twin(), form.address, form.values}
		form.send().at("consent", "initial").open("/logout").press("Sign out")
		twin.send()
		for _, cookie := range twin.http.Jar.Cookies(home) {
			if cookie.Name == "vestibule-s" {
				t.Error("the browser has got the cookie of the ended session")
			}
		}
	})
}

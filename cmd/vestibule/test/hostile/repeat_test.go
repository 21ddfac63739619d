package hostile

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/docs/doctest"
)

// TestEveryFormTwice sends each form four times at once, each from a browser with the same cookies, while the commit of
// the first is held: whichever answer a browser follows, with the cookies of that answer alone, it comes to the same end.
func TestEveryFormTwice(t *testing.T) {
	t.Parallel()
	s, p := servertest.NewFaulty(t)
	c := s.NewClient(t, "shop")
	for _, f := range servertest.EveryForm {
		t.Run(f.Name, func(t *testing.T) {
			u := s.NewUser(t, c)
			u.Client = &servertest.Client{T: t, Site: s, OAuth: c.OAuth, Provider: c.Provider, Verifier: c.Verifier, Algorithm: c.Algorithm}
			form := f.Fill(u)
			before := s.Counts(t)
			strike := p.Strike(servertest.HoldBefore, "INSERT INTO audit", 0)
			var twins []*servertest.Browser
			for range 4 {
				twins = append(twins, form.Twin())
			}
			arrived := s.Arrivals(t)
			go func() {
				<-strike.Hit
				for range twins {
					<-arrived
				}
				p.Mend()
			}()
			pages := servertest.AtOnce(len(twins), func(i int) *servertest.Page { return twins[i].Post(form.Address, form.Values) })
			p.Mend()
			codes := map[string]bool{}
			for i, got := range pages {
				if got.End() != f.End {
					t.Errorf("answer %d ends at %s, want %s", i+1, got.End(), f.End)
				}
				if got.Left != nil {
					codes[got.Left.RawQuery] = true
				}
			}
			if len(codes) > 1 {
				t.Errorf("the client gets %d answers, want 1", len(codes))
			}
			s.Settle(t)
			s.NotMore(t, before)
			if found := s.Events(t, u.Subject, "auth.totp.failed"); len(found) > 0 {
				t.Errorf("recorded are %+v", found)
			}
		})
	}
}

// TestRepeatIsOnlyForItsBrowser: what a form was answered with goes to nobody but the browser that sent it, with what stood
// in it, for ten seconds. Whoever has planted the cookie that sign-ins begin with, and so knows it, has none of that.
func TestRepeatIsOnlyForItsBrowser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := s.NewClient(t, "shop")
		for name, tt := range map[string]struct {
			change func(s *servertest.Site, form *servertest.Form)
			want   bool
		}{
			"the same form":            {func(*servertest.Site, *servertest.Form) {}, true},
			"ten seconds later":        {func(s *servertest.Site, _ *servertest.Form) { s.Clock.Advance(10 * time.Second) }, true},
			"eleven seconds later":     {func(s *servertest.Site, _ *servertest.Form) { s.Clock.Advance(11 * time.Second) }, false},
			"with another code":        {func(_ *servertest.Site, f *servertest.Form) { f.Values.Set("code", "123456") }, false},
			"without a code":           {func(_ *servertest.Site, f *servertest.Form) { f.Values.Del("code") }, false},
			"from another browser":     {func(s *servertest.Site, f *servertest.Form) { f.Browser = s.NewBrowser(t) }, false},
			"with a cookie of its own": {func(s *servertest.Site, f *servertest.Form) { f.Browser = s.NewBrowser(t); f.Open(c.Begin().Address) }, false},
		} {
			u := s.NewUser(t, c)
			form := u.ToCode().Form("Continue", "code", u.Phone.Code(0))
			twin := servertest.Form{Browser: form.Twin(), Address: form.Address, Values: maps.Clone(form.Values)}
			form.Send().At("consent", "initial")
			tt.change(s, &twin)
			if got := twin.Send().End(); (got == "consent initial 200") != tt.want {
				t.Errorf("%s: ends at %s, want the consent page: %t", name, got, tt.want)
			}
			if got := twin.Open("/account/security").Name; (got == "security") != tt.want {
				t.Errorf("%s: has come to page %s, want to be signed in: %t", name, got, tt.want)
			}
		}
	})
}

// TestEndIsOnlyForItsSession does the same with the end of a sign-in: without the session's cookie there is no way to the
// client's answer.
func TestEndIsOnlyForItsSession(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := s.NewClient(t, "shop")
		u := s.NewUser(t, c)
		v := c.Begin()
		login := u.Browser().Open(v.Address).Form("Sign in", "username", u.Name, "password", servertest.Password)
		planted := login.Twin() // has the cookie that the sign-in began with
		consent := login.Send().At("consent", "initial")
		form := consent.Form("Allow")
		same := form.Twin()
		code := v.Code(form.Send())
		if again := v.Code(same.Post(form.Address, form.Values)); again != code {
			t.Error("the same form got another code")
		}
		if got := same.Open(consent.Address.String()).End(); got != "error elsewhere 409" {
			t.Errorf("who goes back to the page of the form ends at %s", got)
		}
		if got := planted.Post(form.Address, form.Values).End(); got != "error unknown 400" {
			t.Errorf("without the session the form ends at %s", got)
		}
		u = s.NewUser(t, c)
		opened := u.ToCode().Form("Continue", "code", u.Phone.Code(0))
		opened.Send().At("consent", "initial").Press("Allow")
		stranger := s.NewBrowser(t)
		stranger.Open(c.Begin().Address) // has a cookie of its own
		if got := stranger.Post(opened.Address, opened.Values); got.Left != nil || stranger.Open("/account/security").Name == "security" {
			t.Errorf("another browser with the form that opened the session ends at %s", got.End())
		}
		s.Clock.Advance(11 * time.Second)
		if got := same.Post(form.Address, form.Values).End(); got != "error elsewhere 409" {
			t.Errorf("eleven seconds later the form ends at %s", got)
		}
	})
}

// TestOldFormLosesNoCode gives right codes on forms that one server takes for new, and that are not: another server has
// changed the sign-in meanwhile. Nothing is counted, and the sign-in goes on.
func TestOldFormLosesNoCode(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		two := s.Servers()
		use := func(i int) { s.Use(two[i]) }
		c := s.NewClient(t, "shop")
		for name, fill := range map[string]func(p *servertest.Page, u *servertest.User) servertest.Form{
			"recovery code": func(p *servertest.Page, u *servertest.User) servertest.Form {
				return p.Click("Use a recovery code").Form("Continue", "recovery", u.Codes[0])
			},
			"code": func(p *servertest.Page, u *servertest.User) servertest.Form {
				return p.Form("Continue", "code", u.Phone.Code(0))
			},
		} {
			use(0)
			u := s.NewUser(t, c)
			p := u.ToCode()
			form := fill(p, u)
			use(1)
			p.GiveCode(u.Phone.Wrong()).At("totp", "wrong")
			before := s.Counts(t)
			use(0)
			if got := form.Send().Name; got != "consent" && got != "recovery-used" {
				t.Errorf("%s: ends at page %s", name, got)
			}
			s.NotMore(t, before)
		}
		s.Use(two...)
	})
}

// TestOldCookiesBringNoNewSession has somebody copy all cookies of a session, and of a sign-in, before they prove more. What
// the form is answered with that proved it is not given to the copy: it lacks the form, whose other fields anybody can
// guess.
func TestOldCookiesBringNoNewSession(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := s.NewClient(t, "shop")
		for _, f := range servertest.EveryForm {
			if f.Name != "end of a set-up" && f.Name != "end of a set-up in a sign-in" && f.Name != "sign-out everywhere else" {
				continue
			}
			u := s.NewUser(t, c)
			form := f.Fill(u)
			thief := form.Twin()
			form.Send()
			for _, id := range []string{"", strings.Repeat("A", 43)} {
				form.Values.Set("form_id", id)
				thief.Post(form.Address, form.Values)
				if got := thief.Open("/account/security"); got.Name == "security" {
					t.Errorf("%s, with form_id %q: the copy of the old cookies is signed in", f.Name, id)
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
		routes, err := os.ReadFile(filepath.Join(doctest.Root(t), table))
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
		"/device":                          "begins a sign-in, each time that it is sent; TestDeviceAtOnce has several for one code",
	} {
		if !want[path] {
			t.Errorf("%s (%s) is no address any more", path, why)
		}
		delete(want, path)
	}
	s, _ := servertest.NewFaulty(t)
	c := s.NewClient(t, "shop")
	id := regexp.MustCompile(`/authenticators/[^/]+/`)
	for _, f := range servertest.EveryForm {
		u, err := url.Parse(f.Fill(s.NewUser(t, c)).Address)
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
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		home, err := url.Parse(s.Config.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		u := s.NewUser(t, s.NewClient(t, "shop"))
		form := u.ToCode().Form("Continue", "code", u.Phone.Code(0))
		twin := servertest.Form{Browser: form.Twin(), Address: form.Address, Values: form.Values}
		form.Send().At("consent", "initial").Open("/logout").Press("Sign out")
		twin.Send()
		for _, cookie := range twin.HTTP.Jar.Cookies(home) {
			if cookie.Name == "vestibule-s" {
				t.Error("the browser has got the cookie of the ended session")
			}
		}
	})
}

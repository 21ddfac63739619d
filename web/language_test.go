package web

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"golang.org/x/net/html"

	"vestibule/mfa"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
	"vestibule/web/catalogue/cataloguetest"
	"vestibule/web/ui"
)

// A language that nobody speaks, written from the right, shows what does not come from the catalogue: each of its texts is
// the English one in other letters, and longer. What a page says in plain letters is data, or was left behind.

const (
	plainLetters  = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	strangeOnes   = "ȧƀƈḓḗƒɠħīĵķŀḿƞǿƥɋřşŧŭṽẇẋẏẑȦƁƇḒḖƑƓĦĪĴĶĿḾȠǾƤɊŘŞŦŬṼẆẊẎẐ"
	strangeBegins = "⟦"
	strangeEnds   = "‥‥⟧"
	strangeTag    = "ar-XB"
)

// translated are the texts of catalogue with those of the strange language.
var translated = sync.OnceValues(func() (*catalogue.Set, error) {
	return cataloguetest.Translated(strangeTag, []string{"zero", "one", "two", "few", "many", "other"}, strange)
})

var placeholders = regexp.MustCompile(`\{[^}]*\}`)

// strange is a text in the strange language. What stands in braces stays.
func strange(_, text string) string {
	length := strings.Repeat("‥", len(text)/3)
	at, b := 0, strings.Builder{}
	for _, m := range placeholders.FindAllStringIndex(text, -1) {
		b.WriteString(strangeLetters.Replace(text[at:m[0]]) + text[m[0]:m[1]])
		at = m[1]
	}
	return strangeBegins + b.String() + strangeLetters.Replace(text[at:]) + length + strangeEnds
}

var strangeLetters, plainly = letters()

// letters make a text strange, and plain again.
func letters() (to, from *strings.Replacer) {
	var there, back []string
	for i, r := range []rune(strangeOnes) {
		there, back = append(there, plainLetters[i:i+1], string(r)), append(back, string(r), plainLetters[i:i+1])
	}
	return strings.NewReplacer(there...), strings.NewReplacer(append(back, strangeBegins, "", "‥", "", "⟧", "")...)
}

// inStrangeLanguage reports whether the browsers of a test ask for it.
func inStrangeLanguage(t *testing.T) bool { return strings.HasPrefix(t.Name(), "TestOtherLanguage/") }

// speaker is a browser whose user reads the strange language.
type speaker struct{ http.RoundTripper }

func (s speaker) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Accept-Language", strangeTag+", en;q=0.5")
	return s.RoundTripper.RoundTrip(r)
}

// accepting is a browser that asks for these languages.
type accepting string

func (a accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("Accept-Language", string(a))
	return http.DefaultTransport.RoundTrip(r)
}

// pagesSeen are those that TestOtherLanguage has shown, and their states.
var pagesSeen sync.Map

// data are what the tests call things, what is called the same in every language, and what the script fills in.
var data = regexp.MustCompile(`Vestibule|Demo Shop|Pocket|SHA-(?:1|256|512)|(?:ana|help)@example\.com|Phone|Tablet|Old (?:phone|<phone>)|Bank|Authenticator app(?: [0-9])?|\{n\}|\{span\}`)

// checkLanguage holds a page to the strange language, markup for other data aside.
func (s *screen) checkLanguage() {
	s.t.Helper()
	pagesSeen.Store(s.name, true)
	if lang, dir := attr(s.find("html"), "lang"), attr(s.find("html"), "dir"); lang != strangeTag || dir != "rtl" {
		s.t.Errorf("page %s is in %s, %s", s.name, lang, dir)
	}
	for n := range s.doc.Descendants() {
		switch {
		case n.Type == html.TextNode && !isData(n):
			s.checkWords(n.Data)
		case n.Type == html.ElementNode:
			for _, a := range n.Attr {
				if said(a.Key) || strings.HasSuffix(a.Key, "-one") || strings.HasSuffix(a.Key, "-other") {
					s.checkWords(a.Val)
				}
				if a.Key == "dir" && a.Val != "ltr" && n.Data != "html" || a.Key == "align" {
					s.t.Errorf("page %s (%s): <%s> has %s=%q", s.name, s.state, n.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func (s *screen) checkWords(text string) {
	s.t.Helper()
	left := data.ReplaceAllString(text, "")
	if strings.ContainsFunc(left, func(r rune) bool { return r < 128 && unicode.IsLetter(r) }) || strings.ContainsAny(left, "{}") {
		s.t.Errorf("page %s (%s) says %q", s.name, s.state, strings.TrimSpace(text))
	}
}

// isData reports whether the text is that of an element for what people or programs have called something.
func isData(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if slices.Contains([]string{"bdi", "code", "script"}, p.Data) || p.Data == "span" && attr(p, "class") == "value" || p.Data == "time" && attr(p, "datetime") == n.Data {
			return true
		}
	}
	return false
}

// TestOtherLanguage walks through the pages in the strange language. Each test finds its buttons and sentences in English: the
// harness reads them back.
func TestOtherLanguage(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"SignIn": TestSignIn, "LoginFaults": TestLoginFaults, "Sudo": TestSudo, "SudoWithPassword": TestSudoWithPassword,
		"Remove": TestRemove, "RemoveWithRecoveryCode": TestRemoveWithRecoveryCode, "NewRecoveryCodes": TestNewRecoveryCodes, "NewRecoveryCodesExpire": TestNewRecoveryCodesExpire,
		"RecoveryCodesWithoutAuthenticator": TestRecoveryCodesWithoutAuthenticator, "HeldSaysWhomToAsk": TestHeldSaysWhomToAsk,
		"ActivityOfSignIn": TestActivityOfSignIn, "RecentActivity": TestRecentActivity, "ActivityPages": TestActivityPages,
		"ConsentGrows": TestConsentGrows, "UseADifferentAccountAtConsent": TestUseADifferentAccountAtConsent,
		"OtherSettings": TestOtherSettings, "OtherSettingsInsideSignIn": TestOtherSettingsInsideSignIn, "Countdown": TestCountdown, "Rename": TestRename,
		"AccountChooser": TestAccountChooser, "CookiesBlocked": TestCookiesBlocked, "ExpiredFlow": TestExpiredFlow, "FlowsThatAreNone": TestFlowsThatAreNone, "StageTimeout": TestStageTimeout,
		"PasswordBudget": TestPasswordBudget, "Logout": TestLogout, "LogoutForApp": TestLogoutForApp, "PolicyObliges": TestPolicyObliges, "PolicyCancelled": TestPolicyCancelled, "PolicyNotice": TestPolicyNotice,
		"LastFactorStays": TestLastFactorStays, "CodesRequiredAfterRecovery": TestCodesRequiredAfterRecovery, "SetUpSaysWhy": TestSetUpSaysWhy,
		"RequestThatCannotBeAnswered": TestRequestThatCannotBeAnswered, "PagesThatAreNone": TestPagesThatAreNone, "Forms": TestForms,
		"RecoveryStates": TestRecoveryStates, "RecoveryLock": TestRecoveryLock, "SetUpAfterRecovery": TestSetUpAfterRecovery, "LastRecoveryCodes": TestLastRecoveryCodes, "RecoveryThatIsNotEnough": TestRecoveryThatIsNotEnough,
		"RememberedBrowser": TestRememberedBrowser, "ForgetBrowser": TestForgetBrowser, "ForgetAtSignOut": TestForgetAtSignOut,
		"SetUpInsideSignIn": TestSetUpInsideSignIn, "SetUpExpires": TestSetUpExpires, "Enrol": TestEnrol, "EnrolAnother": TestEnrolAnother, "EnrolExpires": TestEnrolExpires, "TooManyAuthenticators": TestTooManyAuthenticators,
		"CodeStates": TestCodeStates, "CodeLock": TestCodeLock, "DatabaseDown": TestDatabaseDown, "Links": TestLinksAndResets,
	} {
		t.Run(name, test)
	}
	for _, page := range []string{
		"login", "continue", "totp", "recovery", "recovery-used", "setup", "codes", "notice", "consent", "logout", "logged-out", "lost-device",
		"security", "activity", "rename", "remove", "held", "enrol-link", "reset-cancel", "error",
	} {
		if _, ok := pagesSeen.Load(page); !ok {
			t.Errorf("no page %s was seen", page)
		}
	}
}

// TestLanguageOfPages asks for one by the app and by the browser. The app goes first, and as far as its own sign-in.
func TestLanguageOfPages(t *testing.T) {
	s := newSite(t)
	for _, tt := range []struct{ locales, accept, want string }{
		{"", "", "en"},
		{"", strangeTag, strangeTag},
		{strangeTag, "", strangeTag},
		{"de " + strangeTag, "en", strangeTag},
		{"en", strangeTag, "en"},
		{"de", strangeTag, strangeTag},
		{"<x>", "", "en"},
		{strings.Repeat("en ", 50), strangeTag, strangeTag}, // more than is kept
	} {
		b := s.newBrowser()
		b.http.Transport = accepting(tt.accept)
		login := b.open(s.authorize("ui_locales", tt.locales))
		for _, page := range []*screen{login, login.password("ana"), b.open(strings.Replace(login.address.RequestURI(), "/login", "/login/totp", 1))} {
			if got := attr(page.find("html"), "lang"); got != tt.want || page.header.Get("Content-Language") != tt.want {
				t.Errorf("ui_locales %q and Accept-Language %q: page %s is in %s, and Content-Language says %q", tt.locales, tt.accept, page.name, got, page.header.Get("Content-Language"))
			}
			if !slices.Contains(page.header.Values("Vary"), "Accept-Language") {
				t.Errorf("page %s varies by %q", page.name, page.header.Values("Vary"))
			}
		}
	}
}

// links and resets are what an operator has made for users, as maps.
type links map[string]mfa.EnrolLink

func (links) EnrolmentBlocked(context.Context, string) (bool, error) { return false, nil }

func (l links) EnrolLink(_ context.Context, id []byte) (mfa.EnrolLink, error) {
	link, ok := l[string(id)]
	if !ok {
		return link, store.ErrNotFound
	}
	return link, nil
}

func (links) UseEnrolLink(context.Context, []byte, string, time.Time) error { return mfa.ErrLink }

type resets map[string]mfa.PlannedReset

func (r resets) PlannedReset(_ context.Context, id string) (mfa.PlannedReset, error) {
	plan, ok := r[id]
	if !ok {
		return plan, store.ErrNotFound
	}
	return plan, nil
}

func (r resets) ResetOf(_ context.Context, subject string) (mfa.PlannedReset, error) {
	for _, plan := range r {
		if plan.Subject == subject {
			return plan, nil
		}
	}
	return mfa.PlannedReset{}, store.ErrNotFound
}

func (r resets) EndReset(_ context.Context, id string) error {
	if _, ok := r[id]; !ok {
		return store.ErrNotFound
	}
	delete(r, id)
	return nil
}

// TestLinksAndResets opens the links that an operator has made, in each state.
func TestLinksAndResets(t *testing.T) {
	s := newSite(t)
	now := s.clock.now()
	made, planned := links{}, resets{"r1": {ID: "r1", Subject: "s-ana", Due: now.Add(72 * time.Hour), Reason: "lost"}}
	s.configure(func(c *Config) {
		c.Stores.EnrolLinks, c.Stores.Resets, c.Keys.Links = made, planned, [][]byte{[]byte("makes the links that cancel a reset")}
	})
	link := func(l mfa.EnrolLink) string {
		token := ui.NewToken()
		made[string(ui.Digest(token))] = l
		return "/enrol?token=" + token
	}
	b := s.newBrowser()
	b.open("/enrol?token="+ui.NewToken()).at("enrol-link", "unknown").answers(http.StatusNotFound).says("We don’t know this link")
	b.open(link(mfa.EnrolLink{Subject: "s-ana", Expires: now.Add(time.Hour), Used: now})).at("enrol-link", "used").answers(http.StatusGone).says("This link was already used")
	b.open(link(mfa.EnrolLink{Subject: "s-ana", Expires: now})).at("enrol-link", "expired").answers(http.StatusGone).says("Ask help@example.com for a new link.")
	b.open(link(mfa.EnrolLink{Subject: "s-ben", Expires: now.Add(time.Hour)})).at("login", "link").password("ana").
		at("enrol-link", "other").answers(http.StatusForbidden).says("This link is for another account")

	b = s.signedIn(nil)
	b.open("/account/security").at("security", "off").says("A reset is planned", "On 6 March 2026 at 14:05 UTC two-step verification will be reset", "The reason given was: lost")
	to := strings.TrimPrefix(s.pages.CancelLink("r1"), s.server.URL)
	b.open("/reset/cancel?token=x").at("reset-cancel", "unknown").answers(http.StatusNotFound)
	b.open("/reset/cancelled").at("reset-cancel", "none").says("Resets of two-step verification")
	b.open(to).at("reset-cancel", "initial").says("On 6 March 2026 at 14:05 UTC all your authenticators").press("Cancel the reset").
		at("reset-cancel", "cancelled").says("Two-step verification stays as it is")
	b.open(to).at("reset-cancel", "gone").answers(http.StatusGone)
}

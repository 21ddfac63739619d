package catalogue

import (
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/BurntSushi/toml"
)

// translate returns the file of a language in which every text is that in English, changed.
func translate(t *testing.T, forms []string, change func(id, text string) string) []byte {
	t.Helper()
	var b strings.Builder
	l := english(t)
	for _, id := range l.IDs() {
		texts, has := l.Forms(id), forms
		if len(texts) == 1 {
			has = []string{"other"}
		}
		fmt.Fprintf(&b, "[%q]\n", id)
		for _, form := range has {
			fmt.Fprintf(&b, "%s = %q\n", form, change(id, texts["other"]))
		}
	}
	return []byte(b.String())
}

func unchanged(_, text string) string { return text }

func TestChoose(t *testing.T) {
	more := fstest.MapFS{
		"pt-BR.toml": {Data: translate(t, []string{"one", "other"}, unchanged)},
		"ar.toml":    {Data: translate(t, []string{"zero", "one", "two", "few", "many", "other"}, unchanged)},
		"ja.toml":    {Data: translate(t, []string{"other"}, unchanged)},
		"README.md":  {Data: []byte("no texts")},
	}
	set, err := New(more)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ locales, accept, want string }{
		{"", "", "en ltr"},
		{"", "de-DE,de;q=0.9", "en ltr"},
		{"", "*", "en ltr"},
		{"", "pt-BR,pt;q=0.9,en;q=0.5", "pt-BR ltr"},
		{"", "pt", "pt-BR ltr"},
		{"", "de, ar-EG;q=0.4", "ar rtl"},
		{"", "ja;q=0, en;q=0.1", "en ltr"},
		{"", "en;q=0.2, ja;q=0.8", "ja ltr"},
		{"", "\x00;;q=q", "en ltr"},
		{"", strings.Repeat("ja,", 5000), "en ltr"},
		{strings.Repeat("ja ", 5000), "ar", "ar rtl"},
		{"ja", "ar", "ja ltr"},
		{"xx-nonsense! ar ja", "en", "ar rtl"},
		{"de fr", "ar", "ar rtl"},
		{"en-GB", "ar", "en ltr"},
	} {
		l := set.Choose(tt.locales, tt.accept)
		if got := l.Lang + " " + l.Dir; got != tt.want {
			t.Errorf("ui_locales %q and Accept-Language %.40q choose %s, want %s", tt.locales, tt.accept, got, tt.want)
		}
	}
}

func TestPluralForms(t *testing.T) {
	set, err := New(fstest.MapFS{"ar.toml": {Data: []byte(strings.ReplaceAll(
		string(translate(t, []string{"zero", "one", "two", "few", "many", "other"}, unchanged)), "few = \"Only {n} ", "few = \"Few {n} "))}})
	if err != nil {
		t.Fatal(err)
	}
	arabic := set.Choose("ar", "")
	for n, want := range map[any]string{2: "Only 2", "3": "Few 3", 103: "Few 103", "11": "Only 11", "many": "Only many"} {
		if got := arabic.Text("recovery.low", Values{"n": n}); !strings.HasPrefix(got, want+" recovery codes") {
			t.Errorf("%v: %q, want %q", n, got, want)
		}
	}
}

// What is wrong with a language is told in full, and it is not used.
func TestFaultsAreTold(t *testing.T) {
	changes := map[string]string{
		"consent.title":          "Somebody wants {access}",
		"activity.not_you.look":  "{/a}Look{a}",
		"login.wrong":            "Email } is not right",
		"totp.used":              "Wait {n} {n}",
		"activity.times":         "often",
		"date.locale":            "de_DE",
		"security.elsewhere.end": "Sign out {everywhere}",
	}
	data := translate(t, []string{"other"}, func(id, text string) string {
		if change, ok := changes[id]; ok {
			return change
		}
		return text
	})
	data = append(data, "[\"login.more\"]\nother = \"more\"\n[\"part.cancel2\"]\none = \"x\"\nother = \"x\"\n"...)
	_, err := New(fstest.MapFS{"de.toml": {Data: data}})
	if err == nil {
		t.Fatal("the language is used")
	}
	for _, want := range []string{
		"consent.title other has other placeholders than client", "activity.not_you.look other has a pair",
		"login.wrong other has a brace", `message "totp.used" has no plural form "one"`, "security.elsewhere.end other has other placeholders", "login.more is in no use", "date.locale is no language tag",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the fault %q is not told in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "activity.times other") {
		t.Errorf("a form may not leave its number out:\n%v", err)
	}
	for name, data := range map[string]string{"de.toml": "not TOML", "en.toml": `"login.title" = "Sign in"`, "tlh.toml": `"login.titel" = "x"`, "not-a-language.toml": ""} {
		if _, err := New(fstest.MapFS{name: {Data: []byte(data)}}); err == nil {
			t.Errorf("%s with %q is used", name, data)
		}
	}
}

// TestWhatIsMissingIsEnglish translates two texts only.
func TestWhatIsMissingIsEnglish(t *testing.T) {
	set, err := New(fstest.MapFS{"fr.toml": {Data: []byte("\"login.title\" = \"Connexion\"\n[\"span.days\"]\none = \"{n} jour\"\nmany = \"{n} jours\"\nother = \"{n} jours\"\n")}})
	if err != nil {
		t.Fatal(err)
	}
	l := set.Choose("fr", "")
	for _, tt := range []struct{ got, want string }{
		{l.Text("login.title", nil), "Connexion"},
		{l.Text("span.days", Values{"n": 0}), "0 jour"}, // as French has it
		{l.Text("part.cancel", nil), "Cancel"},
		{string(l.HTML("part.cancel", nil)), "Cancel"},
		{l.Text("recovery.low", Values{"n": 0}), "Only 0 recovery codes left. Make a new set soon."}, // as English has it
		{l.Text("recovery.low", Values{"n": 1}), "Only 1 recovery code left. Make a new set soon."},
		{l.Text("part.account", Values{"who": "Ana"}), "Your account: Ana"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
	if got := set.Tags(); !slices.Equal(got, []string{"en", "fr"}) {
		t.Errorf("the languages are %v", got)
	}
}

// TestShippedLanguagesAreWhole holds the files that come with the program to each text.
func TestShippedLanguagesAreWhole(t *testing.T) {
	names, err := fs.Glob(files, "*.toml")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		var texts map[string]any
		data, err := fs.ReadFile(files, name)
		if err == nil {
			err = toml.Unmarshal(data, &texts)
		}
		if err != nil || len(texts) != len(english(t).IDs()) {
			t.Errorf("%s has %d texts, want %d: %v", name, len(texts), len(english(t).IDs()), err)
		}
	}
}

func TestFolder(t *testing.T) {
	folder := t.TempDir()
	if _, err := Folder(filepath.Join(folder, "none")); err == nil {
		t.Error("a folder that is not there is taken")
	}
	if _, err := Folder(folder); err == nil {
		t.Error("a folder without files is taken")
	}
	if err := os.WriteFile(filepath.Join(folder, "de.toml"), []byte(`"login.title" = "Anmelden"`), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "Sign in", folder: "Anmelden"} {
		set, err := Folder(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Choose("de", "").Text("login.title", nil); got != want {
			t.Errorf("with the folder %q: %q, want %q", path, got, want)
		}
	}
}

// Neither a text nor a value can bring markup along.
func TestMarkup(t *testing.T) {
	const evil = `<script>alert(1)</script>"'&`
	set, err := New(fstest.MapFS{"de.toml": {Data: translate(t, []string{"one", "other"}, func(id, text string) string {
		if id == "date.locale" { // is checked for what it is
			return text
		}
		return evil + text
	})}})
	if err != nil {
		t.Fatal(err)
	}
	german := set.Choose("de", "")
	values := Values{"n": 2, "count": evil, "a": Pair{`<a href="/x">`, "</a>"}, "who": template.HTML("<bdi>Ana</bdi>")}
	for _, id := range german.IDs() {
		got := string(german.HTML(id, values))
		for _, ours := range []string{`<a href="/x">`, "</a>", "<bdi>", "</bdi>"} {
			got = strings.ReplaceAll(got, ours, "")
		}
		if strings.ContainsAny(got, `<>"'`) {
			t.Errorf("%s is %s", id, got)
		}
	}
	for _, tt := range []struct{ got, want string }{
		{string(english(t).HTML("part.account", Values{"who": evil})), "Your account: " + template.HTMLEscapeString(evil)},
		{string(english(t).HTML("part.account", Values{"who": template.HTML("<bdi>Ana</bdi>")})), "Your account: <bdi>Ana</bdi>"},
		{string(english(t).HTML("part.account", nil)), "Your account: {who}"},
		{string(english(t).HTML("activity.not_you.look", Values{"a": Pair{"<a>", "</a>"}})), "<a>Look at your authenticators</a> and remove each that you do not know."},
		{english(t).Text("activity.not_you.look", Values{"a": Pair{"<a>", "</a>"}}), "Look at your authenticators and remove each that you do not know."},
		{english(t).Text("part.account", Values{"who": "<b> & {n}"}), "Your account: <b> & {n}"},
		{string(english(t).HTML("<no text>", nil)), "&lt;no text&gt;"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// operatorWords are those that some texts of commands need: operators know tokens, and the demo's words stand in columns on
// terminals of every kind.
var operatorWords = map[string][]string{
	"command.client.registered_by.token": {"token"}, "command.token.made": {"token"}, "command.token.revoked": {"token"}, "command.client.deleted": {"token"}, "command.key.old": {"token"}, "command.demo.welcome": {"  ", "'"},
}

// The texts speak as people do, and each is written once for a page.
func TestTexts(t *testing.T) {
	l := english(t)
	for _, id := range l.IDs() {
		for _, form := range slices.Sorted(maps.Keys(l.Forms(id))) {
			text := l.Forms(id)[form]
			for _, word := range []string{"log in", "token", "OTP", "MFA", "2FA", "  ", "'", "..."} {
				if slices.Contains(operatorWords[id], word) {
					continue
				}
				if strings.Contains(text, word) {
					t.Errorf("%s says %q to people", id, word)
				}
			}
			if text != strings.TrimSpace(text) && id != "codes.file" {
				t.Errorf("%s begins or ends with a space", id)
			}
		}
	}
}

// TestReworded: a program's own words stand in the place of those that it has others for, and are held to the same rules.
func TestReworded(t *testing.T) {
	set, err := Reworded(fstest.MapFS{
		"en.toml": {Data: []byte("\"login.title\" = \"Come in\"\n\"consent.title\" = \"Let {client} in?\"\n\"span.days\" = { one = \"one day\", other = \"{n} whole days\" }\n")},
		"ja.toml": {Data: []byte("\"part.password\" = \"x\"\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "en-US", "ja", "fr"} { // what a language lacks is said in English
		l := set.Choose(lang, "")
		for want, got := range map[string]string{
			"Come in": string(l.HTML("login.title", nil)), "Let A &amp; B in?": string(l.HTML("consent.title", Values{"client": "A & B"})),
			"3 whole days": l.Text("span.days", Values{"n": 3}), "one day": l.Text("span.days", Values{"n": 1}),
		} {
			if lang != "ja" && got != want {
				t.Errorf("%s: %q, want %q", lang, got, want)
			}
		}
	}
	if got := set.Choose("ja", "").Text("login.title", nil); got != "Come in" {
		t.Errorf("ja: %q", got)
	}
	if plain := english(t).Text("login.title", nil); plain != "Sign in" {
		t.Errorf("another set says %q", plain)
	}
	for name, files := range map[string]fstest.MapFS{
		"no text of ours":    {"en.toml": {Data: []byte(`"login.titel" = "x"`)}},
		"other placeholders": {"en.toml": {Data: []byte(`"consent.title" = "x"`)}},
		"two files":          {"en.toml": {Data: []byte(`"login.title" = "x"`)}, "x.en.toml": {Data: []byte(`"login.title" = "x"`)}},
	} {
		if _, err := Reworded(files); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

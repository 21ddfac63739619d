package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/docs/doctest"
)

// recipe is a section of docs/recipes.md, with the addresses of a test in the place of those of the example.
type recipe struct {
	t     *testing.T
	title string
	left  []doctest.Block // that the test has not asked for yet
	place *strings.Replacer
}

// openRecipe reads the section of that title. The places are what stands in it and what the test has in that place, in turn.
// A test that leaves a block of the section unused fails.
func openRecipe(t *testing.T, title string, places ...string) *recipe {
	t.Helper()
	_, text, ok := strings.Cut(doctest.Open(t, "docs/recipes.md").Text, "\n## "+title+"\n")
	if !ok {
		t.Fatalf("docs/recipes.md has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	r := &recipe{t: t, title: title, place: strings.NewReplacer(places...)}
	r.left = doctest.Document{Name: "docs/recipes.md", Text: text}.Blocks()
	t.Cleanup(func() {
		for _, block := range r.left {
			t.Errorf("the test of %q does nothing with its block\n%s", title, block.Text)
		}
	})
	return r
}

// next is the next block of a language.
func (r *recipe) next(language string) string {
	r.t.Helper()
	i := slices.IndexFunc(r.left, func(b doctest.Block) bool { return b.Language == language })
	if i < 0 {
		r.t.Fatalf("the recipe %q has no further block of %s", r.title, language)
	}
	text := r.left[i].Text
	r.left = slices.Delete(r.left, i, i+1)
	changed := r.place.Replace(text)
	if strings.Contains(changed, "example.com") {
		r.t.Errorf("the test of %q has nothing in the place of some addresses of\n%s", r.title, changed)
	}
	return changed
}

// printed is how client create shows the secret.
var printed = regexp.MustCompile(`(?m)^client secret +(\S+)$`)

// run runs the next block of commands against the database of the site, and returns the secrets that it prints.
func (r *recipe) run(s *servertest.Site) (secrets []string) {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "bash", "-euo", "pipefail", "-c", r.next("sh"))
	cmd.Dir = r.t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(program(r.t))+":"+os.Getenv("PATH"), "VESTIBULE_ISSUER="+s.Config.Issuer,
		"VESTIBULE_DATABASE="+s.Config.Database, "VESTIBULE_SECRET_KEYS="+s.Config.SecretKeys[0])
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("the commands of %q: %v\n%s", r.title, err, out)
	}
	s.Clock.Advance(max(0, time.Since(s.Clock.Now())+time.Second)) // commands go by the clock of the machine
	for _, match := range printed.FindAllStringSubmatch(string(out), -1) {
		secrets = append(secrets, match[1])
		s.KeepSecret(match[1])
	}
	return secrets
}

// write makes a file, and returns its path.
func write(t *testing.T, folder, name, text string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

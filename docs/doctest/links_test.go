package doctest

import (
	"image"
	"image/color"
	"image/png"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mostWords is how long the front may be, blocks aside.
const mostWords = 350

var (
	word   = regexp.MustCompile(`\S*\pL\S*`)
	markup = regexp.MustCompile(`<[^>]+>|\]\([^)]*\)`)
	target = regexp.MustCompile(`(!?)\[[^\]]*\]\(([^)\s]+)\)|<img src="([^"]+)"`)
	header = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// TestFront: whoever comes by reads README.md in two minutes, and sees the pages.
func TestFront(t *testing.T) {
	front := Open(t, "README.md")
	if n := len(word.FindAllString(markup.ReplaceAllString(front.Prose(), " "), -1)); n > mostWords {
		t.Errorf("README.md has %d words, want at most %d", n, mostWords)
	}
	if n := len(pictures(front)); n != 3 {
		t.Errorf("README.md has %d pictures, want 3", n)
	}
}

// TestLinks follows the links between the documents, and looks at all others that none is a picture.
func TestLinks(t *testing.T) {
	reached := map[string]bool{"README.md": true}
	all := All(t)
	for _, d := range all {
		for _, link := range links(d) {
			if fault := follow(t, d, link); fault != "" {
				t.Errorf("%s: %s %s", d.Name, link, fault)
			}
			to, _, _ := strings.Cut(link, "#")
			reached[path.Join(path.Dir(d.Name), to)] = true
		}
		for _, address := range pictures(d) {
			if strings.Contains(address, ":") {
				t.Errorf("%s: the picture %s makes readers call another host", d.Name, address)
			}
		}
	}
	for _, d := range all {
		if !reached[d.Name] {
			t.Errorf("no link leads to %s", d.Name)
		}
	}
}

// links returns where the links and pictures of a document lead.
func links(d Document) []string {
	var found []string
	for _, match := range target.FindAllStringSubmatch(d.Prose(), -1) {
		found = append(found, match[2]+match[3])
	}
	return found
}

func pictures(d Document) []string {
	var found []string
	for _, match := range target.FindAllStringSubmatch(d.Prose(), -1) {
		if match[1] != "" || match[3] != "" {
			found = append(found, match[2]+match[3])
		}
	}
	return found
}

// follow says what is wrong with a link, or nothing.
func follow(t *testing.T, d Document, link string) string {
	t.Helper()
	if strings.HasPrefix(link, "https://") {
		return ""
	}
	to, anchor, _ := strings.Cut(link, "#")
	name := d.Name
	if to != "" {
		name = path.Join(path.Dir(d.Name), to)
	}
	if _, err := os.Stat(filepath.Join(Root(t), filepath.FromSlash(name))); err != nil {
		return "leads nowhere"
	}
	if anchor != "" && !slices.Contains(anchors(Open(t, name)), anchor) {
		return "names a heading that is not there"
	}
	return ""
}

// anchors are the headings as links name them.
func anchors(d Document) []string {
	var all []string
	for _, match := range header.FindAllStringSubmatch(d.Prose(), -1) {
		all = append(all, anchor(match[1]))
	}
	return all
}

func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case strings.ContainsRune("`.,:?!'\"()/", r):
			return -1
		}
		return r
	}, strings.ToLower(heading))
}

// TestPictures: each is shown somewhere, small, and not cut. At the edge of a whole page is nothing but its background.
func TestPictures(t *testing.T) {
	shown := map[string]bool{}
	for _, d := range All(t) {
		for _, name := range pictures(d) {
			shown[path.Join(path.Dir(d.Name), name)] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(Root(t), "docs", "pictures", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no pictures: %v", err)
	}
	for _, file := range files {
		name := "docs/pictures/" + filepath.Base(file)
		if !shown[name] {
			t.Errorf("no document shows %s", name)
		}
		checkPicture(t, file, name)
	}
}

func checkPicture(t *testing.T, path, name string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || info.Size() > 64<<10 {
		t.Errorf("%s is larger than 64 kB (%v)", name, err)
	}
	picture, err := png.Decode(file)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if hasCutEdge(picture) {
		t.Errorf("%s is cut: something touches its edge", name)
	}
}

func hasCutEdge(p image.Image) bool {
	b := p.Bounds()
	background := p.At(b.Min.X, b.Min.Y)
	for x := b.Min.X; x < b.Max.X; x++ {
		if differs(p.At(x, b.Min.Y), background) || differs(p.At(x, b.Max.Y-1), background) {
			return true
		}
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		if differs(p.At(b.Min.X, y), background) || differs(p.At(b.Max.X-1, y), background) {
			return true
		}
	}
	return false
}

// differs lets the faint end of a shadow pass.
func differs(a, b color.Color) bool {
	const faint = 12
	x, y := color.GrayModel.Convert(a).(color.Gray), color.GrayModel.Convert(b).(color.Gray)
	return max(x.Y, y.Y)-min(x.Y, y.Y) > faint
}

package ui

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast computes what WCAG 2.2 asks for (1.4.3, 1.4.11) from the colours of the style sheet.
func TestContrast(t *testing.T) {
	data, err := staticFiles.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	light := colours(t, between(string(data), ":root {", "}"))
	dark := colours(t, between(string(data), "(prefers-color-scheme: dark)", "}\n}"))
	for name := range light {
		if _, ok := dark[name]; !ok {
			t.Errorf("%s has no dark value", name)
		}
	}
	for _, tt := range []struct {
		front, back string
		least       float64
	}{
		{"fg", "card", 4.5}, {"fg", "bg", 4.5}, {"muted", "card", 4.5}, {"muted", "bg", 4.5},
		{"accent", "card", 4.5}, {"accent-deep", "card", 4.5}, {"accent-fg", "accent", 4.5}, {"accent-fg", "accent-deep", 4.5},
		{"err", "card", 4.5}, {"err", "err-bg", 4.5}, {"err-fg", "err", 4.5}, {"ok", "card", 4.5}, {"ok", "ok-bg", 4.5},
		{"warn", "warn-bg", 4.5}, {"note", "note-bg", 4.5},
		{"line", "card", 3}, {"line", "bg", 3}, {"accent", "bg", 3}, {"err", "bg", 3},
	} {
		for scheme, set := range map[string]map[string]float64{"light": light, "dark": dark} {
			if got := ratio(set[tt.front], set[tt.back]); got < tt.least {
				t.Errorf("%s: %s on %s is %.2f:1, want %.1f:1", scheme, tt.front, tt.back, got, tt.least)
			}
		}
	}
	for scheme, set := range map[string]map[string]float64{"light": light, "dark": dark} {
		for _, ground := range []string{"card", "bg", "accent", "err"} { // the focus has two colours, of which one will do
			if got := max(ratio(set["focus"], set[ground]), ratio(set["focus-ring"], set[ground])); got < 3 {
				t.Errorf("%s: the focus on %s is %.2f:1", scheme, ground, got)
			}
		}
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

var colour = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`)

// colours returns the relative luminance of each token.
func colours(t *testing.T, css string) map[string]float64 {
	t.Helper()
	set := map[string]float64{}
	for _, m := range colour.FindAllStringSubmatch(css, -1) {
		set[m[1]] = luminance(m[2])
	}
	if len(set) < 15 {
		t.Fatalf("found %d colours", len(set))
	}
	return set
}

func luminance(hex string) float64 {
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			return math.NaN()
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func ratio(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

func TestStyleSheet(t *testing.T) {
	data, err := staticFiles.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	css := string(data)
	for _, banned := range []string{"position: fixed", "position: sticky", "@import", "url(", "@font-face"} {
		if strings.Contains(css, banned) {
			t.Errorf("the style sheet has %q", banned)
		}
	}
	quiet, _, _ := strings.Cut(css, "@media (prefers-reduced-motion: no-preference)")
	if strings.Contains(quiet, "transition") || strings.Contains(quiet, "animation") {
		t.Error("something moves for people who asked for none of it")
	}
}

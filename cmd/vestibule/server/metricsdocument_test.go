package server

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"vestibule/docs/doctest"
)

// described matches what Prometheus says of a metric.
var described = regexp.MustCompile(`fqName: "(vestibule_[a-z_]+)".*variableLabels: \{(.*?)\}`)

// TestMetricsDocument compares the table of metrics with what the server counts: every name and every label.
func TestMetricsDocument(t *testing.T) {
	labels := map[string]string{}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		newMetrics().registry.Describe(descriptions)
		close(descriptions)
	}()
	for d := range descriptions {
		if match := described.FindStringSubmatch(d.String()); match != nil {
			labels[match[1]] = match[2]
		}
	}
	var documented []string
	for _, row := range doctest.Open(t, "docs/operators.md").Rows(t, "metric") {
		name := doctest.Code(row[0])[0]
		documented = append(documented, name)
		if want, ok := labels[name]; !ok {
			t.Errorf("docs/operators.md has %s, which the server does not count", name)
		} else if got := strings.Join(doctest.Code(row[1]), ","); got != want {
			t.Errorf("%s has the labels %s, want %s", name, got, want)
		}
	}
	for name := range labels {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/operators.md lacks %s", name)
		}
	}
}

// TestResultsDocument compares what the table says that results can be with what proofs are counted as.
func TestResultsDocument(t *testing.T) {
	want := []string{"ok", "wrong", "locked"}
	for _, result := range results {
		want = append(want, result)
	}
	slices.Sort(want)
	for _, row := range doctest.Open(t, "docs/operators.md").Rows(t, "metric") {
		if doctest.Code(row[0])[0] != "vestibule_sign_in_attempts_total" {
			continue
		}
		_, listed, _ := strings.Cut(row[1], "`result` (")
		listed, _, _ = strings.Cut(listed, ")")
		got := strings.Split(listed, ", ")
		if slices.Sort(got); !slices.Equal(got, slices.Compact(want)) {
			t.Errorf("docs/operators.md says that results are %q, want %q", got, slices.Compact(want))
		}
		return
	}
	t.Error("docs/operators.md has no sign-in attempts")
}

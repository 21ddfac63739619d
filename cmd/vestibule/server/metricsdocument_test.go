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

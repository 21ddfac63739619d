package bench

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Result is what came of one operation with one number of clients.
type Result struct {
	Operation string  `json:"operation"`
	Clients   int     `json:"clients"`
	Count     int     `json:"count"` // that went well; the figures that follow are of those
	Rate      float64 `json:"rate"`  // in a second, by all clients
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	CPU       float64 `json:"server_cpu_ms,omitempty"` // of each, for the process of the server; 0: it is not known
	Failed    int     `json:"failed"`
	Errors    []Error `json:"errors,omitempty"`
	Elapsed   float64 `json:"elapsed_s"` // with all that was not measured

	NoCPU error `json:"-"` // why CPU is not known; nil: nobody has asked
}

// Error is what failed in the same way.
type Error struct {
	Kind    string `json:"kind"`
	Count   int    `json:"count"`
	Example string `json:"example"`
}

func (p *phase) result() Result {
	r := Result{Operation: p.name, Clients: len(p.clients), Elapsed: p.elapsed.Seconds(), NoCPU: p.noCPU}
	var took []time.Duration
	var faults []error
	for _, one := range p.runs {
		took, faults = append(took, one.took...), append(faults, one.faults...)
		if one.busy > 0 {
			r.Rate += float64(len(one.took)) / one.busy.Seconds()
		}
	}
	slices.Sort(took)
	r.Count, r.Failed, r.Errors = len(took), len(faults), byKind(faults)
	r.P50, r.P99, r.Max = share(took, 50), share(took, 99), share(took, 100)
	if r.Count > 0 && p.noCPU == nil {
		r.CPU = milliseconds(p.cpu) / float64(r.Count)
	}
	return r
}

// share is the time within which so many of a hundred were done, in milliseconds: the nearest that one took.
func share(sorted []time.Duration, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return milliseconds(sorted[(len(sorted)*percent+99)/100-1])
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// byKind counts errors that are alike, the most frequent first, each with the first that there was.
func byKind(faults []error) []Error {
	var all []Error
	for _, err := range faults {
		found := Error{Kind: "other", Example: err.Error()}
		var f *fault
		if errors.As(err, &f) {
			found.Kind, found.Example = f.kind, f.example
		}
		i := slices.IndexFunc(all, func(e Error) bool { return e.Kind == found.Kind })
		if i < 0 {
			i, all = len(all), append(all, found)
		}
		all[i].Count++
	}
	slices.SortStableFunc(all, func(a, b Error) int { return cmp.Compare(b.Count, a.Count) })
	return all
}

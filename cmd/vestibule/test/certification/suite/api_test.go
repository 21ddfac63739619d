//go:build conformance

package suite

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// api is that of the suite.
type api struct {
	origin string
	http   *http.Client
}

// module is one test of a plan, as the suite names it.
type module struct {
	Name    string            `json:"testModule"`
	Variant map[string]string `json:"variant"`
}

// state is how far a module is.
type state struct {
	Status  string `json:"status"`
	Result  string `json:"result"`
	Summary string `json:"summary"`
}

// ended reports whether nothing more is to come.
func (s state) ended() bool { return s.Status == "FINISHED" || s.Status == "INTERRUPTED" }

// entry is one of the log of a module.
type entry struct {
	Source       string   `json:"src"`
	Message      string   `json:"msg"`
	Result       string   `json:"result"`
	Requirements []string `json:"requirements"`
	Upload       string   `json:"upload"` // the place for a picture of what the user sees
	Image        string   `json:"img"`
}

// address is one that a user is to go to.
type address struct {
	URL    string `json:"url"`
	Method string `json:"method"`
}

// newPlan makes a plan and returns its modules.
func (a api) newPlan(t *testing.T, name string, variant map[string]string, settings map[string]any) (id string, modules []module) {
	t.Helper()
	var plan struct {
		ID      string   `json:"id"`
		Modules []module `json:"modules"`
	}
	a.call(t, http.MethodPost, "/api/plan?"+url.Values{"planName": {name}, "variant": {encoded(variant)}}.Encode(), settings, &plan)
	return plan.ID, plan.Modules
}

// begin starts a module and returns the id of its run. Some want something done before: ready does it.
func (a api) begin(t *testing.T, plan string, m module, ready func()) (id string) {
	t.Helper()
	var run struct {
		ID string `json:"id"`
	}
	a.call(t, http.MethodPost, "/api/runner?"+url.Values{"plan": {plan}, "test": {m.Name}, "variant": {encoded(m.Variant)}}.Encode(), nil, &run)
	for range 600 {
		switch a.state(t, run.ID).Status {
		case "CREATED", "":
			time.Sleep(pause)
		case "CONFIGURED":
			ready()
			a.call(t, http.MethodPost, "/api/runner/"+run.ID, nil, nil)
			return run.ID
		default:
			return run.ID
		}
	}
	t.Fatalf("the run %s of %s does not begin", run.ID, m.Name)
	return ""
}

func (a api) state(t *testing.T, id string) (s state) {
	t.Helper()
	a.call(t, http.MethodGet, "/api/info/"+id, nil, &s)
	return s
}

// log is all that the suite has noted.
func (a api) log(t *testing.T, id string) (all []entry, raw []byte) {
	t.Helper()
	raw = a.call(t, http.MethodGet, "/api/log/"+id, nil, &all)
	return all, raw
}

// next is where the user is to go; nil: nowhere. The suite takes it for visited.
func (a api) next(t *testing.T, id string) *address {
	t.Helper()
	var run struct {
		Browser struct {
			Addresses []address `json:"urlsWithMethod"`
		} `json:"browser"`
	}
	a.call(t, http.MethodGet, "/api/runner/"+id, nil, &run)
	if len(run.Browser.Addresses) == 0 {
		return nil
	}
	first := run.Browser.Addresses[0]
	a.call(t, http.MethodPost, "/api/runner/browser/"+id+"/visit?"+url.Values{"url": {first.URL}}.Encode(), nil, nil)
	return &first
}

// picture is the smallest PNG there is. The suite asks people for a picture, which people review; this test tells what the page
// said instead.
const picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// show fills the places for pictures and reports what they were for.
func (a api) show(t *testing.T, id string) (shown []string) {
	t.Helper()
	all, _ := a.log(t, id)
	for _, e := range all {
		if e.Upload == "" || e.Image != "" {
			continue
		}
		a.send(t, http.MethodPost, "/api/log/"+id+"/images/"+e.Upload, "text/plain", []byte(picture))
		shown = append(shown, e.Message)
	}
	return shown
}

// call sends a question and reads the answer into what, if that is not nil.
func (a api) call(t *testing.T, method, path string, question, what any) []byte {
	t.Helper()
	var body []byte
	if question != nil {
		body = must(json.Marshal(question))
	}
	answer := a.send(t, method, path, "application/json", body)
	if what != nil {
		if err := json.Unmarshal(answer, what); err != nil {
			t.Fatalf("%s %s: %v in %.200s", method, path, err, answer)
		}
	}
	return answer
}

func (a api) send(t *testing.T, method, path, kind string, body []byte) []byte {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), method, a.origin+path, bytes.NewReader(body)))
	request.Header.Set("Content-Type", kind)
	response, err := a.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %.500s (%v)", method, path, response.Status, answer, err)
	}
	return answer
}

func encoded(variant map[string]string) string { return string(must(json.Marshal(variant))) }

// pause is between two questions how far a module is.
const pause = 300 * time.Millisecond

package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/client"
)

// counted counts the answers of a mux. It stands right before the mux, which writes the pattern of the route into the
// request that it is given. Routes are called by what comes after the path of the issuer.
func (m *metrics) counted(path string, mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		seen := &answerRecorder{recorder: recorder{ResponseWriter: w}, keep: r.URL.Path == path+tokenPath}
		panicked := true
		defer func() {
			code := seen.code()
			if panicked && seen.status == 0 {
				code = http.StatusInternalServerError // what recoverPanics will answer
			}
			route, method := routeOf(r, path), oneOf(r.Method, "other", http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions)
			m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
			m.durations.WithLabelValues(route, method).Observe(time.Since(began).Seconds())
			if route == tokenPath && r.Method == http.MethodPost {
				m.answered(r, code, seen.body)
			}
		}()
		mux.ServeHTTP(seen, r)
		panicked = false
	})
}

const tokenPath = "/token"

// routeOf is the pattern without its method and the path of the issuer. What matches none is the page that says so.
func routeOf(r *http.Request, issuer string) string {
	_, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		path = r.Pattern
	}
	return cmp.Or(strings.TrimPrefix(path, issuer), "other")
}

// answered counts an answer of the token endpoint, which records no event: it would cost a write.
func (m *metrics) answered(r *http.Request, code int, body []byte) {
	grant := oneOf(r.PostForm.Get("grant_type"), "other", "authorization_code", "refresh_token", client.GrantDevice, "client_credentials")
	if code == http.StatusOK {
		m.tokens.WithLabelValues(grant).Inc()
		return
	}
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		answer.Error = ""
	}
	m.tokenErrors.WithLabelValues(grant, oneOf(answer.Error, "other", tokenErrors...)).Inc()
}

var tokenErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"server_error", "temporarily_unavailable", "authorization_pending", "slow_down", "access_denied", "expired_token",
	"invalid_dpop_proof", "use_dpop_nonce",
}

// answerRecorder also keeps a refusal of the token endpoint, which is small. It never keeps tokens.
type answerRecorder struct {
	recorder
	keep bool
	body []byte
}

func (w *answerRecorder) Write(p []byte) (int, error) {
	const most = 4 << 10
	if w.keep && w.status >= http.StatusBadRequest && len(w.body)+len(p) <= most {
		w.body = append(w.body, p...)
	}
	return w.recorder.Write(p)
}

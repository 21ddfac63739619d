package server

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// scrape returns the lines of /metrics.
func scrape(t *testing.T, s *Server) []string {
	t.Helper()
	w := get(t, s.admin, "/metrics")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("/metrics answers %d with %s", w.Code, w.Header().Get("Content-Type"))
	}
	return strings.Split(w.Body.String(), "\n")
}

// hasLines reports each wanted line that is missing.
func hasLines(t *testing.T, lines []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(lines, line) {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("the metrics have not\n%s\nbut\n%s", line, strings.Join(linesOf(lines, name), "\n"))
		}
	}
}

func linesOf(lines []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, name) })
}

// TestMetricNames asks Prometheus' own checker.
func TestMetricNames(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	for _, e := range metricEvents {
		if err := s.metrics.event(t.Context(), e.event); err != nil {
			t.Error(err)
		}
	}
	get(t, s.handler, "/token")
	problems, err := promlint.New(strings.NewReader(strings.Join(scrape(t, s), "\n"))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

var metricEvents = []struct {
	event audit.Event
	want  []string
}{
	{audit.Event{Kind: audit.EventPassword}, []string{`vestibule_sign_in_attempts_total{result="ok",step="password"} 1`}},
	{audit.Event{Kind: audit.EventPasswordFailed, Detail: map[string]string{"reason": "wrong"}}, []string{`vestibule_sign_in_attempts_total{result="wrong",step="password"} 1`}},
	{audit.Event{Kind: audit.EventPasswordLocked, Detail: map[string]string{"budget": "address"}}, []string{
		`vestibule_sign_in_attempts_total{result="locked",step="password"} 1`, `vestibule_lockouts_total{scope="address",step="password"} 1`}},
	{audit.Event{Kind: audit.EventTOTPLocked}, []string{`vestibule_lockouts_total{scope="account",step="totp"} 1`}},
	{audit.Event{Kind: audit.EventTOTP, Detail: map[string]string{"offset": "1"}}, []string{
		`vestibule_sign_in_attempts_total{result="ok",step="totp"} 1`, `vestibule_totp_accepted_step_offset_total{offset="1"} 1`}},
	{audit.Event{Kind: audit.EventTOTPFailed, Detail: map[string]string{"reason": "used"}}, []string{`vestibule_sign_in_attempts_total{result="replayed",step="totp"} 1`}},
	{audit.Event{Kind: audit.EventTOTPFailed, Detail: map[string]string{"reason": "expired"}}, []string{`vestibule_sign_in_attempts_total{result="expired",step="totp"} 1`}},
	{audit.Event{Kind: audit.EventTOTPFailed, Detail: map[string]string{"reason": "clock"}}, []string{`vestibule_sign_in_attempts_total{result="clock",step="totp"} 1`}},
	{audit.Event{Kind: audit.ProofFailed("webauthn"), Detail: map[string]string{"reason": "cloned"}}, []string{`vestibule_sign_in_attempts_total{result="cloned",step="webauthn"} 1`}},
	{audit.Event{Kind: audit.ProofFailed("webauthn"), Detail: map[string]string{"reason": "origin"}}, []string{`vestibule_sign_in_attempts_total{result="origin",step="webauthn"} 1`}},
	{audit.Event{Kind: audit.ProofFailed("webauthn"), Detail: map[string]string{"reason": "cross_origin"}}, []string{`vestibule_sign_in_attempts_total{result="origin",step="webauthn"} 1`}},
	{audit.Event{Kind: audit.ProofFailed("webauthn"), Detail: map[string]string{"reason": "rp_id"}}, []string{`vestibule_sign_in_attempts_total{result="origin",step="webauthn"} 1`}},
	{audit.Event{Kind: audit.ProofFailed("webauthn"), Detail: map[string]string{"reason": "presence"}}, []string{`vestibule_sign_in_attempts_total{result="wrong",step="webauthn"} 1`}},
	{audit.Event{Kind: audit.EventRecoveryUsed}, []string{`vestibule_sign_in_attempts_total{result="ok",step="recovery"} 1`, `vestibule_recovery_codes_used_total 1`}},
	{audit.Event{Kind: audit.Proved("key")}, []string{`vestibule_sign_in_attempts_total{result="ok",step="key"} 1`}},
	{audit.Event{Kind: audit.ProofLocked("key")}, []string{
		`vestibule_sign_in_attempts_total{result="locked",step="key"} 1`, `vestibule_lockouts_total{scope="account",step="key"} 1`}},
	{audit.Event{Kind: audit.EventConsentDenied}, []string{`vestibule_consents_total{decision="deny"} 1`}},
	{audit.Event{Kind: audit.EventConsentRevoked}, []string{`vestibule_consents_total{decision="revoke"} 1`}},
	{audit.Event{Kind: audit.EventAdminConsent}, []string{`vestibule_consents_total{decision="revoke"} 1`}},
	{audit.Event{Kind: audit.EventRefused, Detail: map[string]string{"error": "login_required"}}, []string{`vestibule_authorizations_total{result="login_required"} 1`}},
	{audit.Event{Kind: audit.EventRefused, Detail: map[string]string{"error": "made up"}}, []string{`vestibule_authorizations_total{result="other"} 1`}},
	{audit.Event{Kind: audit.EventCertificateRefused, Detail: map[string]string{"reason": "subject"}}, []string{`vestibule_client_certificates_refused_total{reason="subject"} 1`}},
	{audit.Event{Kind: audit.EventTokenKeyRefused, Detail: map[string]string{"token": "access token"}}, []string{`vestibule_token_keys_refused_total{token="access token"} 1`}},
	{audit.Event{Kind: audit.EventTokenReused}, []string{`vestibule_tokens_reused_total 1`}},
	{audit.Event{Kind: audit.EventTokenRevoked, Detail: map[string]string{"token": "refresh"}}, []string{`vestibule_tokens_revoked_total{token="refresh"} 1`}},
}

func TestMetricEvents(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	for _, tt := range metricEvents {
		m := newMetrics()
		if err := m.event(t.Context(), tt.event); err != nil {
			t.Error(err)
		}
		hasLines(t, scrape(t, &Server{admin: m.handler(s)}), tt.want...)
	}
}

// Routes are told by their patterns, whatever people ask for, and a panic counts as the answer that it becomes.
func TestMetricRoutes(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{name}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/all", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("tell nobody") })
	h := recoverPanics(s.log, func(w http.ResponseWriter, _ *http.Request, _ error) { http.Error(w, "", 500) }, s.metrics.counted("", mux))
	for _, ask := range []string{"GET /users/ana", "HEAD /users/ben", "BREW /all", "GET /panic", "GET /nowhere/ana"} {
		method, path, _ := strings.Cut(ask, " ")
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, nil))
	}
	hasLines(t, scrape(t, s),
		`vestibule_http_requests_total{code="200",method="GET",route="/users/{name}"} 1`,
		`vestibule_http_requests_total{code="200",method="HEAD",route="/users/{name}"} 1`,
		`vestibule_http_requests_total{code="418",method="other",route="/all"} 1`,
		`vestibule_http_requests_total{code="500",method="GET",route="/panic"} 1`,
		`vestibule_http_requests_total{code="404",method="GET",route="other"} 1`,
		`vestibule_http_request_duration_seconds_count{method="GET",route="/panic"} 1`,
	)
}

// A database that is gone shows in the metrics, which are served all the same.
func TestMetricsWithoutDatabase(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.audit.Record(t.Context(), audit.Event{Kind: audit.EventPassword}); err == nil {
		t.Error("an event was recorded in a closed database")
	}
	lines := scrape(t, s)
	hasLines(t, lines, `vestibule_clock_offset_seconds NaN`, `vestibule_audit_write_failures_total 1`, `vestibule_store_errors_total{op="write"} 1`)
	if len(linesOf(lines, `vestibule_store_errors_total{op="read"}`)) == 0 {
		t.Error("failed questions are not counted")
	}
}

// Metrics are for the operator's network, not for the one that users come from.
func TestMetricsAreNotPublic(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	if w := get(t, s.handler, "/metrics"); w.Code != http.StatusNotFound {
		t.Errorf("/metrics on the public address: %d, want 404", w.Code)
	}
	if w := get(t, s.admin, "/metrics"); w.Code != http.StatusOK {
		t.Errorf("/metrics on the admin address: %d, want 200", w.Code)
	}
}

// TestMailMetrics takes the words of the sender.
func TestMailMetrics(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	for _, result := range []string{"sent", "failed", "dropped", "sent"} {
		s.metrics.mailed(result)
	}
	hasLines(t, scrape(t, s), `vestibule_mail_sent_total{result="sent"} 2`, `vestibule_mail_sent_total{result="failed"} 1`, `vestibule_mail_sent_total{result="dropped"} 1`)
}

// TestClock shows that a server whose clock is off is not ready, and says in which direction, on both databases.
func TestClock(t *testing.T) {
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storagetest.Open(t, dsn)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			off  time.Duration
			want string // empty: ready
		}{
			{"right", 0, ""},
			{"a little off", 3 * time.Second, ""},
			{"ahead", time.Minute, "ahead of that of the database, more than clock_skew (5s); have both follow a time service"},
			{"behind", -time.Minute, "behind that of the database, more than clock_skew (5s)"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				s := serverOn(t, dsn, func() time.Time { return time.Now().Add(tt.off) })
				w := get(t, s.admin, "/readyz")
				if ready := w.Code == http.StatusOK; ready != (tt.want == "") || !strings.Contains(w.Body.String(), tt.want) {
					t.Errorf("readyz: %d %s, want %q", w.Code, w.Body, tt.want)
				}
				offset, within, err := clockOffset(t.Context(), s.store, s.now)
				if err != nil || (offset+tt.off).Abs() > within+time.Second {
					t.Errorf("offset %s within %s (%v), want about %s", offset, within, err, -tt.off)
				}
			})
		}
	})
}

// A trip that failed counts as one, whatever it was for.
func TestTripErrors(t *testing.T) {
	s, _ := testServer(t, slog.New(slog.DiscardHandler))
	s.metrics.trip(storage.Trip{Err: io.EOF})
	s.metrics.trip(storage.Trip{Writes: true, Err: errors.New("gone")})
	hasLines(t, scrape(t, s), `vestibule_store_errors_total{op="read"} 1`, `vestibule_store_errors_total{op="write"} 1`)
}

package server

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vestibule/mfa/webauthn"
	"vestibule/provider/audit"
	"vestibule/provider/backchannel"
	"vestibule/provider/jwks"
	"vestibule/provider/registration"
	"vestibule/storage"
)

// metrics are what the server counts, for Prometheus. No label has a user, a client or an address in it: their number
// has no bound, and metrics are shown to more people than the audit log is.
type metrics struct {
	registry *prometheus.Registry

	requests      *prometheus.CounterVec
	durations     *prometheus.HistogramVec
	signIns       *prometheus.CounterVec
	offsets       *prometheus.CounterVec
	lockouts      *prometheus.CounterVec
	enrolments    *prometheus.CounterVec
	recoveries    prometheus.Counter
	authorized    *prometheus.CounterVec
	consents      *prometheus.CounterVec
	tokens        *prometheus.CounterVec
	tokenErrors   *prometheus.CounterVec
	reused        prometheus.Counter
	revoked       *prometheus.CounterVec
	registrations *prometheus.CounterVec
	keysRefused   *prometheus.CounterVec
	certsRefused  *prometheus.CounterVec
	reads, writes prometheus.Observer // round trips to the database
	tripErrors    *prometheus.CounterVec
	hashes        prometheus.Observer
	mails         *prometheus.CounterVec
	logouts       *prometheus.CounterVec
	logoutsWait   prometheus.Gauge
	auditFailures prometheus.Counter
	clockOffset   prometheus.Gauge
	keyAge        *prometheus.GaugeVec
}

const namespace = "vestibule"

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.addAnswers()
	m.addProofs()
	m.addWorks()
	m.gauge("build_info", "Always 1; the labels say what runs.", "version", "go").WithLabelValues(Version(), runtime.Version()).Set(1)
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// addAnswers adds what clients and browsers get.
func (m *metrics) addAnswers() {
	m.requests = m.count("http_requests_total", "Answers, by the pattern of the route.", "route", "method", "code")
	m.durations = m.measure("http_request_duration_seconds", "Time until the answer was written.", requestBuckets, "route", "method")
	m.authorized = m.count("authorizations_total", "Answers to authorization requests of signed-in users: ok or the OAuth error.", "result")
	m.consents = m.count("consents_total", "What was allowed, denied and revoked to clients by users, and revoked by operators.", "decision")
	m.tokens = m.count("tokens_issued_total", "Good answers of the token endpoint.", "grant_type")
	m.tokenErrors = m.count("token_errors_total", "Refusals of the token endpoint.", "grant_type", "error")
	m.reused = m.count("tokens_reused_total", "Spent codes and refresh tokens that came again, so that their family was revoked.").WithLabelValues()
	m.keysRefused = m.count("token_keys_refused_total", "Codes and tokens that came without a proof of the key that they are bound to; of each once an hour.", "token")
	m.certsRefused = m.count("client_certificates_refused_total", "Certificates of clients that were another's, or not good any more; of each client once an hour.", "reason")
	m.registrations = m.count("registrations_total", "Tries of apps to register themselves, by what became of them.", "result")
	m.revoked = m.count("tokens_revoked_total", "Tokens that clients have revoked; a refresh token ends all of its family.", "token")
}

// addProofs adds what users do.
func (m *metrics) addProofs() {
	m.signIns = m.count("sign_in_attempts_total", "Proofs that were compared. Nothing is compared while a lock holds.", "step", "result")
	m.offsets = m.count("totp_accepted_step_offset_total", "Accepted codes by their step: -1 is the step before the present one. When one side grows, a clock drifts.", "offset")
	m.lockouts = m.count("lockouts_total", "Guesses that used up a budget, by the step and whose budget it was.", "step", "scope")
	m.enrolments = m.count("enrolments_total", "Authenticators that were turned on.", "factor", "result")
	m.recoveries = m.count("recovery_codes_used_total", "Recovery codes that were right.").WithLabelValues()
}

// addWorks adds what the server itself does.
func (m *metrics) addWorks() {
	trips := m.measure("store_operation_duration_seconds", "Round trips to the database.", tripBuckets, "op")
	m.reads, m.writes = trips.WithLabelValues("read"), trips.WithLabelValues("write")
	m.tripErrors = m.count("store_errors_total", "Round trips to the database that failed.", "op")
	m.hashes = m.measure("password_hash_duration_seconds", "Time to hash a password, the wait for a core aside.", hashBuckets).WithLabelValues()
	m.mails = m.count("mail_sent_total", "Tries to send mail to users, by what became of them.", "result")
	m.logouts = m.count("logout_tokens_total", "Tries to tell apps of the end of a session, by what became of them.", "result")
	m.logoutsWait = m.gauge("logout_tokens_waiting", "Ends of sessions that apps are still to hear of.").WithLabelValues()
	m.auditFailures = m.count("audit_write_failures_total", "Events that could not be recorded, and with them what they record.").WithLabelValues()
	m.clockOffset = m.gauge("clock_offset_seconds", "The database's clock less this server's; NaN: not known.").WithLabelValues()
	m.keyAge = m.gauge("signing_key_age_seconds", "Age of the keys that sign.", "alg")
}

func (m *metrics) count(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) measure(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(v)
	return v
}

var (
	requestBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	tripBuckets    = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1, 5}
	hashBuckets    = []float64{.005, .01, .02, .03, .05, .075, .1, .2, .5, 1, 2}
)

// event is the hook of the audit log. It counts what was recorded; when the commit that the event belongs to fails
// afterwards, which is rare, there is one too many.
func (m *metrics) event(_ context.Context, e audit.Event) error {
	if factor, result, ok := audit.Proof(e.Kind); ok {
		m.proof(factor, result, e)
		return nil
	}
	switch e.Kind {
	case audit.EventDeviceCode:
		m.proof("device", audit.ResultOK, e)
	case audit.EventDeviceCodeFailed:
		m.proof("device", audit.ResultFailed, e)
	case audit.EventDeviceCodeLocked:
		m.proof("device", audit.ResultLocked, e)
	case audit.EventFactorAdded:
		m.enrolments.WithLabelValues(e.Detail["factor"], "done").Inc()
	case audit.EventAdminTOTPAdded:
		m.enrolments.WithLabelValues("totp", "done").Inc()
	case audit.EventConsent:
		m.consents.WithLabelValues("allow").Inc()
	case audit.EventConsentDenied:
		m.consents.WithLabelValues("deny").Inc()
	case audit.EventConsentRevoked, audit.EventAdminConsent:
		m.consents.WithLabelValues("revoke").Inc()
	case audit.EventAuthorized:
		m.authorized.WithLabelValues("ok").Inc()
	case audit.EventRefused:
		m.authorized.WithLabelValues(oneOf(e.Detail["error"], "other", authorizationErrors...)).Inc()
	case audit.EventTokenReused:
		m.reused.Inc()
	case audit.EventTokenKeyRefused:
		m.keysRefused.WithLabelValues(oneOf(e.Detail["token"], "other", "code", "refresh token", "access token")).Inc()
	case audit.EventCertificateRefused:
		m.certsRefused.WithLabelValues(oneOf(e.Detail["reason"], "other", "expired", "usage", "authority", "subject", "key")).Inc()
	case audit.EventTokenRevoked:
		m.revoked.WithLabelValues(oneOf(e.Detail["token"], "other", "access", "refresh")).Inc()
	}
	return nil
}

// proof counts under the name of the factor: password, recovery or a kind of authenticator.
func (m *metrics) proof(factor, result string, e audit.Event) {
	switch result {
	case audit.ResultOK:
		m.signIns.WithLabelValues(factor, "ok").Inc()
	case audit.ResultFailed:
		m.signIns.WithLabelValues(factor, resultOf(e)).Inc()
	case audit.ResultLocked:
		m.signIns.WithLabelValues(factor, "locked").Inc()
		m.lockouts.WithLabelValues(factor, oneOf(e.Detail["budget"], "account", "address", "browser", "account")).Inc()
	}
	switch e.Kind {
	case audit.EventTOTP:
		m.offsets.WithLabelValues(oneOf(e.Detail["offset"], "other", "-1", "0", "1")).Inc()
	case audit.EventRecoveryUsed:
		m.recoveries.Inc()
	}
}

// resultOf is what a refused answer is counted as.
func resultOf(e audit.Event) string {
	if result := results[e.Detail["reason"]]; result != "" {
		return result
	}
	return "wrong"
}

// results are what reasons of a refusal are counted as that say more than that an answer was wrong.
var results = map[string]string{
	"used": "replayed", "expired": "expired", "clock": "clock", "cloned": "cloned",
	webauthn.ReasonOrigin: "origin", webauthn.ReasonFrame: "origin", webauthn.ReasonRelyingParty: "origin",
}

// oneOf keeps a label within bounds: other stands for all that is not in the list.
func oneOf(value, other string, list ...string) string {
	if slices.Contains(list, value) {
		return value
	}
	return other
}

var authorizationErrors = []string{
	"access_denied", "login_required", "interaction_required", "consent_required", "account_selection_required",
	"unmet_authentication_requirements", "invalid_request", "invalid_scope", "server_error", "temporarily_unavailable",
}

// observer observes the store, and so does more, if it is not nil.
func (m *metrics) observer(more func(storage.Trip)) func(storage.Trip) {
	if more == nil {
		return m.trip
	}
	return func(t storage.Trip) {
		m.trip(t)
		more(t)
	}
}

// trip observes the store.
func (m *metrics) trip(t storage.Trip) {
	op, seen := "read", m.reads
	if t.Writes {
		op, seen = "write", m.writes
	}
	seen.Observe(t.Duration.Seconds())
	if t.Err != nil {
		m.tripErrors.WithLabelValues(op).Inc()
	}
}

// hashed observes the hasher.
func (m *metrics) hashed(d time.Duration) { m.hashes.Observe(d.Seconds()) }

// mailed counts a try to send mail: sent, failed (there will be another) or dropped.
func (m *metrics) mailed(result string) {
	m.mails.WithLabelValues(oneOf(result, "failed", "sent", "failed", "dropped")).Inc()
}

// toldLogout counts a try to tell a client of the end of a session.
func (m *metrics) toldLogout(result string) {
	m.logouts.WithLabelValues(oneOf(result, "failed", backchannel.ResultSent, backchannel.ResultFailed, backchannel.ResultRefused,
		backchannel.ResultGivenUp, backchannel.ResultDropped)).Inc()
}

// registered counts a try of a client to register itself.
func (m *metrics) registered(result string) {
	m.registrations.WithLabelValues(oneOf(result, registration.ResultFailed, registration.ResultOK, registration.ResultInvalid,
		registration.ResultToken, registration.ResultLimited)).Inc()
}

// handler serves /metrics. What only the database knows is asked when somebody looks.
func (m *metrics) handler(s *Server) http.Handler {
	serve := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		if offset, _, err := clockOffset(ctx, s.store, s.now); err == nil {
			m.clockOffset.Set(offset.Seconds())
		} else {
			m.clockOffset.Set(math.NaN())
		}
		m.ages(ctx, s)
		if n, err := s.store.WaitingLogouts(ctx); err == nil {
			m.logoutsWait.Set(float64(n))
		}
		serve.ServeHTTP(w, r)
	})
}

// ages leaves the old figures when the database does not answer: readiness and store_errors_total tell that.
func (m *metrics) ages(ctx context.Context, s *Server) {
	keys, err := s.store.SigningKeys(ctx)
	if err != nil {
		return
	}
	m.keyAge.Reset()
	for _, t := range jwks.Terms(keys, s.now()) {
		if t.State == jwks.StateSigning {
			m.keyAge.WithLabelValues(t.Algorithm).Set(s.now().Sub(t.Signs).Seconds())
		}
	}
}

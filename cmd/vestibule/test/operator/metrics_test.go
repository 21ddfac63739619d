package operator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// TestMetrics counts what a user does, on the server where it is done.
func TestMetrics(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("quetzal")
		c := s.NewClient(t, "metered-shop")
		b := s.NewBrowser(t)
		phone, _ := b.Enrol("quetzal")
		s.Clock.Advance(30 * time.Second)
		b = s.NewBrowser(t)
		v := c.Begin()
		p := v.SignIn(b, "quetzal").At("totp", "initial").GiveCode(phone.Wrong()).At("totp", "wrong").GiveCode(phone.Code(-1)).Allow()
		v.Finish(p)
		postToken(t, s, url.Values{"grant_type": {"authorization_code"}, "code": {"x"}, "client_id": {"metered-shop"}, "client_secret": {"wrong"}})
		postToken(t, s, url.Values{"grant_type": {"my-own-grant"}})

		a := s.First()
		lines := a.Metrics(t)
		for _, want := range []string{
			`vestibule_sign_in_attempts_total{result="ok",step="password"} 2`,
			`vestibule_sign_in_attempts_total{result="ok",step="totp"} 1`,
			`vestibule_sign_in_attempts_total{result="wrong",step="totp"} 1`,
			`vestibule_totp_accepted_step_offset_total{offset="-1"} 1`,
			`vestibule_enrolments_total{factor="totp",result="done"} 1`,
			`vestibule_authorizations_total{result="ok"} 1`,
			`vestibule_consents_total{decision="allow"} 1`,
			`vestibule_tokens_issued_total{grant_type="authorization_code"} 1`,
			`vestibule_token_errors_total{error="invalid_client",grant_type="authorization_code"} 1`,
			`vestibule_token_errors_total{error="unsupported_grant_type",grant_type="other"} 1`,
			`vestibule_http_requests_total{code="303",method="POST",route="/consent"} 1`,
			`vestibule_recovery_codes_used_total 0`,
			`vestibule_audit_write_failures_total 0`,
			`vestibule_password_hash_duration_seconds_count 2`,
		} {
			if !slices.Contains(lines, want) {
				name, _, _ := strings.Cut(want, "{")
				t.Errorf("the metrics have not\n%s\nbut\n%s", want, strings.Join(linesOf(lines, name), "\n"))
			}
		}
		for _, name := range []string{"vestibule_build_info{", "vestibule_store_operation_duration_seconds_count{", "vestibule_clock_offset_seconds ", "vestibule_signing_key_age_seconds{alg=\"RS256\"}", "go_goroutines ", "process_start_time_seconds "} {
			if len(linesOf(lines, name)) == 0 {
				t.Errorf("there is no %s", name)
			}
		}
		for _, line := range lines {
			for _, private := range []string{"quetzal", user.Subject, "metered-shop", "my-own-grant", "127.0.0.1"} {
				if strings.Contains(line, private) {
					t.Errorf("a metric tells %s: %s", private, line)
				}
			}
		}
	})
}

func postToken(t *testing.T, s *servertest.Site, form url.Values) {
	t.Helper()
	resp, err := http.PostForm(s.Config.Issuer+"/token", form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func linesOf(lines []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, name) })
}

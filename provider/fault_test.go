package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ory/fosite"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// Describable reports whether a description has only what it may have: RFC 6749 section 5.2, and no backtick.
func Describable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' || strings.ContainsRune("\"\\`", r) }) < 0
}

func TestDescribe(t *testing.T) {
	faults := []*fosite.RFC6749Error{
		fosite.ErrInvalidRequest.WithHint("The client may not use response_type `code`, but \"token\"."),
		fosite.ErrInvalidRequest.WithHint("a\nline, C:\\ and caf\u00e9 \u202e \x7f"),
		fosite.ErrAccessDenied, fosite.ErrConsentRequired, fosite.ErrInactiveToken,
		fosite.ErrInsufficientEntropy, fosite.ErrInteractionRequired, fosite.ErrInvalidClient, fosite.ErrInvalidGrant,
		fosite.ErrInvalidRequest, fosite.ErrInvalidRequestObject, fosite.ErrInvalidRequestURI, fosite.ErrInvalidScope,
		fosite.ErrInvalidState, fosite.ErrInvalidTokenFormat, fosite.ErrJTIKnown, fosite.ErrLoginRequired,
		fosite.ErrMisconfiguration, fosite.ErrNotFound, fosite.ErrRegistrationNotSupported, fosite.ErrRequestForbidden,
		fosite.ErrRequestNotSupported, fosite.ErrRequestURINotSupported, fosite.ErrRequestUnauthorized,
		fosite.ErrScopeNotGranted, fosite.ErrServerError, fosite.ErrTemporarilyUnavailable, fosite.ErrTokenClaim,
		fosite.ErrTokenExpired, fosite.ErrTokenSignatureMismatch, fosite.ErrUnauthorizedClient, fosite.ErrUnknownRequest,
		fosite.ErrUnsupportedGrantType, fosite.ErrUnsupportedResponseMode, fosite.ErrUnsupportedResponseType, errUnmet,
	}
	for range 500 {
		faults = append(faults, fosite.ErrInvalidScope.WithHintf("The scope '%s' is not one.", string([]rune{
			rand.Int32N(0x250), '`', rand.Int32N(0x80), '"', rand.Int32N(0x11000)})))
	}
	for _, rfc := range faults {
		if got := describe(rfc); got == "" || !Describable(got) {
			t.Errorf("describe(%q, %q) = %q", rfc.DescriptionField, rfc.HintField, got)
		}
	}
}

// Load and clients that go away are nobody's error: else strangers could fill the log and hide in it what matters.
func TestFaultsInTheLog(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		cause error
		line  bool
	}{
		{"too much to do", t.Context(), fmt.Errorf("client secret: %w", account.ErrBusy), false},
		{"the client is gone", gone, fmt.Errorf("SELECT 1: %w", context.Canceled), false},
		{"we gave up ourselves", t.Context(), context.Canceled, true},
		{"no database", t.Context(), store.ErrUnavailable, true},
		{"no database, and the client is gone", gone, store.ErrUnavailable, true},
		{"anything else", t.Context(), errors.New("broken"), true},
	} {
		var log bytes.Buffer
		p := &Provider{log: slog.New(slog.NewTextHandler(&log, nil))}
		w := httptest.NewRecorder()
		p.answerFault(tt.ctx, w, httptest.NewRequestWithContext(tt.ctx, http.MethodPost, "/token", nil), tt.cause)
		if got := strings.Contains(log.String(), "level=ERROR"); got != tt.line || w.Code < 500 {
			t.Errorf("%s: answers %d, error in the log: %v, want %v and 5xx", tt.name, w.Code, got, tt.line)
		}
	}
}

func TestAskedIsShort(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/"+strings.Repeat("\u00e9", 30_000), nil)
	r.Method = strings.Repeat("M", 30_000)
	for _, part := range audit.Asked(r) {
		if text := part.(string); len(text) > 2100 || !strings.HasPrefix(strings.ToValidUTF8(text, "?"), text) {
			t.Errorf("Asked has a text of %d bytes: %.20q...", len(text), text)
		}
	}
	r = httptest.NewRequest(http.MethodGet, "/login/totp", nil)
	if got := fmt.Sprint(audit.Asked(r)...); got != "methodGETpath/login/totp" {
		t.Errorf("Asked = %s", got)
	}
}

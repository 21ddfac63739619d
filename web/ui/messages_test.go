package ui

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestSay(t *testing.T) {
	for _, tt := range []struct {
		id   string
		v    Values
		want string
	}{
		{"login.wrong", nil, "Email, username or password is not right"},
		{"totp.wrong.few", Values{"n": "2", "m": "15"}, "That code is not right. 2 tries left before a 15-minute wait."},
		{"totp.wrong.few", Values{"n": "1", "m": "15"}, "That code is not right. 1 try left before a 15-minute wait."},
		{"totp.locked", Values{"n": "14", "at": "2026-03-03T15:42:00+01:00"}, `Too many wrong codes. You can try again in 14 minutes, at <time datetime="2026-03-03T14:42:00Z" data-clock>14:42 UTC</time>.`},
		{"remove.done", Values{"name": "<b>{at}"}, "&lt;b&gt;{at} was removed. You are signed out everywhere else."},
		{"enrol.renamed", Values{"from": "{name}", "name": "{from}"}, "{name} is now called {from}."},
	} {
		if got := string(Text(tt.id, tt.v)); got != tt.want {
			t.Errorf("say(%q, %v) = %q, want %q", tt.id, tt.v, got, tt.want)
		}
	}
}

// TestMessagesAreUsed reads the sources: every id that they name has a sentence, and every sentence is named.
func TestMessagesAreUsed(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || name == "messages.go" {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	// A form that takes a code makes its ids from its name and the outcome.
	named := map[string]bool{"totp.required": true, "totp.format": true, "totp.wrong": true, "totp.locked": true, "totp.disabled": true,
		"recovery.required": true, "recovery.format": true, "recovery.wrong": true, "recovery.locked": true, "recovery.disabled": true,
		"enrol.done": true}
	for _, m := range regexp.MustCompile(`"((?:browser|sessions|last|login|wait|totp|recovery|enrol|codes|password|remove|reset)\.[a-z.]+)"`).FindAllStringSubmatch(source.String(), -1) {
		named[m[1]] = true
	}
	for id := range named {
		if messages[id] == "" {
			t.Errorf("%s has no words", id)
		}
	}
	for id := range messages {
		if !named[id] && !named[strings.TrimSuffix(id, ".one")] {
			t.Errorf("%s is never said", id)
		}
	}
	for id, text := range messages {
		for _, word := range []string{"log in", "token", "OTP", "MFA", "2FA"} {
			if strings.Contains(text, word) {
				t.Errorf("%s says %q to people", id, word)
			}
		}
	}
}

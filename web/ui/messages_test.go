package ui

import (
	"testing"

	"vestibule/web/catalogue"
)

func TestMessages(t *testing.T) {
	set, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	english := set.Choose("", "")
	for _, tt := range []struct {
		id   string
		v    Values
		want string
	}{
		{"login.wrong", nil, "Email, username or password is not right"},
		{"totp.wrong.few", Values{"n": "2", "minutes": "15"}, "That code is not right. 2 tries left before a 15-minute wait."},
		{"totp.wrong.few", Values{"n": "1", "minutes": "15"}, "That code is not right. 1 try left before a 15-minute wait."},
		{"totp.used", Values{"n": "1"}, "That code was already used. Wait for the next one, up to 1 second."},
		{"totp.used", Values{"n": "29"}, "That code was already used. Wait for the next one, up to 29 seconds."},
		{"enrol.maximum", Values{"n": "1"}, "You can have 1 authenticator. Remove it first."},
		{"totp.locked", Values{"n": "14", "at": "2026-03-03T15:42:00+01:00"}, `Too many wrong codes. You can try again in 14 minutes, at <time datetime="2026-03-03T14:42:00Z" data-clock>14:42 UTC</time>.`},
		{"totp.locked", Values{"n": "1", "at": "2026-03-03T15:42:00+01:00"}, `Too many wrong codes. You can try again in 1 minute, at <time datetime="2026-03-03T14:42:00Z" data-clock>14:42 UTC</time>.`},
		{"remove.done", Values{"name": "<b>{at}"}, "&lt;b&gt;{at} was removed. You are signed out everywhere else."},
		{"enrol.renamed", Values{"from": "{name}", "name": "{from}"}, "{name} is now called {from}."},
	} {
		if got := string(Message{ID: tt.id, Args: tt.v}.HTML(english)); got != tt.want {
			t.Errorf("%q with %v is %q, want %q", tt.id, tt.v, got, tt.want)
		}
	}
	apart := Say("activity.factor.renamed", "from", "<b>", "to", "Phone").Apart(english)
	if want := "The authenticator “<bdi>&lt;b&gt;</bdi>” was renamed to “<bdi>Phone</bdi>”."; string(apart) != want {
		t.Errorf("names apart: %q, want %q", apart, want)
	}
}

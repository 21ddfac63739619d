package ui

import (
	"testing"

	"vestibule/web/catalogue"
)

func TestContact(t *testing.T) {
	set, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ contact, want string }{
		{"", "the people who run this service"},
		{"help@example.com", `<a href="mailto:help@example.com"><bdi>help@example.com</bdi></a>`},
		{"a?bcc=b@example.com", `<a href="mailto:a%3Fbcc=b@example.com"><bdi>a?bcc=b@example.com</bdi></a>`},
		{"https://example.com/help?a=1&b=2", `<a href="https://example.com/help?a=1&amp;b=2"><bdi>https://example.com/help?a=1&amp;b=2</bdi></a>`},
		{"+49 (30) 1234-56", `<a href="tel:+4930123456"><bdi>+49 (30) 1234-56</bdi></a>`},
		{"the desk on floor 2, help@example.com", "<strong><bdi>the desk on floor 2, help@example.com</bdi></strong>"},
		{"Ana <ana@example.com>", "<strong><bdi>Ana &lt;ana@example.com&gt;</bdi></strong>"},
		{"javascript:alert(1)", "<strong><bdi>javascript:alert(1)</bdi></strong>"},
		{"http://example.com", "<strong><bdi>http://example.com</bdi></strong>"},
		{"extension 12", "<strong><bdi>extension 12</bdi></strong>"},
	} {
		if got := string(contactOf(set.Choose("", ""), tt.contact)); got != tt.want {
			t.Errorf("contact %q is %s, want %s", tt.contact, got, tt.want)
		}
	}
}

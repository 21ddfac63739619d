package ui

import (
	"strings"

	"vestibule/web/catalogue"
)

// agents and systems are what a User-Agent header says about the browser and the device; the first match counts,
// since browsers claim to be their elders as well.
var (
	agents = []struct{ word, name string }{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []struct{ word, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// Agent is what users call a browser, such as "Firefox on Linux", as it is kept: pages show it in their language. It keeps nothing of the header that is not in the
// tables above.
func Agent(header string) string {
	name, system := catalogue.UnknownAgent, ""
	for _, a := range agents {
		if strings.Contains(header, a.word) {
			name = a.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(header, s.word) {
			system = catalogue.AgentOn + s.name
			break
		}
	}
	return name + system
}

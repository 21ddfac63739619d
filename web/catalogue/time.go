package catalogue

import (
	"html/template"
	"strconv"
	"strings"
	"time"
)

// named is a string as the placeholder of that name shows it.
func (l *Language) named(name, value string) string {
	switch name {
	case "at":
		return l.hour(value)
	case "off":
		return l.lapse(value)
	case "digits":
		return l.alternatives(value)
	case "browser":
		return l.Agent(value)
	case "like": // a code in groups of digits
		return strings.ReplaceAll(value, " ", "\u00a0")
	case "client":
		return l.app(value)
	}
	return value
}

// Day is the day of t.
func (l *Language) Day(t time.Time) string {
	t = t.UTC()
	return l.Text("date.day", Values{"day": t.Day(), "month": l.Text("month."+strconv.Itoa(int(t.Month())), nil), "year": t.Year()})
}

// Hour is Day and the hour.
func (l *Language) Hour(t time.Time) string {
	return l.Text("date.hour", Values{"date": l.Day(t), "time": t.UTC().Format("15:04")})
}

// From is Hour, or Day where the day is meant as a whole.
func (l *Language) From(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return l.Day(t)
	}
	return l.Hour(t)
}

// Moment is Day and the hour of what happened.
func (l *Language) Moment(t time.Time) string {
	return l.Text("date.moment", Values{"date": l.Day(t), "time": t.UTC().Format("15:04")})
}

// Second is the hour, to the second.
func (l *Language) Second(t time.Time) string {
	return l.Text("date.clock", Values{"time": t.UTC().Format("15:04:05")})
}

// Clock is the hour of a time in RFC 3339; a script may turn it into the reader's own zone.
func (l *Language) Clock(rfc3339 string) template.HTML {
	at, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return ""
	}
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339) + `" data-clock>` + template.HTMLEscapeString(l.hour(rfc3339)) + `</time>`)
}

func (l *Language) hour(rfc3339 string) string {
	at, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return ""
	}
	return l.Text("date.clock", Values{"time": at.UTC().Format("15:04")})
}

// Span says how long something lasts, in days if it is a few of them.
func (l *Language) Span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day {
		return l.Text("span.days", Values{"n": int(d / day)})
	}
	return l.Text("span.hours", Values{"n": max(int(d/time.Hour), 1)})
}

// lapse says how many seconds a clock is off.
func (l *Language) lapse(seconds string) string {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return ""
	}
	if n = max(n, -n); n <= 120 {
		return l.Text("lapse.seconds", Values{"n": n})
	}
	minutes := l.Text("lapse.minutes", Values{"n": n / 60})
	if n%60 == 0 {
		return minutes
	}
	return l.Text("lapse.both", Values{"minutes": minutes, "seconds": l.Text("lapse.seconds", Values{"n": n % 60})})
}

// alternatives is words, of which one is meant: 6, or 6 or 8.
func (l *Language) alternatives(words string) string {
	all := strings.Fields(words)
	if len(all) == 0 {
		return ""
	}
	text := all[0]
	for _, word := range all[1:] {
		text = l.Text("list.or", Values{"a": text, "b": word})
	}
	return text
}

// UnknownAgent and AgentOn are how records have what a browser calls itself: Firefox on Linux, A browser on Linux.
const (
	UnknownAgent = "A browser"
	AgentOn      = " on "
)

// Agent is what a record calls a browser, for the reader.
func (l *Language) Agent(recorded string) string {
	name, system, on := strings.Cut(recorded, AgentOn)
	if name == UnknownAgent || name == "" {
		name = l.Text("agent.unknown", nil)
	}
	if !on {
		return name
	}
	return l.Text("agent.on", Values{"name": name, "system": system})
}

// app is the name of an app, which may have none.
func (l *Language) app(name string) string {
	if name == "" {
		return l.Text("client.unknown", nil)
	}
	return name
}

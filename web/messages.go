package web

import (
	"html/template"
	"slices"
	"strings"
	"time"
)

// messages are the sentences that forms answer with, by an id that never changes: tests, metrics and
// translations hang on it. A sentence about one thing, where {n} or {s} is 1, has the id with .one after it.
var messages = map[string]string{
	"login.username.required": "Enter your email or username",
	"login.password.required": "Enter your password",
	"login.wrong":             "Email, username or password is not right",
	"login.locked":            "Too many tries. You can try again in {n} minutes, at {at}.",
	"login.locked.one":        "Too many tries. You can try again in 1 minute, at {at}.",
	"login.session.expired":   "You were signed out because you were away for a while. Sign in again to continue.",
	"login.timeout":           "It has been a while, so please enter your password again.",
	"login.lock.again":        "Codes were locked after too many wrong ones. Enter your password again to go on.",
	"login.again":             "Something has changed since you gave your password. Sign in again to continue.",
	"login.link":              "Sign in to set up your authenticator app. The link works once.",

	"totp.required":            "Enter the code from your authenticator app",
	"totp.format":              "The code is {n} digits, like {like}",
	"totp.looks.recovery":      "That looks like a recovery code.",
	"totp.looks.recovery.link": "Use a recovery code instead.",
	"totp.wrong":               "That code is not right. Check your app and enter the newest code.",
	"totp.wrong.few":           "That code is not right. {n} tries left before a {m}-minute wait.",
	"totp.wrong.few.one":       "That code is not right. 1 try left before a {m}-minute wait.",
	"totp.expired":             "That code has expired. Enter the newest code from your app.",
	"totp.used":                "That code was already used. Wait for the next one, up to {s} seconds.",
	"totp.used.one":            "That code was already used. Wait for the next one, up to 1 second.",
	"totp.clock":               "Codes still not working? Set your phone’s date and time to automatic, then try the next code.",
	"totp.locked":              "Too many wrong codes. You can try again in {n} minutes, at {at}.",
	"totp.locked.one":          "Too many wrong codes. You can try again in 1 minute, at {at}.",
	"wait.until":               "You can try again in {n} minutes, at {at}.",
	"wait.until.one":           "You can try again in 1 minute, at {at}.",
	"totp.disabled":            "Too many wrong codes. Codes are switched off for this account until you use a recovery code.",

	"recovery.required":    "Enter one of your recovery codes",
	"recovery.format":      "A recovery code has 15 letters and numbers",
	"recovery.wrong":       "That recovery code is not right, or it has been used.",
	"recovery.locked":      "Too many wrong recovery codes. You can try again in {n} minutes, at {at}.",
	"recovery.locked.one":  "Too many wrong recovery codes. You can try again in 1 minute, at {at}.",
	"recovery.disabled":    "Too many wrong recovery codes. They are switched off for this account until you use a code from your authenticator app.",
	"recovery.used.notice": "{n} left.", // under the heading “You used a recovery code”
	"recovery.low":         "Only {n} recovery codes left. Make a new set soon.",
	"recovery.low.one":     "Only 1 recovery code left. Make a new set soon.",
	"recovery.none":        "You have no recovery codes left. If you lose your authenticator you could lose this account.",
	"recovery.none.left":   "You have no recovery codes left.",

	"enrol.why.policy":     "Your organisation requires two-step verification. Set it up to go on; it takes about two minutes.",
	"enrol.why.app":        "{client} requires two-step verification. Set it up to go on; it takes about two minutes.",
	"enrol.why.wish":       "{client} would like two-step verification. You can also do this later.",
	"enrol.required":       "Enter the code that your app shows",
	"enrol.expired":        "This set-up expired. Nothing changed. Start again to get a new code.",
	"enrol.wrong":          "That code is not right. Your key has not changed, so try the next code.",
	"enrol.clock.slow":     "Your authenticator’s clock is about {off} slow. Set it to automatic, then try again.",
	"enrol.clock.fast":     "Your authenticator’s clock is about {off} fast. Set it to automatic, then try again.",
	"enrol.name.taken":     "You already have an authenticator with this name",
	"enrol.name.long":      "Use 64 characters or fewer",
	"enrol.name.required":  "Enter a name",
	"enrol.renamed":        "{from} is now called {name}.",
	"enrol.maximum":        "You can have up to {n} authenticators. Remove one first.",
	"enrol.maximum.one":    "You can have 1 authenticator. Remove it first.",
	"enrol.elsewhere":      "This authenticator is already set up.",
	"enrol.new":            "This is a new key. Delete the old entry from your app.",
	"enrol.changed":        "Your sign-in settings were changed in another window. Nothing was changed here. Start again.",
	"enrol.cancelled":      "Nothing changed.",
	"enrol.done":           "Two-step verification is on.",
	"enrol.added":          "{name} was added.",
	"enrol.instead":        "{client} does not take a recovery code for a second step. Set up an authenticator in place of the one you lost.",
	"enrol.unfinished":     "Two-step verification is not on yet.",
	"enrol.unfinished.add": "The new authenticator is not on yet.",

	"codes.ack":     "Confirm that you have saved your codes",
	"codes.saved":   "You have already saved these codes. Make a new set if you lost them.",
	"codes.done":    "Your new recovery codes are ready. The old ones no longer work.",
	"codes.expired": "Those codes were not saved in time and do not count. Your old codes still work.",

	"reset.cancelled": "The reset was cancelled. Nothing was removed.",
	"reset.gone":      "There is no reset to cancel any more.",

	"password.required": "Enter your password",
	"password.wrong":    "That password is not right",
	"remove.done":       "{name} was removed. You are signed out everywhere else.",
	"remove.off":        "{name} was removed. Two-step verification is off, and you are signed out everywhere else.",
	"remove.last":       "The other authenticator was just removed. Nothing else was changed: confirm that you want two-step verification off.",
	"remove.gone":       "That authenticator was already removed.",
	"last.factor":       "Your organisation requires two-step verification. Add another authenticator before you remove this one.",

	"codes.required": "Make new recovery codes before you go on",

	"sessions.ended": "You are signed out everywhere else.",

	"browser.forgotten":     "That browser has to give a code again.",
	"browser.all.forgotten": "All browsers have to give a code again.",
	"browser.gone":          "That browser was forgotten already.",
}

// values fill in the placeholders of a message. A time is written as RFC 3339, under "at".
type values map[string]string

// text returns the sentence with its placeholders filled in.
func text(id string, v values) template.HTML {
	text, ok := messages[id]
	if one, has := messages[id+".one"]; has && (v["n"] == "1" || v["s"] == "1") {
		text = one
	}
	if !ok {
		text = id
	}
	var pairs []string
	for name, value := range v {
		shown := template.HTMLEscapeString(value)
		if name == "at" {
			shown = clock(value)
		}
		pairs = append(pairs, "{"+name+"}", shown)
	}
	return template.HTML(strings.NewReplacer(pairs...).Replace(template.HTMLEscapeString(text))) // once: values may have braces
}

// clock shows the hour of a time; a script may turn it into the reader's own zone.
func clock(rfc3339 string) string {
	at, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil {
		return ""
	}
	return `<time datetime="` + at.UTC().Format(time.RFC3339) + `" data-clock>` + at.UTC().Format("15:04") + ` UTC</time>`
}

// message is a message as a sign-in remembers it: an error of a field, or a notice without one.
type message struct {
	ID    string `json:"id"`
	Field string `json:"field,omitempty"`
	Args  values `json:"args,omitempty"`
}

// state is the last part of the id, the value of data-state.
func (msg message) state() string { return msg.ID[strings.LastIndexByte(msg.ID, '.')+1:] }

// rendered is a message with its words.
type rendered struct {
	ID       string
	Field    string
	Text     template.HTML
	Href     string // of a second sentence that is a link
	LinkText template.HTML
	Good     bool // news that the user has worked for
	Warn     bool // something was not done
}

func renderMessage(msg message) rendered {
	return rendered{ID: msg.ID, Field: msg.Field, Text: text(msg.ID, msg.Args), Good: slices.Contains(goodNews, msg.ID), Warn: msg.ID == "last.factor"}
}

// goodNews are the notices that something was done.
var goodNews = []string{"enrol.done", "enrol.added", "enrol.renamed", "codes.done", "remove.done", "remove.off", "browser.forgotten", "browser.all.forgotten", "reset.cancelled", "sessions.ended"}

func renderMessages(faults []message) []rendered {
	var all []rendered
	for _, msg := range faults {
		all = append(all, renderMessage(msg))
	}
	return all
}

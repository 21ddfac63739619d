package providertest

import (
	"net/url"
	"strings"
)

const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// Spellings returns others of an opaque value: a lenient reader takes some of them for the same.
func Spellings(text string) []string {
	all := []string{
		" " + text, text + " ", "\ufeff" + text, text + "\u00a0", "\x00" + text, text + "\x00", `"` + text + `"`,
		strings.ToUpper(text), strings.ToLower(text), strings.NewReplacer("-", "+", "_", "/").Replace(text),
		text + ".", "." + text, text + "\xff", text + text, url.QueryEscape(text) + "%3D",
	}
	parts := strings.Split(text, ".")
	for i, part := range parts {
		put := func(changed string) {
			rest := append([]string{}, parts...)
			rest[i] = changed
			all = append(all, strings.Join(rest, "."))
		}
		for _, extra := range []string{"\n", "\r", "\r\n", "=", "==", " ", "\x00", "A"} {
			put(extra + part)
			put(part + extra)
			put(part[:len(part)/2] + extra + part[len(part)/2:])
		}
		for flip := 1; flip < 16 && len(part) > 1; flip++ { // the version of a row is a number, not base64
			last := strings.IndexByte(base64url, part[len(part)-1])
			put(part[:len(part)-1] + string(base64url[last^flip]))
		}
		for _, sign := range []string{"+", "-", "0", "00", "0x", "_"} {
			put(sign + part)
		}
	}
	var others []string
	for _, other := range all {
		if other != text {
			others = append(others, other)
		}
	}
	return others
}

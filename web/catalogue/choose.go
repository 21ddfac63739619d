package catalogue

import (
	"strings"

	"golang.org/x/text/language"
)

// maxTags is how many languages of a reader are looked at: the rest of a long list only costs time.
const maxTags = 10

// maxList is how long a list of languages may be: no browser says so much, nor an app. A longer one is as good as none,
// for reading it costs time even if none of it is a language.
const maxList = 1000

func localeTags(uiLocales string) []language.Tag {
	if len(uiLocales) > maxList {
		return nil
	}
	var tags []language.Tag
	for _, word := range strings.Fields(uiLocales) {
		if len(tags) == maxTags {
			break
		}
		if tag, err := language.Parse(word); err == nil {
			tags = append(tags, tag)
		}
	}
	return tags
}

// acceptTags returns the languages of the header, the best first. Those with a weight of 0 are not wanted; "*" is no language.
func acceptTags(header string) []language.Tag {
	if len(header) > maxList {
		return nil
	}
	all, weights, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return nil
	}
	var tags []language.Tag
	for i, tag := range all {
		if weights[i] > 0 && tag != language.Und && len(tags) < maxTags {
			tags = append(tags, tag)
		}
	}
	return tags
}

// scripts are those that are written from right to left.
var scripts = map[string]bool{"Adlm": true, "Arab": true, "Hebr": true, "Mand": true, "Mend": true, "Nkoo": true, "Rohg": true, "Samr": true, "Syrc": true, "Thaa": true}

func direction(tag language.Tag) string {
	if script, _ := tag.Script(); scripts[script.String()] {
		return "rtl"
	}
	return "ltr"
}

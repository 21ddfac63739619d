package catalogue

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// check holds the texts to those in English: no other IDs, each with the same placeholders, and each plural form that the
// language has. The error names every fault.
func (l *Language) check(english *Language) error {
	var faults []error
	fault := func(id, format string, args ...any) {
		faults = append(faults, fmt.Errorf("texts in %s: %s %s", l.Lang, id, fmt.Sprintf(format, args...)))
	}
	for _, id := range l.IDs() {
		if english.messages[id] == nil {
			fault(id, "is in no use")
			continue
		}
		for _, text := range l.faultsOf(id, english) {
			fault(id, "%s", text)
		}
	}
	return errors.Join(faults...)
}

func (l *Language) faultsOf(id string, english *Language) []string {
	var faults []string
	counts := len(formsOf(english.messages[id])) > 1
	want := english.Placeholders(id)
	forms := formsOf(l.messages[id])
	for _, form := range slices.Sorted(maps.Keys(forms)) {
		text := forms[form]
		for _, rule := range []struct {
			broken bool
			text   string
		}{
			{form != "other" && !counts, "has plural forms, and no number"},
			{stray(text), "has a brace that is not one of a placeholder"},
			{!slices.Equal(names(text), want) && !(counts && slices.Equal(names(text), without(want, "n"))), "has other placeholders than " + strings.Join(want, ", ")},
			{!paired(text), "has a pair that is not closed, or not opened"},
		} {
			if rule.broken {
				faults = append(faults, form+" "+rule.text)
			}
		}
	}
	if forms["other"] == "" {
		faults = append(faults, "has no text")
	}
	if id == "date.locale" && !isLocale(forms["other"]) {
		faults = append(faults, "is no language tag as browsers want it, such as en-GB or fa-u-nu-arabext")
	}
	if counts {
		faults = append(faults, l.missingForms(id)...)
	}
	return faults
}

// isLocale reports whether scripts can write dates by it: of what is not so well formed (BCP 47) they stop.
func isLocale(text string) bool {
	tag, err := language.Parse(text)
	return err == nil && tag.String() == text
}

// missingForms tries numbers. Each form that a language has comes up among them, but for those of millions, which no page
// has.
func (l *Language) missingForms(id string) []string {
	var faults []string
	for n := range 112 {
		if n > 30 && n < 100 {
			continue
		}
		if _, err := l.plural(id, n); err != nil && !slices.Contains(faults, err.Error()) {
			faults = append(faults, err.Error())
		}
	}
	return faults
}

func without(all []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return s == name })
}

// paired reports whether each {/a} closes the {a} before it, and none is left open.
func paired(text string) bool {
	var open []string
	all := placeholder.FindAllStringSubmatch(text, -1)
	for i, m := range all {
		name, closes := strings.CutPrefix(m[1], "/")
		switch {
		case closes && (len(open) == 0 || open[len(open)-1] != name):
			return false
		case closes:
			open = open[:len(open)-1]
		case slices.ContainsFunc(all[i+1:], func(later []string) bool { return later[1] == "/"+name }):
			open = append(open, name)
		}
	}
	return len(open) == 0
}

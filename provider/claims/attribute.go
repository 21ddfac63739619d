package claims

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"vestibule/provider/spelling"
)

// Attributes are what else is kept of a user for claims, as text by name: given_name and the like, phone_number_verified as
// true or false, and the parts of the address as address.locality and so on (OIDC Core 5.1, 5.1.1). What an account has of
// its own is not among them: the names, the e-mail address, the groups, and when it was changed.
type Attributes map[string]string

const (
	phoneNumber   = "phone_number"
	phoneVerified = "phone_number_verified"
	addressPrefix = "address."
)

// form is what the value of an attribute must look like.
type form struct {
	fits func(value string) bool
	text string // what to say of one that does not
}

var (
	plainForm  = form{func(v string) bool { return isText(v, "") && len(v) <= 200 }, "at most 200 bytes, without control characters"}
	linesForm  = form{func(v string) bool { return isText(v, "\n") && len(v) <= 500 }, "at most 500 bytes, without control characters but for line breaks"}
	pageForm   = form{isPage, "an http or https address of at most 500 bytes"}
	dayForm    = form{isDay, "a day such as 1990-12-31, 0000-12-31 without the year, or a year such as 1990"}
	zoneForm   = form{regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}$`).MatchString, "a time zone such as Europe/Paris"}
	localeForm = form{isLocale, "a language such as en or pt-BR"}
	phoneForm  = form{regexp.MustCompile(`^\+[0-9][0-9 ().-]{3,28}[0-9](;ext=[0-9]{1,8})?$`).MatchString, "a number with its country, such as +1 425 555 0100"}
	yesNoForm  = form{func(v string) bool { return v == "true" || v == "false" }, "true or false"}
)

// forms are the attributes that there are.
var forms = map[string]form{
	"given_name": plainForm, "family_name": plainForm, "middle_name": plainForm, "nickname": plainForm, "gender": plainForm,
	"profile": pageForm, "picture": pageForm, "website": pageForm,
	"birthdate": dayForm, "zoneinfo": zoneForm, "locale": localeForm, phoneNumber: phoneForm, phoneVerified: yesNoForm,
	"address.formatted": linesForm, "address.street_address": linesForm, "address.locality": plainForm,
	"address.region": plainForm, "address.postal_code": plainForm, "address.country": plainForm,
}

// elsewhere says where what is no attribute comes from.
var elsewhere = map[string]string{
	"name": "give it apart, as the name", "email": "give it apart, as the email", "email_verified": "say it apart, of the email",
	"groups": "give each apart, as a group", "preferred_username": "it is the user name", "updated_at": "it is when the user was last changed",
	"sub": "it was given for good when the user was created", "address": "give its parts, such as address.locality",
}

// AttributeNames returns the names of all attributes, in order.
func AttributeNames() []string { return slices.Sorted(maps.Keys(forms)) }

// Check says all that is wrong with the names and the values at once. An empty value is none, and so is right.
func (a Attributes) Check() error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(a)) {
		form, ok := forms[name]
		switch {
		case !ok:
			faults = append(faults, unknown(name))
		case a[name] != "" && !form.fits(a[name]):
			faults = append(faults, fmt.Errorf("%s should be %s, and not %q", name, form.text, a[name]))
		}
	}
	return errors.Join(faults...)
}

// unknown says of a name that is none what to do.
func unknown(name string) error {
	if text, ok := elsewhere[name]; ok {
		return fmt.Errorf("%s is no attribute: %s", name, text)
	}
	if meant := spelling.Nearest(name, AttributeNames(), 3); meant != "" {
		return fmt.Errorf("there is no attribute %q; did you mean %s?", name, meant)
	}
	return fmt.Errorf("there is no attribute %q; there are %s", name, strings.Join(AttributeNames(), ", "))
}

// With returns the attributes with those changed that are given; an empty value takes one away. Another phone number is not
// verified any more, unless the change says so.
func (a Attributes) With(change Attributes) Attributes {
	fresh := Attributes{}
	maps.Copy(fresh, a)
	maps.Copy(fresh, change)
	if fresh[phoneNumber] != a[phoneNumber] && change[phoneVerified] == "" {
		delete(fresh, phoneVerified)
	}
	maps.DeleteFunc(fresh, func(_, value string) bool { return value == "" })
	return fresh
}

// Changed returns the names of the attributes that are others in b, in order.
func (a Attributes) Changed(b Attributes) []string {
	var names []string
	for _, name := range AttributeNames() {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	return names
}

// AddTo adds the claims that the attributes fill. Names that are no attributes fill none, wherever they come from.
func (a Attributes) AddTo(v Values) {
	address := map[string]string{}
	for name := range forms {
		part, inAddress := strings.CutPrefix(name, addressPrefix)
		switch value := a[name]; {
		case value == "" || name == phoneVerified:
		case inAddress:
			address[part] = value
		default:
			v[name] = value
		}
	}
	if len(address) > 0 {
		v[ScopeAddress] = address
	}
	if a[phoneNumber] != "" {
		v[phoneVerified] = a[phoneVerified] == "true"
	}
}

// isText reports whether nothing in a text controls a terminal or the direction of text, but for what is allowed.
func isText(text, allowed string) bool {
	strange := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) && !strings.ContainsRune(allowed, r) }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, strange)
}

// isPage reports whether a text is the address of a web page. Clients put it into their own pages: no other scheme is.
func isPage(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= 500 && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && isText(text, "")
}

// localeShape is as in OIDC Core 5.1, which has some providers write an underscore.
var localeShape = regexp.MustCompile(`^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,4}$`)

// isLocale reports whether a text is a tag of a language that there is, in a country that there is (BCP 47).
func isLocale(text string) bool {
	_, err := language.Parse(text) // takes the underscore too
	return err == nil && localeShape.MatchString(text)
}

// isDay reports whether a text is a birthdate (OIDC Core 5.1): the year may be 0000 or stand alone.
func isDay(text string) bool {
	if _, err := time.Parse("2006", text); err == nil {
		return text != "0000"
	}
	if day, told := strings.CutPrefix(text, "0000-"); told {
		text = "2000-" + day // a year that has a 29 February
	}
	_, err := time.Parse(time.DateOnly, text)
	return err == nil
}

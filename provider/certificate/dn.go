package certificate

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// kinds are the types that may be written by a word: those of RFC 4514 section 3, and others that certificates of clients have.
var kinds = map[string]string{
	"CN": "2.5.4.3", "L": "2.5.4.7", "ST": "2.5.4.8", "O": "2.5.4.10", "OU": "2.5.4.11", "C": "2.5.4.6", "STREET": "2.5.4.9",
	"DC": "0.9.2342.19200300.100.1.25", "UID": "0.9.2342.19200300.100.1.1",
	"SN": "2.5.4.4", "SURNAME": "2.5.4.4", "GN": "2.5.4.42", "GIVENNAME": "2.5.4.42", "TITLE": "2.5.4.12", "SERIALNUMBER": "2.5.4.5",
	"POSTALCODE": "2.5.4.17", "DNQUALIFIER": "2.5.4.46", "BUSINESSCATEGORY": "2.5.4.15", "ORGANIZATIONIDENTIFIER": "2.5.4.97",
	"EMAILADDRESS": "1.2.840.113549.1.9.1", "JURISDICTIONC": "1.3.6.1.4.1.311.60.2.1.3", "JURISDICTIONCOUNTRYNAME": "1.3.6.1.4.1.311.60.2.1.3",
}

const maxName = 1024 // bytes of its text

// parseName reads the text of a name (RFC 4514 section 3).
func parseName(text string) (name, error) {
	switch {
	case text == "":
		return nil, errors.New("it is empty")
	case len(text) > maxName || !utf8.ValidString(text):
		return nil, fmt.Errorf("it is longer than %d bytes, or no UTF-8", maxName)
	}
	var found name
	part := map[attribute]bool{}
	for rest := text; ; {
		a, mark, after, err := cutAttribute(rest)
		if err != nil {
			return nil, err
		}
		if part[a] {
			return nil, errors.New("it has an attribute twice")
		}
		part[a] = true
		if mark != '+' {
			found, part = append(found, part), map[attribute]bool{}
		}
		if mark == 0 {
			slices.Reverse(found)
			return found, nil
		}
		rest = after
	}
}

// cutAttribute takes an attribute off, and returns the mark that ends it: a comma, a plus sign, or 0 at the end.
func cutAttribute(text string) (a attribute, mark byte, rest string, err error) {
	word, value, ok := strings.Cut(text, "=")
	if a.kind = kindOf(strings.Trim(word, " ")); !ok || a.kind == "" {
		return a, 0, "", fmt.Errorf("%q is not the type of an attribute, such as CN, O or 2.5.4.97", word)
	}
	raw, mark, rest, err := cutValue(strings.TrimLeft(value, " "))
	switch {
	case err != nil:
	case strings.HasPrefix(raw, "#"):
		err = a.decodeHex(raw[1:])
	default:
		a.value, err = unescape(raw)
	}
	return a, mark, rest, err
}

// kindOf returns the number of a type; empty: there is none.
func kindOf(word string) string {
	if number, ok := kinds[strings.ToUpper(word)]; ok {
		return number
	}
	parts := strings.Split(word, ".")
	wrong := slices.ContainsFunc(parts, func(part string) bool {
		return part == "" || len(part) > 1 && part[0] == '0' || strings.Trim(part, "0123456789") != ""
	})
	if wrong || len(parts) < 2 {
		return ""
	}
	return word
}

// cutValue takes a value off, as it is written.
func cutValue(text string) (raw string, mark byte, rest string, err error) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ',', '+':
			return text[:i], text[i], text[i+1:], nil
		case '"', ';', '<', '>', 0:
			return "", 0, "", fmt.Errorf("%q needs a backslash before it", text[i])
		}
	}
	return text, 0, "", nil
}

// unescape reads a value with backslashes, and leaves out the spaces around it that have none.
func unescape(raw string) (string, error) {
	var text strings.Builder
	kept := 0 // bytes that are no space which may be left out
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\\' {
			escaped, width := unescapeOne(raw[i+1:])
			if width == 0 {
				return "", errors.New(`a backslash is followed by neither a special character nor two hexadecimal digits`)
			}
			text.WriteByte(escaped)
			i += width
		} else {
			text.WriteByte(c)
		}
		if c != ' ' {
			kept = text.Len()
		}
	}
	value := text.String()[:kept]
	if value == "" || !utf8.ValidString(value) {
		return "", errors.New("a value is empty, or no UTF-8")
	}
	return value, nil
}

// unescapeOne reads what is behind a backslash, and says how long that is; 0: it is wrong.
func unescapeOne(rest string) (c byte, width int) {
	if rest != "" && strings.IndexByte(` "#+,;<=>\`, rest[0]) >= 0 {
		return rest[0], 1
	}
	if len(rest) < 2 {
		return 0, 0
	}
	pair, err := hex.DecodeString(rest[:2])
	if err != nil {
		return 0, 0
	}
	return pair[0], 2
}

// decodeHex reads a value that is written as its encoding.
func (a *attribute) decodeHex(digits string) error {
	der, err := hex.DecodeString(strings.TrimRight(digits, " "))
	var raw asn1.RawValue
	if err == nil {
		var rest []byte
		if rest, err = asn1.Unmarshal(der, &raw); len(rest) > 0 {
			err = errors.New("trailing data")
		}
	}
	if err != nil {
		return errors.New("a value that begins with # is no hexadecimal DER")
	}
	a.read(raw)
	return nil
}

package certificate

import (
	"encoding/asn1"
	"errors"
	"maps"
	"slices"
)

// name is a distinguished name: each of its parts is the attributes of one relative name, the first part the one that is
// last in the text of RFC 4514, as certificates have it.
type name []map[attribute]bool

// attribute is a type, as a dotted number, and its value: a text or, where that is empty, DER that is no text.
type attribute struct{ kind, value, der string }

// read takes the value: it is a text whichever of the types of texts it has, for two certificates of one client may have
// different ones.
func (a *attribute) read(raw asn1.RawValue) {
	var text string
	if rest, err := asn1.Unmarshal(raw.FullBytes, &text); err == nil && len(rest) == 0 {
		a.value = text
		return
	}
	a.der = string(raw.FullBytes)
}

// attributeSET is a relative name as ASN.1 has it; the ending of its own name says so to the decoder.
type attributeSET []struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// readName reads the name of a certificate.
func readName(der []byte) (name, error) {
	var parts []attributeSET
	if rest, err := asn1.Unmarshal(der, &parts); err != nil || len(rest) > 0 {
		return nil, errors.New("its subject cannot be read")
	}
	var found name
	for _, part := range parts {
		one := map[attribute]bool{}
		for _, a := range part {
			read := attribute{kind: a.Type.String()}
			read.read(a.Value)
			one[read] = true
		}
		if len(one) != len(part) {
			return nil, errors.New("its subject has an attribute twice")
		}
		found = append(found, one)
	}
	return found, nil
}

// is compares names: the same attributes in the same order, capitals and spaces as they are.
func (n name) is(other name) bool {
	return len(n) > 0 && slices.EqualFunc(n, other, func(a, b map[attribute]bool) bool { return maps.Equal(a, b) })
}

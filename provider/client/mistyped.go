package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Mistyped reports a member of a document whose JSON is of another type than RFC 7591 gives it.
type Mistyped struct {
	Name string // of the member
	Text string // what it must be and what it is, as the rest of a sentence about it
}

// Error says it as one sentence.
func (m *Mistyped) Error() string { return m.Name + " " + m.Text }

// mistyped says which member is not what it should be; any other error stays as it is.
func mistyped(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	name, _, _ := strings.Cut(wrong.Field, ".")
	declared, is := memberTypes[name], "and is"
	if declared != nil && declared != wrong.Type {
		is = "and has in it"
	}
	kind, _, _ := strings.Cut(wrong.Value, " ") // of a number it says which
	return &Mistyped{name, fmt.Sprintf("must be %s, %s a JSON %s", typeText(declared), is, kind)}
}

// memberTypes are the types that the members of a document are read into, by name.
var memberTypes = typesOf(reflect.TypeFor[Client](), reflect.TypeFor[documentJSON]())

func typesOf(structs ...reflect.Type) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	for _, t := range structs {
		for i := range t.NumField() {
			if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
				types[name] = t.Field(i).Type
				if types[name].Kind() == reflect.Pointer { // nil: it is left out
					types[name] = types[name].Elem()
				}
			}
		}
	}
	return types
}

// typeText names a type that a member can have, in words of JSON.
func typeText(t reflect.Type) string {
	if t == nil {
		return "of another type"
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int64:
		return "a whole number"
	case reflect.Map:
		return "an object of lists of texts"
	}
	if t == reflect.TypeFor[Words]() {
		return "a text"
	}
	return "a list of texts"
}

// notJSON says in a sentence why a text is no JSON value; any other error stays as it is.
func notJSON(data []byte, err error) error {
	var malformed *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return errors.New("it is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is no JSON: its end is missing")
	case errors.As(err, &malformed):
		return fmt.Errorf("it is no JSON: line %d: %w", 1+strings.Count(string(data[:min(int(malformed.Offset), len(data))]), "\n"), err)
	case errors.As(err, &wrong):
		return fmt.Errorf("it is no JSON object, but a JSON %s", wrong.Value)
	}
	return err
}

package client

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Differences are the names of what two registrations differ in, as their JSON has them, in alphabetical order.
func Differences(a, b Client) ([]string, error) {
	one, err := members(a)
	if err != nil {
		return nil, err
	}
	other, err := members(b)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, value := range one {
		if !bytes.Equal(value, other[name]) {
			names = append(names, name)
		}
	}
	for name := range other {
		if one[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// members is the JSON of a registration, by name.
func members(c Client) (map[string]json.RawMessage, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	return all, json.Unmarshal(data, &all)
}

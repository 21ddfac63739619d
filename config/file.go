package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"vestibule/provider/spelling"

	"go.yaml.in/yaml/v3"
)

// readFile returns what the settings file says. It walks the nodes itself because a decoder
// stops at the first fault, or does not say in which line a value stood.
func (l *loader) readFile(path string) []entry {
	if path == "" {
		return nil
	}
	top, err := parse(path)
	if err != nil {
		l.unreadable = true
		l.fault("", path, err.Error())
		return nil
	}
	if top == nil {
		return nil
	}
	var entries []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		where := fmt.Sprintf("%s: line %d: %s", filepath.Base(path), key.Line, key.Value)
		if first, twice := lines[key.Value]; twice {
			l.fault("", where, fmt.Sprintf("is set twice, first in line %d; keep one of the two", first))
			continue
		}
		lines[key.Value] = key.Line
		if e, ok := l.fileEntry(key, value, where); ok {
			entries = append(entries, e)
		}
	}
	return entries
}

func (l *loader) fileEntry(key, value *yaml.Node, where string) (entry, bool) {
	s, file, ok := find(key.Value)
	if !ok {
		text := "there is no such setting"
		if near := nearest(key.Value); near != "" {
			text += "; did you mean " + near + "?"
		}
		l.fault("", where, text)
		return entry{}, false
	}
	plain, err := plainText(value, s.isList() && !file)
	if err != nil {
		l.fault(s.name, where, err.Error())
		return entry{}, false
	}
	return entry{s, file, plain, where}, true
}

// parse returns the mapping at the top of the file, or nil for an empty file.
func parse(path string) (*yaml.Node, error) {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("there is no such file; check --config")
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", errors.Unwrap(err))
	}
	defer file.Close()
	var doc yaml.Node
	decoder := yaml.NewDecoder(file)
	switch err := decoder.Decode(&doc); {
	case err == io.EOF:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	top := doc.Content[0]
	if top.Kind == yaml.ScalarNode && top.Tag == "!!null" {
		return nil, nil
	}
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: should be lines of the form name: value", top.Line)
	}
	if decoder.Decode(new(yaml.Node)) != io.EOF {
		return nil, errors.New("holds a second document; put all settings into the first")
	}
	return top, nil
}

// plainText returns the value as written, so that 0x10 or yes need no quotes. A list is allowed
// where the environment has commas.
func plainText(value *yaml.Node, list bool) (string, error) {
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag != "!!null":
		return value.Value, nil
	case value.Kind == yaml.ScalarNode:
		return "", errors.New("has no value; write one or remove the line")
	case value.Kind == yaml.SequenceNode && list:
		var all []string
		for _, item := range value.Content {
			one, err := plainText(item, false)
			if err != nil {
				return "", err
			}
			all = append(all, one)
		}
		return strings.Join(all, ","), nil
	case list:
		return "", errors.New("should be one value or a list")
	}
	return "", errors.New("should be one value, not a list or a group")
}

// nearest returns the name that differs in at most two letters, or nothing.
func nearest(name string) string {
	var names []string
	for _, s := range settings {
		names = append(names, s.name)
		if s.secret {
			names = append(names, s.name+"_file")
		}
	}
	return spelling.Nearest(name, names, 2)
}

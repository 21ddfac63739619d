package catalogue

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed *.toml
var files embed.FS

// Set is the languages that there are texts in.
type Set struct {
	languages []*Language // English first
	matcher   language.Matcher
	rewords   bool        // a second file of a language rewords it
	reworded  []*Language // the texts of those
	usual     *Language   // what a reader gets who reads none of them; nil: English
}

// source is the language that texts are translated from.
var source = language.English

// Default returns the languages that come with the program.
var Default = sync.OnceValues(func() (*Set, error) { return New(nil) })

// Folder is New with the languages of a folder; empty: there are no more.
func Folder(path string) (*Set, error) {
	if path == "" {
		return Default()
	}
	return New(os.DirFS(path))
}

// New returns the languages that come with the program and those of more: files in its top folder, named after a language,
// such as pt-BR.toml. nil: there are no more. A text that a file lacks is said in English. The error names every other fault
// of every file.
func New(more fs.FS) (*Set, error) { return build(more, false) }

// Reworded is New for a program that says things in words of its own: a file of a language that comes with this one, such as
// en.toml, has the texts that stand in the place of those.
func Reworded(more fs.FS) (*Set, error) { return build(more, true) }

func build(more fs.FS, reword bool) (*Set, error) {
	bundle := i18n.NewBundle(source)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	s := &Set{}
	if err := s.load(bundle, files); err != nil {
		return nil, err
	}
	s.rewords = reword
	if more != nil {
		if err := s.loadMore(bundle, more); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(s.languages, func(a, b *Language) int { return rank(a) - rank(b) })
	if len(s.languages) == 0 || s.languages[0].tag != source {
		return nil, fmt.Errorf("there are no texts in %s", source)
	}
	faults := s.reword()
	var tags []language.Tag
	for _, l := range s.languages {
		faults = append(faults, l.check(s.languages[0]))
		l.borrow(s.languages[0])
		tags = append(tags, l.tag)
	}
	s.matcher = language.NewMatcher(tags)
	return s, errors.Join(faults...)
}

func rank(l *Language) int {
	if l.tag == source {
		return 0
	}
	return 1
}

// loadMore is load for a folder that somebody means to have files in.
func (s *Set) loadMore(bundle *i18n.Bundle, from fs.FS) error {
	entries, err := fs.ReadDir(from, ".")
	if err != nil {
		return fmt.Errorf("texts: %w", err)
	}
	if !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return path.Ext(e.Name()) == ".toml" }) {
		return errors.New("texts: the folder has no file such as pt-BR.toml")
	}
	return s.load(bundle, from)
}

func (s *Set) load(bundle *i18n.Bundle, from fs.FS) error {
	names, err := fs.Glob(from, "*.toml")
	if err != nil {
		return fmt.Errorf("texts: %w", err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("texts: %w", err)
		}
		file, err := bundle.ParseMessageFileBytes(data, name)
		if err != nil {
			return fmt.Errorf("texts in %s: %w", name, err)
		}
		l := newLanguage(bundle, file)
		switch {
		case !has(s.languages, l):
			s.languages = append(s.languages, l)
		case s.rewords && !has(s.reworded, l):
			s.reworded = append(s.reworded, l)
		default:
			return fmt.Errorf("texts in %s: there are others for %s", name, file.Tag)
		}
	}
	return nil
}

// has reports whether one of the languages is that of l.
func has(languages []*Language, l *Language) bool {
	return slices.ContainsFunc(languages, func(other *Language) bool { return other.tag == l.tag })
}

// reword has texts stand in the place of others, and returns what is wrong with them.
func (s *Set) reword() (faults []error) {
	for _, own := range s.reworded {
		faults = append(faults, own.check(s.languages[0]))
	}
	for _, own := range s.reworded {
		for _, l := range s.languages {
			if l.tag == own.tag {
				l.reword(own)
			}
		}
	}
	return faults
}

// Languages returns all of them, English first.
func (s *Set) Languages() []*Language { return slices.Clone(s.languages) }

// Tags returns those of all languages, English first.
func (s *Set) Tags() []string {
	var tags []string
	for _, l := range s.languages {
		tags = append(tags, l.Lang)
	}
	return tags
}

// With returns the same languages, of which that with the tag is the usual one.
func (s *Set) With(usual string) (*Set, error) {
	for _, l := range s.languages {
		if strings.EqualFold(l.Lang, usual) {
			return &Set{languages: s.languages, matcher: s.matcher, usual: l}, nil
		}
	}
	return nil, fmt.Errorf("there are no texts in %s", usual)
}

// Usual is the language of those of whom nobody knows what they read: English, unless With has named another.
func (s *Set) Usual() *Language { return cmp.Or(s.usual, s.languages[0]) }

// Choose returns the language for a reader: by ui_locales, what the app has asked for (OpenID Connect Core 3.1.2.1, tags
// separated by spaces, the best first), then by Accept-Language, what the browser asks for (RFC 9110 section 12.5.4). Either
// may be empty or nonsense. Who reads none of the languages gets Usual.
func (s *Set) Choose(uiLocales, acceptLanguage string) *Language {
	if len(s.languages) == 1 {
		return s.languages[0]
	}
	for _, tags := range [][]language.Tag{localeTags(uiLocales), acceptTags(acceptLanguage)} {
		if len(tags) == 0 {
			continue
		}
		if _, i, confidence := s.matcher.Match(tags...); confidence > language.No {
			return s.languages[i]
		}
	}
	return s.Usual()
}

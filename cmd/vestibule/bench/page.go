package bench

import (
	"bytes"
	"net/url"

	"golang.org/x/net/html"
)

// page is what a browser needs of one: what it is, and its first form. Pages begin with the form that goes on.
type page struct {
	name, state string // data-page and data-state
	action      string // of the form; empty: there is none
	fields      url.Values
}

// readPage reads a page as far as its first form goes. It makes no tree, which would cost the machine more than the server
// takes for the page.
func readPage(body []byte) page {
	p, tokens := page{fields: url.Values{}}, html.NewTokenizer(bytes.NewReader(body))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return p
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(tokens)
		case html.EndTagToken:
			if name, _ := tokens.TagName(); string(name) == "form" && p.action != "" {
				return p
			}
		}
	}
}

func (p *page) start(tokens *html.Tokenizer) {
	tag, more := tokens.TagName()
	switch string(tag) {
	case "main":
		has := attributes(tokens, more)
		p.name, p.state = has["data-page"], has["data-state"]
	case "form":
		if p.action == "" {
			p.action = attributes(tokens, more)["action"]
		}
	case "input":
		p.field(attributes(tokens, more))
	}
}

// field takes what a browser would send without anybody's doing.
func (p *page) field(has map[string]string) {
	_, checked := has["checked"]
	if p.action != "" && has["name"] != "" && (has["type"] != "checkbox" || checked) {
		p.fields.Add(has["name"], has["value"])
	}
}

func attributes(tokens *html.Tokenizer, more bool) map[string]string {
	has := map[string]string{}
	for more {
		var key, value []byte
		key, value, more = tokens.TagAttr()
		has[string(key)] = string(value)
	}
	return has
}

package ui

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
)

// sendScript is all that runs on the page of a form that is to be sent on. It is named by its hash, so that nothing else
// does: the page has a code in it.
const sendScript = `document.getElementById("answer").submit()`

// formPostPolicy is that of such a page. It has no form-action, for the reason that basePolicy has none: Chrome would
// apply it to wherever the client redirects from there.
var formPostPolicy = fmt.Sprintf("default-src 'none'; style-src 'self'; script-src '%s'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'", scriptHash(sendScript))

// scriptHash names a script in a policy (CSP level 3, section 2.3.1).
func scriptHash(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

type formPostPage struct {
	Frame
	Action template.HTMLAttr
	Fields url.Values
	Script template.JS
}

// FormPost answers with a page whose form brings the fields to another site. It is sent at once by a script, and by its
// button where none runs. action is sent to byte for byte, and must be http or https; of each field the first value counts.
func (p *Pages) FormPost(w http.ResponseWriter, r *http.Request, action string, fields url.Values) error {
	to, err := url.Parse(action)
	if err != nil {
		return err
	}
	p.SetHeaders(w.Header(), r.URL.Path)
	w.Header().Set("Content-Security-Policy", formPostPolicy)
	return p.Render(w, r, http.StatusOK, "form-post", &formPostPage{
		Frame:  Frame{Page: "form-post", Title: Say("form_post.title", "host", to.Host)},
		Action: template.HTMLAttr(`action="` + template.HTMLEscapeString(action) + `"`), // a value of its own would be spelt anew
		Fields: fields, Script: sendScript,
	})
}

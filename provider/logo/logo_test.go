package logo_test

import (
	"bytes"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"
	"testing"

	"vestibule/provider/logo"
)

// picture is one of that size in the format.
func picture(t *testing.T, size int, encode func(io.Writer, image.Image) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encode(&b, image.NewGray(image.Rect(0, 0, size, size))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestParse takes pictures for what they are, and nothing else.
func TestParse(t *testing.T) {
	asGIF := func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }
	asJPEG := func(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }
	for _, tt := range []struct {
		name  string
		data  []byte
		kind  string
		fault string
	}{
		{"PNG", picture(t, 64, png.Encode), "image/png", ""},
		{"JPEG", picture(t, 64, asJPEG), "image/jpeg", ""},
		{"GIF", picture(t, 64, asGIF), "image/gif", ""},
		{"the largest", picture(t, logo.MaxSide, png.Encode), "image/png", ""},
		{"larger", picture(t, logo.MaxSide+1, png.Encode), "", "pixels"},
		{"an SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "", "PNG, JPEG or GIF"},
		{"HTML", []byte("<!doctype html><script>alert(1)</script>"), "", "PNG, JPEG or GIF"},
		{"a head alone", []byte("\x89PNG\r\n\x1a\n"), "", "cannot be read"},
		{"nothing", nil, "", "PNG, JPEG or GIF"},
	} {
		got, err := logo.Parse(tt.data)
		if got.Type != tt.kind || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, got.Type, err, tt.kind, tt.fault)
		}
	}
}

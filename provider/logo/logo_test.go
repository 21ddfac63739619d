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

// swollen is a GIF of one pixel that begins with a picture of 65,535 by 65,535.
func swollen(t *testing.T) []byte {
	t.Helper()
	data := picture(t, 1, func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) })
	first := []byte{0x2c, 0, 0, 0, 0, 1, 0, 1, 0} // its place, and its size
	at := bytes.LastIndex(data, first)
	if at < 0 {
		t.Fatal("the GIF has no picture of one pixel")
	}
	copy(data[at+5:], "\xff\xff\xff\xff")
	return data
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
		{"a GIF that is larger than its head says", swollen(t), "", "cannot be read"},
		{"the first half", picture(t, 64, png.Encode)[:60], "", "cannot be read"},
		{"nothing", nil, "", "PNG, JPEG or GIF"},
	} {
		got, err := logo.Parse(tt.data)
		if got.Type != tt.kind || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %q, %v; want %q, %q", tt.name, got.Type, err, tt.kind, tt.fault)
		}
	}
}

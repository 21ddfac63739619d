// Package logo is the picture by which users know an app: what is taken for one, of what a client has named. Begin with Parse. It
// fetches nothing and changes nothing in a picture.
package logo

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // the formats that there may be
	_ "image/jpeg"
	_ "image/png"
)

// Image is a logo.
type Image struct {
	Type string // its media type
	Data []byte
}

// MaxSide is how many pixels a logo may be wide, or high: a few bytes can stand for more than a browser has room for.
const MaxSide = 1024

// Accept is the types that are asked for. An SVG is a document, which may hold scripts: none is taken.
const Accept = "image/png, image/jpeg, image/gif"

// types are the media types by the names of formats.
var types = map[string]string{"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif"}

// Parse returns the picture, of the type that its bytes are of, whatever their host has said. The head says how much there is to
// read, and then the picture, the first of many, must be what the head says: a GIF whose head is small may begin with a picture
// of any size, for which browsers make room.
func Parse(data []byte) (Image, error) {
	head, format, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case errors.Is(err, image.ErrFormat), err == nil && types[format] == "":
		return Image{}, errors.New("a logo must be a PNG, JPEG or GIF")
	case err != nil:
		return Image{}, fmt.Errorf("the logo cannot be read: %w", err)
	case head.Width > MaxSide || head.Height > MaxSide || head.Width == 0 || head.Height == 0:
		return Image{}, fmt.Errorf("a logo has at most %d pixels a side", MaxSide)
	}
	if _, _, err := image.Decode(bytes.NewReader(data)); err != nil {
		return Image{}, fmt.Errorf("the logo cannot be read: %w", err)
	}
	return Image{types[format], data}, nil
}

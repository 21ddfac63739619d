package interaction

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"vestibule/provider/spelling"
)

// sealedPrefix begins the flow of an interaction that is not a row.
const sealedPrefix = "r."

// IsSealed reports whether a flow looks like one that holds a whole interaction.
func IsSealed(flow string) bool { return strings.HasPrefix(flow, sealedPrefix) }

// IsRow reports whether a flow looks like one that names a row.
func IsRow(flow string) bool {
	_, _, ok := parseRow(flow)
	return ok
}

// parseRow returns the id of a row and the version that is asked for, 0 for any.
func parseRow(flow string) (id string, version int64, ok bool) {
	id, text, versioned := strings.Cut(flow, ".")
	if versioned {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || strconv.FormatInt(n, 10) != text { // +1 and 01 are not what Flow writes
			return "", 0, false
		}
		version = n
	}
	return id, version, spelling.IsRandomID(id)
}

// MaxFlow is how many bytes a flow may have. It travels in an address, and so in the headers of an answer, for which
// proxies have 4 KiB by default: nginx would answer 502 in its place. The pages leave out of their memory what is too long.
const MaxFlow = 3000

// pagesRoom is what is kept of that for the memory of the pages, and for the browser that the flow belongs to.
const pagesRoom = 600

// Fits reports whether an address of ours can hold the interaction, with room for the memory of the pages.
func (f *Flows) Fits(ix *Interaction) (bool, error) {
	data, err := pack(ix.inAddress())
	switch {
	case errors.Is(err, errInflated):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("flow: %w", err)
	case data[0] == plain: // which fits in any case
		return true, nil
	}
	flow, err := f.Flow(ix)
	return len(flow) <= MaxFlow-pagesRoom, err
}

// maxInflated bounds what a flow may become. Only we seal flows, and none comes near it.
const maxInflated = 64 << 10

// maxPlain is up to where a flow is sealed as it is, in bytes of JSON. To compress costs more than all else in a redirect to a
// page, and would make half of a usual flow of 700 bytes no shorter, for that is random.
const maxPlain = 1200

// The first byte of what is sealed tells how the JSON after it is written.
const (
	plain    = 'p'
	deflated = 'd'
)

// A compressor is 800 kB of tables, which are cleared for each flow.
var (
	deflaters = sync.Pool{New: func() any { return new(deflater) }}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}
)

var (
	errInflated = fmt.Errorf("it has more than %d bytes", maxInflated)
	errPacked   = errors.New("it is written in a way that is not known")
)

// pack returns v as JSON, compressed if it is long: it goes into an address.
func pack(v any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte(plain)
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return nil, err
	}
	switch text := b.Bytes()[1:]; {
	case len(text) > maxInflated:
		return nil, errInflated
	case len(text) > maxPlain:
		return deflate(text)
	}
	return b.Bytes(), nil
}

// unpack reads what pack made.
func unpack(data []byte, v any) error {
	if len(data) == 0 {
		return errPacked
	}
	switch text := data[1:]; data[0] {
	case plain:
		return json.Unmarshal(text, v)
	case deflated:
		text, err := inflate(text)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, v)
	}
	return errPacked
}

type deflater struct {
	packed bytes.Buffer
	w      *flate.Writer
}

func deflate(text []byte) ([]byte, error) {
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	if err := d.reset(); err != nil {
		return nil, err
	}
	if _, err := d.w.Write(text); err != nil {
		return nil, err
	}
	if err := d.w.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(d.packed.Bytes()), nil
}

func (d *deflater) reset() (err error) {
	d.packed.Reset()
	d.packed.WriteByte(deflated)
	if d.w == nil {
		d.w, err = flate.NewWriter(&d.packed, flate.BestCompression)
		return err
	}
	d.w.Reset(&d.packed)
	return nil
}

func inflate(data []byte) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(data), nil); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(r, maxInflated+1))
	if err == nil && len(text) > maxInflated {
		err = errInflated
	}
	return text, err
}

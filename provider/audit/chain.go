package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Recorded is an event as the log has it.
type Recorded struct {
	Event
	Text  string // Detail as it is kept, which is what the hash covers
	Place int64  // in the chain, from 1 on; 0: it is not linked yet
	Hash  []byte // nil: it is not linked yet

	Blob bool // a text is kept as bytes, which the program never does
}

// chainLabel begins what is hashed, so that no other use of SHA-256 can give the same value.
const chainLabel = "vestibule audit 1\n"

// Head is a place in the chain of events and the hash there, which stands for all events up to it: whoever keeps
// a Head elsewhere can tell later whether one of them was changed.
type Head struct {
	Place int64 // 0: before the first event
	Hash  []byte
}

// Start is where a chain begins.
func Start() Head { return Head{Hash: make([]byte, sha256.Size)} }

// String gives PLACE:HASH, the hash in hexadecimal.
func (h Head) String() string {
	return strconv.FormatInt(h.Place, 10) + ":" + hex.EncodeToString(h.Hash)
}

// ParseHead reads what String wrote.
func ParseHead(text string) (Head, error) {
	place, hash, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(place, 10, 64)
	sum, hexErr := hex.DecodeString(hash)
	if err != nil || hexErr != nil || n < 0 || len(sum) != sha256.Size {
		return Head{}, errors.New("it should be a place, a colon and 64 hexadecimal digits, as `vestibule audit head` prints them")
	}
	return Head{n, sum}, nil
}

// Next is the head once r is linked behind h: SHA-256 over the label, the place, the hash before it, the time in
// microseconds, and all texts of the event. Numbers take eight bytes, big end first, and so does the length of
// each text before it, so that no two events have the same bytes.
func (h Head) Next(r Recorded) Head {
	b := []byte(chainLabel)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Place+1))
	b = append(b, h.Hash...)
	b = binary.BigEndian.AppendUint64(b, uint64(microseconds(r.Time)))
	for _, text := range []string{
		r.ID, r.Kind, r.Outcome, r.Subject, r.Client, r.Session, r.Address, r.Actor, r.Method, r.Request, r.Text,
	} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	sum := sha256.Sum256(b)
	return Head{h.Place + 1, sum[:]}
}

// Equal reports whether both are the same. Hashes are no secrets.
func (h Head) Equal(other Head) bool {
	return h.Place == other.Place && bytes.Equal(h.Hash, other.Hash)
}

// ChainFault says where the log is not as it was written: somebody has changed the database behind the program.
type ChainFault struct {
	Place int64 // the first place that is wrong
	Text  string
}

func (f *ChainFault) Error() string {
	return fmt.Sprintf("the audit log is broken at place %d: %s", f.Place, f.Text)
}

// LeadsTo returns nil if r is the event behind h, as it was written.
func (h Head) LeadsTo(r Recorded) error {
	want := h.Next(r)
	switch {
	case r.Place > want.Place:
		return &ChainFault{want.Place, "the event is missing"}
	case !bytes.Equal(r.Hash, want.Hash):
		return &ChainFault{want.Place, fmt.Sprintf("the event %s (%s) was changed, moved or put in, or one before it was taken out", r.ID, r.Kind)}
	case r.Blob:
		return &ChainFault{want.Place, fmt.Sprintf("the event %s (%s) was changed: a text of it is kept as bytes, so that no filter finds it", r.ID, r.Kind)}
	}
	return nil
}

// microseconds is how the time of an event is hashed: since 1970, 0 for the zero time.
func microseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

package interaction

import (
	"encoding/base64"
	"strings"
	"time"

	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// sealedValue is a value that is good for a while.
type sealedValue struct {
	Value any       `json:"value"`
	Until time.Time `json:"until"`
}

// SealValue returns v as JSON, sealed for a parameter in an address of ours: nobody reads it there or makes one. It is good
// for one purpose, until that time.
func SealValue(s Sealer, purpose string, v any, until time.Time) (string, error) {
	data, err := pack(sealedValue{v, until})
	if err != nil {
		return "", err
	}
	keyID, sealed, err := s.Seal(data, purpose)
	return keyID + "." + base64.RawURLEncoding.EncodeToString(sealed), err
}

// OpenValue reads what SealValue has made for the purpose. store.ErrNotFound reports one that never was, was altered or is
// over.
func OpenValue(s Sealer, purpose, text string, now time.Time, v any) error {
	keyID, text, _ := strings.Cut(text, ".")
	data, err := spelling.DecodeOpaque(text)
	if err != nil {
		return store.ErrNotFound
	}
	if data, err = s.Open(keyID, data, purpose); err != nil {
		return store.ErrNotFound
	}
	read := sealedValue{Value: v}
	if err := unpack(data, &read); err != nil || !now.Before(read.Until) {
		return store.ErrNotFound
	}
	return nil
}

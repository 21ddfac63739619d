package webauthntest

import "encoding/binary"

// The few items of CBOR (RFC 8949) that a key sends, in the encoding of CTAP2: each as short as it can be. Keys of maps
// come in the order in which they are given.

func cborHead(major byte, n uint64) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 1<<8:
		return []byte{major<<5 | 24, byte(n)}
	case n < 1<<16:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
	return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
}

func cborInt(n int) []byte {
	if n < 0 {
		return cborHead(1, uint64(-n-1))
	}
	return cborHead(0, uint64(n))
}

func cborBytes(b []byte) []byte { return append(cborHead(2, uint64(len(b))), b...) }

func cborText(s string) []byte { return append(cborHead(3, uint64(len(s))), s...) }

// cborMap takes encoded keys and values in turn.
func cborMap(items ...[]byte) []byte {
	m := cborHead(5, uint64(len(items)/2))
	for _, item := range items {
		m = append(m, item...)
	}
	return m
}

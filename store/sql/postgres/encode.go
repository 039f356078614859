package postgres

import (
	"encoding/binary"
	"fmt"
)

// The types of parameters and columns.
const (
	int4OID      = 23
	int8OID      = 20
	textOID      = 25
	int8ArrayOID = 1016
	textArrayOID = 1009
)

// arrayHeader is the length of the header of an array that is not empty: the number of
// dimensions, whether there are nulls, the type, the length and the first index.
const arrayHeader = 20

// appendArrayHeader appends the header of an array of one dimension, or of an empty one.
func appendArrayHeader(b []byte, oid uint32, size int) []byte {
	if size == 0 {
		b = binary.BigEndian.AppendUint64(b, 0)
		return binary.BigEndian.AppendUint32(b, oid)
	}
	b = binary.BigEndian.AppendUint64(b, 1<<32)
	b = binary.BigEndian.AppendUint32(b, oid)
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	return binary.BigEndian.AppendUint32(b, 1)
}

// encodeInt4 returns an integer in binary form.
func encodeInt4(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// encodeInt8 returns a bigint in binary form.
func encodeInt8(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// encodeInts returns bigint[] in binary form.
func encodeInts(values []int64) []byte {
	b := appendArrayHeader(make([]byte, 0, arrayHeader+12*len(values)), int8OID, len(values))
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, 8)
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// encodeTexts returns text[] in binary form.
func encodeTexts(values []string) []byte {
	size := arrayHeader
	for _, v := range values {
		size += 4 + len(v)
	}
	b := appendArrayHeader(make([]byte, 0, size), textOID, len(values))
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}

// decodeArray cuts an array in binary form into its elements. A null is an empty array.
func decodeArray(b []byte) (elements [][]byte, err error) {
	if len(b) < 12 || binary.BigEndian.Uint32(b) == 0 {
		return nil, nil
	}
	if len(b) < arrayHeader || binary.BigEndian.Uint32(b) != 1 {
		return nil, fmt.Errorf("array of %d bytes: want one dimension", len(b))
	}
	elements = make([][]byte, 0, min(binary.BigEndian.Uint32(b[12:]), uint32(len(b))))
	for b = b[arrayHeader:]; len(b) >= 4; {
		size := int(int32(binary.BigEndian.Uint32(b)))
		if b = b[4:]; size < 0 || size > len(b) {
			return nil, fmt.Errorf("array element of %d bytes: want at most %d", size, len(b))
		}
		elements = append(elements, b[:size])
		b = b[size:]
	}
	return elements, nil
}

// decodeInts returns the elements of bigint[] in binary form.
func decodeInts(b []byte) ([]int64, error) {
	elements, err := decodeArray(b)
	if err != nil {
		return nil, err
	}
	values := make([]int64, len(elements))
	for i, e := range elements {
		if len(e) != 8 {
			return nil, fmt.Errorf("array element of %d bytes: want 8", len(e))
		}
		values[i] = int64(binary.BigEndian.Uint64(e))
	}
	return values, nil
}

// decodeTexts returns the elements of text[] in binary form.
func decodeTexts(b []byte) ([]string, error) {
	elements, err := decodeArray(b)
	values := make([]string, len(elements))
	for i, e := range elements {
		values[i] = string(e)
	}
	return values, err
}

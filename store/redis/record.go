package redis

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A record of the directory is JSON, and before it what the scripts compare, since they
// read no JSON. Numbers are big endian:
//
//	recordLayout         one byte
//	version              eight bytes
//	digest, retiring     32 bytes each, of a key only, whose JSON is without these four
//	name, customer       four bytes of length, and the text, likewise
const (
	recordLayout = 1
	recordHead   = 1 + 8
)

// encode is the record of a value; extra is what a key's has between the head and the
// JSON.
func encode(version int64, extra []byte, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	head := appendVersion([]byte{recordLayout}, version)
	return string(slices.Concat(head, extra, text)), nil
}

// decode reads the record of a plan or a link.
func decode[T any](record string) (value T, err error) {
	text, err := body(record)
	if err == nil {
		err = unmarshal(text, &value)
	}
	return value, err
}

// body is what follows the head of a record.
func body(record string) (string, error) {
	switch {
	case record == "":
		return "", errors.New("record: none: want one, since an index has it")
	case record[0] != recordLayout:
		return "", fmt.Errorf("record of layout %d: want %d: another version of the store wrote it", record[0], recordLayout)
	case len(record) < recordHead:
		return "", errCut
	}
	return record[recordHead:], nil
}

var errCut = errors.New("record: cut: want all of its head")

func unmarshal(text string, value any) error {
	if err := json.Unmarshal([]byte(text), value); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

func appendVersion(b []byte, version int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(version))
}

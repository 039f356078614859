package redis

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A record of the directory begins with the fields that the scripts compare, because they
// read no JSON. The JSON of the value follows. Numbers are big endian:
//
//	layout               1 byte, recordLayout
//	version              8 bytes
//	digest, retiring     32 bytes each; only in a key's record
//	texts                4 bytes of length and the text, each:
//	                     group, name and customer in a key's record,
//	                     parent and plan in a group's record
//	value                JSON, without the fields before it
//
// The group comes first among the texts of a key, so that access.lua sees at once whether
// there is one.
const (
	recordLayout = 1
	recordHead   = 1 + 8
)

// encode returns the record of value. Only a key and a group have extra, between the head
// and the JSON.
func encode(version int64, extra []byte, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	head := appendVersion([]byte{recordLayout}, version)
	return string(slices.Concat(head, extra, text)), nil
}

// decode decodes the record of a plan or a link.
func decode[T any](record string) (value T, err error) {
	text, err := recordBody(record)
	if err == nil {
		err = unmarshal(text, &value)
	}
	return value, err
}

// recordBody returns what follows the head of a record.
func recordBody(record string) (string, error) {
	switch {
	case record == "":
		return "", errors.New("record: missing: want one, because an index lists it")
	case record[0] != recordLayout:
		return "", fmt.Errorf("record of layout %d: want %d: another version of the store wrote it", record[0], recordLayout)
	case len(record) < recordHead:
		return "", errTruncated
	}
	return record[recordHead:], nil
}

// appendTexts appends texts, each with its length before it.
func appendTexts(b []byte, texts ...string) []byte {
	for _, text := range texts {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	return b
}

// cutTexts cuts texts off the front of s, and returns the rest.
func cutTexts(s string, texts ...*string) (rest string, err error) {
	for _, text := range texts {
		if len(s) < 4 {
			return "", errTruncated
		}
		size := int64(binary.BigEndian.Uint32([]byte(s[:4])))
		if int64(len(s)-4) < size {
			return "", errTruncated
		}
		*text, s = s[4:4+size], s[4+size:]
	}
	return s, nil
}

var errTruncated = errors.New("record: truncated: want all of its head")

func unmarshal(text string, value any) error {
	if err := json.Unmarshal([]byte(text), value); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	return nil
}

func appendVersion(b []byte, version int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(version))
}

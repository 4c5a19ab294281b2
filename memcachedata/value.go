package memcachedata

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/capi-go/capi"
)

// The flags of an item, by which PHP's extension memcached describes a value.
const (
	typeMask   = 0xf // The type: 0 is a string.
	compressed = 1 << 4
	byZlib     = 1 << 5
	byFastLZ   = 1 << 6
	byOthers   = 0xff80 &^ compressed
)

var (
	errTooLong    = errors.New("value of 16 MiB or more")
	errCompressed = errors.New("value compressed in an unknown way (see PHP's memcached.compression_type)")
	errDamaged    = errors.New("damaged compressed value")
)

// payloadOf returns the content of an item, or nil if it is not a PHP string.
// For more than limit bytes, it returns only the length.
func payloadOf(item *memcache.Item, limit int) (payload capi.Payload, length int, err error) {
	switch flags := item.Flags; {
	case flags&typeMask != 0:
		return nil, 0, nil
	case flags&compressed == 0 && len(item.Value) > limit:
		return nil, len(item.Value), nil
	case flags&compressed == 0:
		return item.Value, 0, nil
	case flags&byOthers != 0:
		return nil, 0, errCompressed
	case len(item.Value) < 4:
		return nil, 0, errDamaged
	}
	// The value begins with its length, in the byte order of the machine that
	// PHP runs on.
	size, text := binary.LittleEndian.Uint32(item.Value), item.Value[4:]
	if size > uint32(limit) {
		return nil, int(min(size, 1<<24)), nil
	}
	payload, err = inflate(text, int(size), item.Flags)
	return payload, 0, err
}

// inflate returns the text of a compressed value, which must have size bytes.
func inflate(text []byte, size int, flags uint32) (capi.Payload, error) {
	var payload []byte
	switch flags & (byZlib | byFastLZ) {
	case byZlib:
		reader, err := zlib.NewReader(bytes.NewReader(text))
		if err != nil {
			return nil, errDamaged
		}
		if payload, err = io.ReadAll(io.LimitReader(reader, int64(size)+1)); err != nil {
			return nil, errDamaged
		}
	case byFastLZ:
		var ok bool
		if payload, ok = fastLZ(text, size); !ok {
			return nil, errDamaged
		}
	default:
		return nil, errCompressed
	}
	if len(payload) != size {
		return nil, errDamaged
	}
	return payload, nil
}

// fastLZ returns the text of a FastLZ block, of at most size bytes, or reports
// that it is damaged. The first three bits of a block are its level. A byte
// below 32 is one less than the number of literal bytes that follow. In any
// other, three bits are the length of a repetition minus two, and five are the
// upper bits of its distance minus one. A length of seven continues in the next
// byte, in level 2 for as long as the bytes are 255. There, a distance of all
// ones continues in two more bytes.
func fastLZ(block []byte, size int) ([]byte, bool) {
	if len(block) == 0 {
		return nil, size == 0
	}
	level := block[0]>>5 + 1
	if level > 2 {
		return nil, false
	}
	// A repetition of three bytes yields at most 264, so size need not be
	// trusted beyond that.
	text := make([]byte, 0, min(size, 264*len(block)))
	op := block[0] & 31
	for block = block[1:]; ; {
		if op < 32 {
			n := int(op) + 1
			if n > len(block) || len(text)+n > size {
				return nil, false
			}
			text, block = append(text, block[:n]...), block[n:]
		} else {
			n, distance := int(op>>5)+2, int(op&31)<<8
			for more := op>>5 == 7; more; {
				if len(block) == 0 || n > size {
					return nil, false
				}
				n += int(block[0])
				more = level == 2 && block[0] == 255
				block = block[1:]
			}
			if len(block) == 0 {
				return nil, false
			}
			distance += int(block[0]) + 1
			block = block[1:]
			if level == 2 && distance == 1<<13 {
				if len(block) < 2 {
					return nil, false
				}
				distance += int(binary.BigEndian.Uint16(block))
				block = block[2:]
			}
			if distance > len(text) || len(text)+n > size {
				return nil, false
			}
			for range n { // It may overlap its own output.
				text = append(text, text[len(text)-distance])
			}
		}
		if len(block) == 0 {
			return text, true
		}
		op, block = block[0], block[1:]
	}
}

package capi

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/capi-go/capi/internal/phpconfig"
)

// A column is the value of a row's column as text, nil for null. It owns its
// memory.
type column []byte

// Scan implements [database/sql.Scanner].
func (c *column) Scan(src any) error {
	var row rowColumn
	if err := row.Scan(src); err != nil {
		return err
	}
	*c = append(row.text[:0:0], row.text...)
	if *c == nil && row.text != nil {
		*c = column{}
	}
	return nil
}

// integer returns the whole number that c is, or an invalid one.
func (c column) integer() (n integer) {
	_ = n.parse(string(c))
	return n
}

// A rowColumn is a column of one row after another. It is no
// [database/sql.RawBytes], which makes null of an empty text where the driver
// gives a string.
type rowColumn struct {
	// text is nil for null. It is the memory of the driver or of buffer, until
	// the next row.
	text   []byte
	buffer []byte
}

// Scan implements [database/sql.Scanner].
func (c *rowColumn) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		c.text = nil
		return nil
	case []byte:
		c.text = src
	case string:
		c.buffer = append(c.buffer[:0], src...)
		c.text = c.buffer
	case int64:
		c.buffer = strconv.AppendInt(c.buffer[:0], src, 10)
		c.text = c.buffer
	case uint64: // Go's driver for MySQL, of an unsigned number that is no parameter's.
		c.buffer = strconv.AppendUint(c.buffer[:0], src, 10)
		c.text = c.buffer
	case float64:
		// Only SQLite has columns of another type than Joomla's.
		c.buffer = append(c.buffer[:0], phpconfig.FormatFloat(src)...)
		c.text = c.buffer
	case bool:
		c.buffer = append(c.buffer[:0], '0')
		if src {
			c.buffer[0] = '1'
		}
		c.text = c.buffer
	default:
		return fmt.Errorf("neither text nor a number: %T", src)
	}
	if c.text == nil {
		c.text = []byte{}
	}
	return nil
}

// errNotInteger hides the value, which may be anything that a client wrote.
var errNotInteger = errors.New("not a whole number")

// An integer is a whole number that arrives as a number or as text, by driver,
// column type and Joomla version.
type integer struct {
	value int64
	valid bool // false for null and for no text at all
}

func (n *integer) parse(text string) error {
	*n = integer{}
	if text == "" {
		return nil
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errNotInteger
	}
	*n = integer{value: value, valid: true}
	return nil
}

// Scan implements [database/sql.Scanner].
func (n *integer) Scan(src any) error {
	if value, ok := src.(int64); ok { // As text, it would take memory.
		*n = integer{value, true}
		return nil
	}
	var c rowColumn
	if err := c.Scan(src); err != nil {
		return err
	}
	return n.parse(string(c.text))
}

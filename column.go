package capi

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/capi-go/capi/internal/phpconfig"
)

// A column is the value of a column as text, or nil for null. It owns its
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

// integer returns c as an integer, which is invalid if c is not a whole number.
func (c column) integer() (n integer) {
	_ = n.parse(string(c))
	return n
}

// A textColumn is the value of a row's column as text, empty for null.
type textColumn string

// Scan implements [database/sql.Scanner].
func (c *textColumn) Scan(src any) error {
	if text, ok := src.(string); ok { // Nobody changes it, so it needs no copy.
		*c = textColumn(text)
		return nil
	}
	var row rowColumn
	err := row.Scan(src)
	*c = textColumn(row.text)
	return err
}

// A rowColumn scans a column of one row after another. It is not a
// [database/sql.RawBytes], which turns an empty text into null if the driver
// returns a string.
type rowColumn struct {
	// text is nil for null. Until the next row, it is memory of the driver or
	// of buffer.
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
	case uint64: // From go-sql-driver/mysql, for an unsigned number in a query without arguments.
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

// errNotInteger leaves out the value, which a client may have written.
var errNotInteger = errors.New("not a whole number")

// An integer is a whole number that arrives as a number or as text, depending
// on the driver, the column type and the version of Joomla.
type integer struct {
	value int64
	valid bool // false for null and for empty text
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
	if value, ok := src.(int64); ok { // Text would take an allocation.
		*n = integer{value, true}
		return nil
	}
	var c rowColumn
	if err := c.Scan(src); err != nil {
		return err
	}
	return n.parse(string(c.text))
}

// Package php reads and writes the two formats that PHP leaves in the hands of a Go service: serialized values, as the
// session handlers of PHP store them, and JSON strings, as json_encode writes them.
package php

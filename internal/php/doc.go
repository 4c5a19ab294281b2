// Package php reads the serialized values that PHP leaves in the hands of a Go service, as the session handlers of PHP
// store them.
package php

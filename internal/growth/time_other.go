//go:build !unix

package growth

import "time"

var start = time.Now()

// processorTime returns the elapsed time.
func processorTime() time.Duration { return time.Since(start) }

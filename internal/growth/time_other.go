//go:build !unix

package growth

import "time"

var start = time.Now()

// processorTime returns the time that has passed.
func processorTime() time.Duration { return time.Since(start) }

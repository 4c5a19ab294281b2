//go:build unix

package growth

import (
	"syscall"
	"time"
)

// processorTime returns what this process has taken of the processor, which
// other processes do not disturb as they do a clock.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

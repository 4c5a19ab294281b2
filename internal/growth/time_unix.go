//go:build unix

package growth

import (
	"syscall"
	"time"
)

// processorTime returns the processor time of this process, which, unlike a
// clock, other processes do not disturb.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Package growth measures in benchmarks how time and memory grow with the
// length of an input: what is linear has an exponent of about 1, what is
// quadratic one of 2. It is for tests.
package growth

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// Report calls do with inputs of 1, 2, 4 and 8 MB, each several times, and
// reports the exponents that fit best what the cheapest call of each takes of
// the processor and of memory. Each call finds its input in no cache, and
// nothing in a pool, or small inputs would seem cheap; and no collection of
// garbage runs meanwhile, which depends on all that the program holds.
func Report(b *testing.B, input func(size int) []byte, do func(input []byte)) {
	const rounds = 5
	var inputs [4][]byte
	var times, bytes [len(inputs)]float64
	for i := range inputs {
		inputs[i] = input(1 << (20 + i))
		times[i], bytes[i] = math.Inf(1), math.Inf(1)
	}
	caches := make([]byte, 64<<20)
	// The runtime gives memory back to the system if more than a tenth of what
	// is in use is free. Large inputs alone would pay for getting it again.
	var ballast [4][]byte
	for i := range ballast {
		ballast[i] = make([]byte, 1<<30)
	}
	defer runtime.KeepAlive(&ballast)
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for b.Loop() {
		for range rounds {
			for i, input := range inputs {
				runtime.GC()
				runtime.GC() // What pools hold survives one.
				for at := 0; at < len(caches); at += 64 {
					caches[at]++
				}
				time, allocated := cost(do, input)
				times[i], bytes[i] = min(times[i], time), min(bytes[i], allocated)
			}
		}
	}
	last := len(inputs) - 1
	b.ReportMetric(exponent(times[:], inputs[:]), "time-exponent")
	b.ReportMetric(exponent(bytes[:], inputs[:]), "bytes-exponent")
	b.ReportMetric(times[last]/1e6, "ms/8MB")
	b.ReportMetric(bytes[last]/float64(len(inputs[last])), "B/byte")
}

// cost returns what a call of do takes of the processor, in nanoseconds, and of
// memory, in bytes and with 1 KB more, so that a few do not matter.
func cost(do func([]byte), input []byte) (time, bytes float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	do(input)
	time = float64(processorTime() - start)
	runtime.ReadMemStats(&after)
	return time, float64(after.TotalAlloc - before.TotalAlloc + 1<<10)
}

// exponent returns the slope of the line that fits best the logarithms of costs
// over those of lengths.
func exponent(costs []float64, inputs [][]byte) float64 {
	var x, y, xx, xy float64
	for i, cost := range costs {
		length, log := math.Log2(float64(len(inputs[i]))), math.Log2(max(cost, 1))
		x, y, xx, xy = x+length, y+log, xx+length*length, xy+length*log
	}
	n := float64(len(costs))
	return (n*xy - x*y) / (n*xx - x*x)
}

// Package growth measures in benchmarks how time and memory grow with the
// length of an input: what is linear has an exponent of about 1, what is
// quadratic one of 2. It is for tests.
package growth

import (
	"math"
	"runtime"
	"testing"
)

// Report calls do with inputs of 1, 2, 4 and 8 MB, each several times, and
// reports the exponents that fit best what the cheapest call of each takes of
// the processor and of memory.
func Report(b *testing.B, input func(size int) []byte, do func(input []byte)) {
	const rounds = 3
	var inputs [4][]byte
	var times, bytes [len(inputs)]float64
	for i := range inputs {
		inputs[i] = input(1 << (20 + i))
		times[i], bytes[i] = math.Inf(1), math.Inf(1)
	}
	var before, after runtime.MemStats
	for b.Loop() {
		for range rounds {
			for i, input := range inputs {
				runtime.GC() // Else, it is the next input's.
				runtime.ReadMemStats(&before)
				start := processorTime()
				do(input)
				times[i] = min(times[i], float64(processorTime()-start))
				runtime.ReadMemStats(&after)
				bytes[i] = min(bytes[i], float64(after.TotalAlloc-before.TotalAlloc+1<<10)) // So that a few bytes do not matter.
			}
		}
	}
	last := len(inputs) - 1
	b.ReportMetric(exponent(times[:], inputs[:]), "time-exponent")
	b.ReportMetric(exponent(bytes[:], inputs[:]), "bytes-exponent")
	b.ReportMetric(times[last]/1e6, "ms/8MB")
	b.ReportMetric(bytes[last]/float64(len(inputs[last])), "B/byte")
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

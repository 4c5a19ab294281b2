// Package growth measures in benchmarks how time and memory grow with the
// length of an input: a linear cost has an exponent of about 1, a quadratic one
// of 2. It is for tests.
package growth

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// Report calls do several times each with inputs of 1, 2, 4 and 8 MB, and
// reports the exponents that best fit the processor time and memory of the
// cheapest call of each. Calls begin with cold caches and empty pools, or small
// inputs would seem cheap. No garbage collection runs during a call, since its
// cost depends on the whole program.
func Report(b *testing.B, input func(size int) []byte, do func(input []byte)) {
	const rounds = 5
	var inputs [4][]byte
	var times, bytes [len(inputs)]float64
	for i := range inputs {
		inputs[i] = input(1 << (20 + i))
		times[i], bytes[i] = math.Inf(1), math.Inf(1)
	}
	caches := make([]byte, 64<<20)
	// The runtime returns memory to the system if more than a tenth of what is
	// in use is free. Only large inputs would pay for getting it back.
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
				runtime.GC() // Pools survive one collection.
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

// cost returns the processor time of a call of do in nanoseconds, and its
// memory in bytes, plus 1 KB so that a few bytes do not matter.
func cost(do func([]byte), input []byte) (time, bytes float64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	do(input)
	time = float64(processorTime() - start)
	runtime.ReadMemStats(&after)
	return time, float64(after.TotalAlloc - before.TotalAlloc + 1<<10)
}

// exponent returns the slope of the line that best fits the logarithms of costs
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

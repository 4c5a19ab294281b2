//go:build unix

package phpconfig

import (
	"math"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkProperties reads hostile sources of 1, 2, 4 and 8 MB, beyond the
// limit, and reports the exponents that fit what they take of the processor and
// of memory: 1 is linear, 2 quadratic.
func BenchmarkProperties(b *testing.B) {
	type shape struct{ before, repeated, after string }
	in := func(repeated string) shape { return shape{"<?php class JConfig { public $x = ", repeated, ""} }
	for name, s := range map[string]shape{
		"underscores":         {"<?php class JConfig { public $host = ", "1_", "1;}"},
		"digits":              {"<?php class JConfig { public $host = ", "7", ";}"},
		"fraction":            {"<?php class JConfig { public $host = .", "1", ";}"},
		"hex digits":          {"<?php class JConfig { public $host = 0x", "f", ";}"},
		"exponents":           in("1e+"),
		"points":              in("1."),
		"hash comments":       {"<?php ", "#?><?php ", ""},
		"line comments":       {"<?php ", "//?><?php\t", ""},
		"one comment":         {"<?php /*", "* /", ""},
		"one line comment":    {"<?php //", "? >", ""},
		"comments":            {"<?php ", "/**/", ""},
		"open tags":           {"", "<?xml version", ""},
		"almost tags":         {"", "<", ""},
		"lines":               {"<?php ", "\n", "class"},
		"old lines":           {"<?php ", "\r", "class"},
		"properties on lines": {"<?php class JConfig {", "public $x = 1;\n", "}"},
		"properties in a row": {"<?php class JConfig { public $y", ", $x = '\n'", ";}"},
		"types":               {"<?php class JConfig { public ", "A|", ""},
		"names":               {"<?php class JConfig { public ", "a", ""},
		"words":               {"<?php class JConfig implements ", "a,", ""},
		"brackets":            in("[("),
		"braces":              {"<?php class JConfig { function f() ", "{", ""},
		"pairs":               in("[]"),
		"parameters":          {"<?php class JConfig { function f(", "public $x,", ""},
		"attributes":          {"<?php class JConfig { ", "#[A]", ""},
		"single quoted":       in(`'`),
		"escaped quotes":      {"<?php class JConfig { public $host = '", `\'`, ""},
		"escapes":             {`<?php class JConfig { public $host = "`, `\x41`, ""},
		"code point":          {`<?php class JConfig { public $host = "\u{`, `0`, ""},
		"code points":         {`<?php class JConfig { public $host = "`, `\u{41}`, ""},
		"half code points":    {`<?php class JConfig { public $host = "`, `\u`, ""},
		"templates":           {"<?php ", `"{$a}"`, ""},
		"dollars":             {`<?php "$a`, `$`, ""},
		"commands":            {"<?php ", "`{$a}`", ""},
		"heredoc beginnings":  {"<?php ", "<<<A ", ""},
		"almost heredocs":     {"<?php ", "<", ""},
		"spaced heredocs":     {"<?php <<<", " ", ""},
		"heredoc lines":       {"<?php <<<AAAAAAAAAAAAAAAA\n", "AAAAAAAAAAAAAAA\n", ""},
		"heredoc indents":     {"<?php <<<A\n", " ", ""},
		"heredocs in code":    {"<?php ", "<<<A\n{$x}\nA;", ""},
		"arrows":              {"<?php ", "->a", ""},
		"classes":             {"<?php ", "class ", ""},
		"visibilities":        {"<?php ", "private(set)", ""},
	} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			var sources []string
			for size := 1; size <= 8; size *= 2 {
				sources = append(sources, s.before+strings.Repeat(s.repeated, size<<20/len(s.repeated))+s.after)
			}
			times, bytes := make([]float64, len(sources)), make([]float64, len(sources))
			for i := range times {
				times[i] = math.Inf(1)
			}
			var before, after runtime.MemStats
			for b.Loop() {
				for i, source := range sources {
					runtime.ReadMemStats(&before)
					start := processorTime()
					_, _ = properties(source, "JConfig", []string{"host"})
					times[i] = min(times[i], processorTime()-start)
					runtime.ReadMemStats(&after)
					bytes[i] = float64(after.TotalAlloc - before.TotalAlloc + 1<<10) // So that a few bytes do not matter.
				}
			}
			b.ReportMetric(exponent(times), "time-exponent")
			b.ReportMetric(exponent(bytes), "bytes-exponent")
			b.ReportMetric(times[len(times)-1]/1e6, "ms/8MB")
			b.ReportMetric(bytes[len(bytes)-1]/float64(len(sources[len(sources)-1])), "B/byte")
		})
	}
}

// processorTime returns what this process has taken of the processor, in
// nanoseconds: other processes do not disturb it as they do a clock.
func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// exponent returns the slope of the line that fits the logarithms best of what
// doubling sizes cost.
func exponent(costs []float64) float64 {
	var x, y, xx, xy float64
	for i, cost := range costs {
		at, log := float64(i), math.Log2(cost)
		x, y, xx, xy = x+at, y+log, xx+at*at, xy+at*log
	}
	n := float64(len(costs))
	return (n*xy - x*y) / (n*xx - x*x)
}

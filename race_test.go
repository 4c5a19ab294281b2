//go:build race

package capi_test

// raceEnabled reports whether the race detector is on, which allocates and
// slows down.
const raceEnabled = true

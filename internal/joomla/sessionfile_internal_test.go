package joomla

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An empty file with an old time may be about to be written: a tmpfs changes
// the length before the time.
func TestSightWholeEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sess_empty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(path, now, now.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for seen, want := range map[time.Duration]bool{0: false, moment - 1: false, moment: true} {
		if got := (&sight{info, now.Add(-seen)}).whole(now, now); got != want {
			t.Errorf("seen for %v: whole = %v, want %v", seen, got, want)
		}
	}
}

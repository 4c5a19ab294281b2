package main

import (
	"testing"

	"github.com/capi-go/capi/examples/internal/mounttest"
)

func TestProgram(t *testing.T) { mounttest.Program(t) }

// Recoverer passes on the panic of an aborted list.
func TestLists(t *testing.T) { mounttest.Lists(t, mount) }

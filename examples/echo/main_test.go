package main

import (
	"testing"

	"github.com/capi-go/capi/examples/internal/mounttest"
)

func TestProgram(t *testing.T) { mounttest.Program(t) }

// Recover lets the panic of an aborted list pass.
func TestLists(t *testing.T) { mounttest.Lists(t, mount) }

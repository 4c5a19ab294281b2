package growth

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExponent(t *testing.T) {
	inputs := [][]byte{make([]byte, 1000), make([]byte, 2000), make([]byte, 4000), make([]byte, 8000)}
	for want := range 4 {
		costs := make([]float64, len(inputs))
		for i, input := range inputs {
			costs[i] = 7 * math.Pow(float64(len(input)), float64(want))
		}
		assert.InDelta(t, want, exponent(costs, inputs), 1e-9)
	}
}

package joomla

// A Flag tells how a value of a session compares with 0 and 1 by PHP's ==.
type Flag uint8

const (
	Absent Flag = iota // nothing, or null
	Zero               // 0, 0.0, "0", false
	One                // 1, 1.0, "1", " 1", true
	Other              // anything else
)

// flag compares v with 0 and 1 as PHP 8 does.
func flag(v any) Flag {
	switch v := v.(type) {
	case nil:
		return Absent
	case bool:
		if v {
			return One
		}
		return Zero
	case int64:
		return number(float64(v))
	case float64:
		return number(v)
	case string:
		n, ok := ParseNumber(v)
		if !ok {
			return Other
		}
		return number(n)
	default:
		return Other
	}
}

func number(n float64) Flag {
	switch n {
	case 0:
		return Zero
	case 1:
		return One
	default:
		return Other
	}
}

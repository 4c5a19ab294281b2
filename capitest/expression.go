package capitest

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An expression is the value of an expression for a row.
type expression func(*row) driver.Value

// column returns the expression for a column of the table, if one is named.
func (p *parser) column(of, name string) expression {
	depth := 0
	for s := p.scope; s != nil; s = s.outer {
		var found expression
		for i, t := range s.tables {
			if of != "" && s.names[i] != of {
				continue
			}
			at := slices.IndexFunc(t.columns, func(column string) bool { return strings.EqualFold(column, name) })
			if at < 0 {
				continue
			}
			if found != nil {
				fail("Error 1052 (23000): Column '%s' is ambiguous", name)
			}
			up := depth
			found = func(r *row) driver.Value {
				for range up {
					r = r.outer
				}
				if i >= len(r.values) {
					fail("cannot evaluate the column %s beside an aggregate", name)
				}
				if r.values[i] == nil {
					return nil
				}
				return r.values[i][at]
			}
		}
		if found != nil {
			return found
		}
		depth++
	}
	fail("Error 1054 (42S22): Unknown column '%s'", strings.TrimPrefix(of+"."+name, "."))
	return nil
}

// expression parses comparisons joined by AND.
func (p *parser) expression() expression {
	value := p.comparison()
	for p.take("AND") {
		a, b := value, p.comparison()
		value = func(r *row) driver.Value {
			x := truth(a(r))
			if x == false {
				return int64(0)
			}
			y := truth(b(r))
			switch {
			case y == false:
				return int64(0)
			case x == nil || y == nil:
				return nil
			}
			return int64(1)
		}
	}
	return value
}

func (p *parser) comparison() expression {
	a := p.value()
	if p.take("IS") {
		not := p.take("NOT")
		p.want("NULL")
		return func(r *row) driver.Value { return boolean((a(r) == nil) != not) }
	}
	if p.take("IN") {
		p.want("(")
		var list []expression
		for {
			list = append(list, p.value())
			if !p.take(",") {
				break
			}
		}
		p.want(")")
		return func(r *row) driver.Value {
			value, null := a(r), false
			for _, element := range list {
				other := element(r)
				if value == nil || other == nil {
					null = true
				} else if compare(value, other) == 0 {
					return int64(1)
				}
			}
			if null {
				return nil
			}
			return int64(0)
		}
	}
	for operator, holds := range map[string]func(int) bool{
		"=":  func(n int) bool { return n == 0 },
		"<>": func(n int) bool { return n != 0 },
		"<":  func(n int) bool { return n < 0 },
		">":  func(n int) bool { return n > 0 },
		"<=": func(n int) bool { return n <= 0 },
		">=": func(n int) bool { return n >= 0 },
	} {
		if p.take(operator) {
			b := p.value()
			return func(r *row) driver.Value {
				x, y := a(r), b(r)
				if x == nil || y == nil {
					return nil
				}
				return boolean(holds(compare(x, y)))
			}
		}
	}
	return a
}

// value parses an operand.
func (p *parser) value() expression {
	t := p.tokens[p.at]
	switch {
	case t.kind == 'n':
		n := p.number()
		return func(*row) driver.Value { return n }
	case t.kind == 's':
		p.at++
		return func(*row) driver.Value { return t.text }
	case p.take("-"):
		value := p.value()
		return func(r *row) driver.Value {
			if value := value(r); value != nil {
				return -int64(number(value))
			}
			return nil
		}
	case p.take("?"):
		p.used++
		return p.argument(p.used)
	case p.take("NULL"):
		return func(*row) driver.Value { return nil }
	case p.take("CASE"):
		return p.cases()
	case p.is("(", "SELECT"):
		p.at++
		query := p.query()
		p.want(")")
		return func(r *row) driver.Value {
			switch found := query(r); len(found.rows) {
			case 0:
				return nil
			case 1:
				return found.rows[0][0]
			}
			fail("Error 1242 (21000): Subquery returns more than 1 row")
			return nil
		}
	case p.take("("):
		value := p.expression()
		p.want(")")
		return value
	case t.kind == 'w' && p.tokens[p.at+1].kind == '(':
		p.at += 2
		return p.function(strings.ToUpper(t.text))
	case t.kind == 'w' && strings.EqualFold(t.text, "@@group_concat_max_len"):
		p.at++
		return func(*row) driver.Value { return int64(1 << 20) }
	case t.kind == 'w' && strings.EqualFold(t.text, "@@character_set_results"):
		p.at++
		return func(*row) driver.Value { return "utf8mb4" }
	}
	name, of := p.name(), ""
	if p.take(".") {
		name, of = p.name(), name
	}
	return p.column(of, name)
}

// argument returns the expression for the nth argument.
func (p *parser) argument(n int) expression {
	if n > len(p.args) {
		fail("an argument is missing")
	}
	value := p.args[n-1].Value
	switch v := value.(type) {
	case []byte:
		value = string(v)
	case int64, string, nil:
	default:
		fail("an argument of type %T", value)
	}
	return func(*row) driver.Value { return value }
}

func (p *parser) number() int64 {
	n, err := strconv.ParseInt(p.tokens[p.at].text, 10, 64)
	if err != nil {
		fail("cannot evaluate %q where a number is expected", p.tokens[p.at].text)
	}
	p.at++
	return n
}

// cases parses what follows CASE.
func (p *parser) cases() expression {
	var conditions, values []expression
	for p.take("WHEN") {
		conditions = append(conditions, p.expression())
		p.want("THEN")
		values = append(values, p.value())
	}
	otherwise := func(*row) driver.Value { return nil }
	if p.take("ELSE") {
		otherwise = p.value()
	}
	p.want("END")
	return func(r *row) driver.Value {
		for i, condition := range conditions {
			if truth(condition(r)) == true {
				return values[i](r)
			}
		}
		return otherwise(r)
	}
}

// function parses the arguments of a function and its closing parenthesis.
func (p *parser) function(name string) expression {
	if name == "COUNT" {
		p.want("*")
		p.want(")")
		p.aggregate = true
		return func(r *row) driver.Value { return int64(len(r.group)) }
	}
	var args []expression
	for !p.take(")") {
		args = append(args, p.value())
		p.take(",")
	}
	all := func(r *row) (list []driver.Value) {
		for _, arg := range args {
			list = append(list, arg(r))
		}
		return list
	}
	// of returns the values in a group that are not null.
	of := func(r *row) (list []driver.Value) {
		for _, member := range r.group {
			if value := args[0](member); value != nil {
				list = append(list, value)
			}
		}
		return list
	}
	switch {
	case name == "COALESCE" && len(args) > 0:
		return func(r *row) driver.Value { return cmp.Or(all(r)...) }
	case name == "LENGTH" && len(args) == 1:
		return func(r *row) driver.Value {
			if value := args[0](r); value != nil {
				return int64(len(text(value)))
			}
			return nil
		}
	case name == "LEAST" && len(args) > 0:
		return func(r *row) driver.Value { return slices.MinFunc(all(r), compare) }
	case name == "DATABASE":
		return func(*row) driver.Value { return schemaName }
	case name == "GROUP_CONCAT" && len(args) == 1:
		p.aggregate = true
		return func(r *row) driver.Value {
			var texts []string
			for _, value := range of(r) {
				texts = append(texts, text(value))
			}
			if texts == nil {
				return nil
			}
			return strings.Join(texts, ",")
		}
	case name == "MIN" && len(args) == 1:
		p.aggregate = true
		return func(r *row) driver.Value {
			if list := of(r); len(list) > 0 {
				return slices.MinFunc(list, compare)
			}
			return nil
		}
	}
	fail("cannot evaluate the function %s", name)
	return nil
}

// truth returns whether a value is true, or nil for null.
func truth(value driver.Value) any {
	if value == nil {
		return nil
	}
	return number(value) != 0
}

func boolean(holds bool) driver.Value {
	if holds {
		return int64(1)
	}
	return int64(0)
}

// compare compares values: two texts byte by byte, others as numbers. Null is
// the least.
func compare(a, b driver.Value) int {
	if a == nil || b == nil {
		return cmp.Compare(len(text(a)), len(text(b)))
	}
	x, isText := a.(string)
	y, areTexts := b.(string)
	if isText && areTexts {
		return strings.Compare(x, y)
	}
	return cmp.Compare(number(a), number(b))
}

// number returns a value as a number: for text, the number that it begins with.
func number(value driver.Value) float64 {
	of, ok := value.(string)
	if !ok {
		n, _ := value.(int64)
		return float64(n)
	}
	end := 0
	for end < len(of) && (isDigit(of[end]) || end == 0 && of[end] == '-') {
		end++
	}
	n, _ := strconv.ParseFloat(of[:end], 64) // 0 if it begins with none.
	return n
}

// text returns a value as text, "" for null.
func text(value driver.Value) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

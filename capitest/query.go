package capitest

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A table is a table, or the result of a SELECT in FROM. Its values are int64,
// string or nil.
type table struct {
	columns []string
	rows    [][]driver.Value
}

// A database holds tables by their names.
type database map[string]*table

// An expression is the value of an expression for a row.
type expression func(*row) driver.Value

// A row is a row of every table in FROM or, for an aggregate, all rows that
// meet WHERE. A nil one is that of a LEFT JOIN that found nothing.
type row struct {
	outer  *row
	values [][]driver.Value
	group  []*row
}

// A scope is the tables in FROM, which resolve names.
type scope struct {
	outer  *scope
	names  []string
	tables []*table
}

// A parser turns a query into functions that evaluate it.
type parser struct {
	database
	tokens []token
	at     int
	args   []driver.NamedValue
	used   int // arguments of placeholders without a number
	scope  *scope
	// aggregate reports whether the list of the SELECT has an aggregate.
	aggregate bool
}

// A failure is the value with which a parser and its expressions panic.
type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// run returns the result of query in d.
func (d database) run(query string, args []driver.NamedValue) (found *table, err error) {
	list, err := tokens(query)
	if err != nil {
		return nil, fmt.Errorf("capitest: %w: %.1000s", err, query)
	}
	defer func() {
		if reason := recover(); reason != nil {
			failed, ok := reason.(failure)
			if !ok {
				panic(reason)
			}
			found, err = nil, fmt.Errorf("%w (capitest: %.1000s)", failed.error, query)
		}
	}()
	p := &parser{database: d, tokens: list, args: args}
	find := p.query()
	if p.is(";") {
		p.at++
	}
	if t := p.tokens[p.at]; t.kind != 0 {
		fail("cannot evaluate what begins with %q", t.text)
	}
	return find(nil), nil
}

// is reports whether the next tokens are these words or operators.
func (p *parser) is(texts ...string) bool {
	for i, text := range texts {
		t := p.tokens[min(p.at+i, len(p.tokens)-1)]
		if t.kind == 0 || t.kind == 'i' || t.kind == 's' || !strings.EqualFold(t.text, text) {
			return false
		}
	}
	return true
}

// take skips the tokens if they are next, and reports whether they were.
func (p *parser) take(texts ...string) bool {
	if !p.is(texts...) {
		return false
	}
	p.at += len(texts)
	return true
}

func (p *parser) want(text string) {
	if !p.take(text) {
		fail("cannot evaluate %q where %s is expected", p.tokens[p.at].text, text)
	}
}

// name returns the identifier that is next.
func (p *parser) name() string {
	t := p.tokens[p.at]
	if t.kind != 'i' && t.kind != 'w' {
		fail("cannot evaluate %q where a name is expected", t.text)
	}
	p.at++
	return t.text
}

// query parses a SELECT. It returns a function that finds the rows, given the
// row of the outer query.
func (p *parser) query() func(outer *row) *table {
	p.want("SELECT")
	outer, outside := p.scope, p.aggregate
	p.scope, p.aggregate = &scope{outer: outer}, false
	defer func() { p.scope, p.aggregate = outer, outside }()

	// The list needs the tables, which come after it.
	list := p.at
	used := p.used
	p.skipList()
	rows := func(outer *row) []*row { return []*row{{outer: outer}} }
	from := p.take("FROM")
	if from {
		rows = p.from()
	}
	after, usedAfter := p.at, p.used
	p.at, p.used = list, used
	columns, values := p.list()
	aggregate := p.aggregate
	if from {
		if !p.is("FROM") {
			fail("cannot evaluate %q in a list", p.tokens[p.at].text)
		}
		p.at, p.used = after, usedAfter
	}

	where := func(*row) bool { return true }
	if p.take("WHERE") {
		condition := p.expression()
		where = func(r *row) bool { return truth(condition(r)) == true }
	}
	var order expression
	descending := false
	if p.take("ORDER", "BY") {
		order = p.expression()
		descending = p.take("DESC")
	}
	limit := -1
	if p.take("LIMIT") {
		limit = int(p.number())
	}
	return func(outer *row) *table {
		var kept []*row
		for _, r := range rows(outer) {
			if where(r) {
				kept = append(kept, r)
			}
		}
		if order != nil {
			slices.SortStableFunc(kept, func(a, b *row) int {
				if descending {
					a, b = b, a
				}
				return compare(order(a), order(b))
			})
		}
		if aggregate {
			kept = []*row{{outer: outer, group: kept}}
		}
		if limit >= 0 && len(kept) > limit {
			kept = kept[:limit]
		}
		found := &table{columns: columns}
		for _, r := range kept {
			var line []driver.Value
			for _, value := range values {
				line = append(line, value(r)...)
			}
			found.rows = append(found.rows, line)
		}
		return found
	}
}

// skipList skips the list of a SELECT, and counts its arguments.
func (p *parser) skipList() {
	for depth := 0; ; p.at++ {
		switch t := p.tokens[p.at]; {
		case t.kind == 0, depth == 0 && (t.kind == ')' || p.is("FROM")):
			return
		case t.kind == '(':
			depth++
		case t.kind == ')':
			depth--
		case t.kind == '?':
			p.used++
		}
	}
}

// list parses the list of a SELECT. It returns the names of the columns, and a
// function for each element, which returns the values of its columns.
func (p *parser) list() (columns []string, values []func(*row) []driver.Value) {
	for {
		if i := p.star(); i >= 0 {
			of := p.scope.tables[i]
			columns = append(columns, of.columns...)
			values = append(values, func(r *row) []driver.Value {
				if i >= len(r.values) {
					fail("cannot evaluate * beside an aggregate")
				}
				if r.values[i] == nil {
					return make([]driver.Value, len(of.columns))
				}
				return r.values[i]
			})
		} else {
			name := p.tokens[p.at].text
			value := p.expression()
			if p.take("AS") {
				name = p.name()
			}
			columns = append(columns, name)
			values = append(values, func(r *row) []driver.Value { return []driver.Value{value(r)} })
		}
		if !p.take(",") {
			return columns, values
		}
	}
}

// star takes the columns of a table, as in t.*, and returns the table's index,
// or -1.
func (p *parser) star() int {
	if p.at+2 < len(p.tokens) && p.tokens[p.at+1].kind == '.' && p.tokens[p.at+2].kind == '*' {
		alias := p.name()
		p.at += 2
		if i := slices.Index(p.scope.names, alias); i >= 0 {
			return i
		}
		fail("Error 1051 (42S02): Unknown table '%s'", alias)
	}
	return -1
}

// from parses the tables of a SELECT with their joins.
func (p *parser) from() func(outer *row) []*row {
	first := p.source()
	rows := func(outer *row) []*row {
		var list []*row
		for _, values := range first.rows {
			list = append(list, &row{outer: outer, values: [][]driver.Value{values}})
		}
		return list
	}
	for {
		left := p.take("LEFT", "JOIN")
		if !left && !p.take("INNER", "JOIN") && !p.take("CROSS", "JOIN") {
			return rows
		}
		before, source := rows, p.source()
		on := func(*row) driver.Value { return int64(1) }
		if p.take("ON") {
			on = p.expression()
		}
		rows = func(outer *row) []*row {
			var list []*row
			for _, r := range before(outer) {
				matched := false
				for _, values := range source.rows {
					joined := &row{outer: outer, values: append(slices.Clip(r.values), values)}
					if truth(on(joined)) == true {
						matched = true
						list = append(list, joined)
					}
				}
				if left && !matched {
					list = append(list, &row{outer: outer, values: append(slices.Clip(r.values), nil)})
				}
			}
			return list
		}
	}
}

// source parses a table in FROM, and adds it to the scope.
func (p *parser) source() *table {
	var of *table
	var name string
	if p.take("(") {
		// A query in FROM cannot refer to the outer row.
		of = p.query()(nil)
		p.want(")")
	} else {
		name = p.name()
		for p.take(".") {
			name += "." + p.name()
		}
		known, ok := p.database[name]
		if !ok {
			fail("Error 1146 (42S02): Table '%s' doesn't exist", name)
		}
		of = known
	}
	if p.take("AS") {
		name = p.name()
	}
	p.scope.names, p.scope.tables = append(p.scope.names, name), append(p.scope.tables, of)
	return of
}

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

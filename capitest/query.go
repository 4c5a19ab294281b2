package capitest

import (
	"database/sql/driver"
	"fmt"
	"slices"
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

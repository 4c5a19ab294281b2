package phpconfig

// A watcher remembers the last tokens, to find code that may assign a requested
// property. It looks only at words, and refuses what it cannot decide.
type watcher struct {
	beforeLast, last token
	// touched is the name of such a property after an arrow, until the next
	// token shows whether it is the name of a method.
	touched token
	// inClass is set while the class is read.
	inClass bool
}

// watch returns an error if t completes such code.
func (p *parser) watch(t token) error {
	if p.touched.kind == name {
		if !t.isMark("(") {
			return p.fail(p.touched, "code outside the properties names $"+p.touched.text+" and may assign it")
		}
		p.touched = token{}
	}
	member := p.last.isMark("->") || p.last.isMark("::")
	switch {
	case p.last.isMark("->") && (t.kind == variable || t.isMark("{") || t.isMark("$")):
		return p.fail(t, "code outside the properties computes the name of a property, and may assign any")
	case p.last.isMark("->") && t.kind == name && p.wanted(t.text):
		p.touched = t
	case t.is("__halt_compiler"):
		return p.fail(t, "__halt_compiler, after which nothing is code")
	case p.inClass && !member && isInclude(t):
		return p.fail(t, "class "+p.class+" runs code from elsewhere, which may assign any property")
	case p.inClass && (isThis(p.last) && !t.isMark("->") || p.namesThis()):
		return p.fail(p.last, "class "+p.class+" passes $this to code that may assign any property")
	}
	p.beforeLast, p.last = p.last, t
	return nil
}

// namesThis reports whether the last token is the name of $this as an argument,
// an element or a variable's name, as in compact('this') and ${'this'}.
func (w *watcher) namesThis() bool {
	before := w.beforeLast
	return w.last.kind == text && w.last.text == "this" &&
		(before.isMark("(") || before.isMark("[") || before.isMark("{") || before.isMark(","))
}

func isThis(t token) bool { return t.kind == variable && t.text == "this" }

// isInclude reports whether t is a keyword that runs other code with the $this
// of its method.
func isInclude(t token) bool {
	return t.is("include") || t.is("include_once") || t.is("require") || t.is("require_once") || t.is("eval")
}

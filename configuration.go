package capi

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrConfiguration is what an error of [LoadSiteConfig], [ReadSiteConfig], [NewSite] or [SiteConfig.Address] wraps that
// is about what the configuration says, rather than about reading it.
var ErrConfiguration = errors.New("capi: malformed configuration")

// maxConfiguration is the size of the largest configuration.php that is read, in bytes. Joomla writes some 4 KB.
const maxConfiguration = 1 << 20

// LoadSiteConfig reads the file configuration.php of a Joomla site as [ReadSiteConfig] does. An error of the file system
// can be tested for with [errors.Is] too.
func LoadSiteConfig(path string) (SiteConfig, error) {
	file, err := os.Open(path)
	if err != nil {
		return SiteConfig{}, fmt.Errorf("capi: loading a configuration: %w", err)
	}
	defer file.Close()
	return ReadSiteConfig(file)
}

// ReadSiteConfig reads the text of a Joomla site's configuration.php, of at most 1 MiB. It is read as data and never
// executed: of the class JConfig, the defaults of the properties that [SiteConfig] has fields for, in any order. They
// must be literals, which are all that Joomla writes there: strings without variables, numbers, booleans and null. All
// else that a class may hold is skipped, such as other properties, arrays, constants, functions and comments. Properties
// that are missing or null leave the zero value.
//
// An error about the text wraps [ErrConfiguration] and says the line and what was wrong there, but never what the text
// holds, since that includes passwords. Nothing is returned of a text that is malformed, such as one cut short.
func ReadSiteConfig(r io.Reader) (SiteConfig, error) {
	source, err := io.ReadAll(io.LimitReader(r, maxConfiguration+1))
	if err != nil {
		return SiteConfig{}, fmt.Errorf("capi: reading a configuration: %w", err)
	}
	if len(source) > maxConfiguration {
		return SiteConfig{}, fmt.Errorf("%w: larger than %d bytes", ErrConfiguration, maxConfiguration)
	}
	reader := configurationReader{lexer: newPHPLexer(string(source)), seen: map[string]bool{}}
	if err := reader.file(); err != nil {
		return SiteConfig{}, err
	}
	return reader.config, nil
}

// A configurationReader reads one configuration.php.
type configurationReader struct {
	lexer  *phpLexer
	config SiteConfig
	// seen are the properties read so far, by name.
	seen map[string]bool
}

// file reads the whole text, which must declare the class JConfig once.
func (r *configurationReader) file() error {
	found := false
	var before lexeme
	for {
		next, err := r.lexer.next()
		if err != nil {
			return err
		}
		switch {
		case next.kind == lexemeEnd:
			if !found {
				return r.lexer.fail(next, "no class JConfig")
			}
			return nil
		case next.is("class") && !before.isMark(":") && !before.isMark(">") && !before.is("new"):
			name, err := r.lexer.next()
			if err != nil {
				return err
			}
			if !name.is("JConfig") {
				next = name
				break
			}
			if found {
				return r.lexer.fail(name, "a second class JConfig")
			}
			found = true
			if err := r.class(); err != nil {
				return err
			}
			next = lexeme{}
		}
		before = next
	}
}

// class reads the class whose name was just read.
func (r *configurationReader) class() error {
	for {
		next, err := r.lexer.next()
		if err != nil {
			return err
		}
		if next.isMark("{") {
			break
		}
		if next.kind != lexemeName && !next.isMark(",") && !next.isMark(`\`) {
			return r.lexer.fail(next, "expected the body of class JConfig")
		}
	}
	for {
		next, err := r.lexer.next()
		if err != nil {
			return err
		}
		if next.isMark("}") {
			return nil
		}
		if err := r.member(next); err != nil {
			return err
		}
	}
}

// member reads the member of the class that begins with first.
func (r *configurationReader) member(first lexeme) error {
	declared, static := false, false
	for next := first; ; {
		var err error
		switch {
		case next.is("const"), next.is("case"):
			_, err = r.skip(";")
			return err
		case next.is("function"), next.is("use"):
			end, err := r.skip(";{")
			if err == nil && end.isMark("{") {
				err = r.skipGroup(end)
			}
			return err
		case next.isMark("#["):
			err = r.skipGroup(next)
		case next.kind == lexemeVariable && declared:
			return r.properties(next, static)
		case next.is("static"):
			declared, static = true, true
		case next.is("public"), next.is("protected"), next.is("private"), next.is("var"), next.is("readonly"),
			next.is("final"), next.is("abstract"):
			declared = true
		case declared && (next.kind == lexemeName || next.kind == lexemeMark && strings.Contains(`?|&()\`, next.text)):
			// The type of a property, which does not matter: what is written is converted as the field needs it.
		default:
			return r.lexer.fail(next, "expected a member of class JConfig")
		}
		if err != nil {
			return err
		}
		if next, err = r.lexer.next(); err != nil {
			return err
		}
	}
}

// properties reads a list of properties whose first is variable, up to what ends it.
func (r *configurationReader) properties(variable lexeme, static bool) error {
	for {
		end, err := r.property(variable, static)
		switch {
		case err != nil:
			return err
		case end.isMark(";"):
			return nil
		case end.isMark("{"): // The hooks of a property.
			return r.skipGroup(end)
		}
		if variable, err = r.lexer.next(); err != nil {
			return err
		}
		if variable.kind != lexemeVariable {
			return r.lexer.fail(variable, "expected a property")
		}
	}
}

// property reads what follows the name of a property and returns the mark after it: a comma, a semicolon or a brace.
func (r *configurationReader) property(variable lexeme, static bool) (lexeme, error) {
	next, err := r.lexer.next()
	if err != nil {
		return lexeme{}, err
	}
	if next.isMark("=") {
		set := r.setter(variable.text)
		if set == nil || static { // Static properties are none of the object that Joomla reads.
			return r.skip(",;{")
		}
		if r.seen[variable.text] {
			return lexeme{}, r.lexer.fail(variable, "a second $"+variable.text)
		}
		r.seen[variable.text] = true
		value, err := r.literal(variable.text)
		if err != nil {
			return lexeme{}, err
		}
		if err := set(value); err != nil {
			return lexeme{}, r.lexer.fail(next, "$"+variable.text+" "+err.Error())
		}
		if next, err = r.lexer.next(); err != nil {
			return lexeme{}, err
		}
	}
	if next.kind != lexemeMark || !strings.Contains(",;{", next.text) {
		return lexeme{}, r.lexer.fail(next, "expected the end of $"+variable.text)
	}
	return next, nil
}

// setter returns what takes the value of a property as PHP would convert it to a string, or nil if nothing needs it.
func (r *configurationReader) setter(property string) func(value string) error {
	to := func(field *string) func(string) error {
		return func(value string) error {
			*field = value
			return nil
		}
	}
	switch property {
	case "dbtype":
		return to(&r.config.DBType)
	case "host":
		return to(&r.config.Host)
	case "user":
		return to(&r.config.User)
	case "password":
		return to(&r.config.Password)
	case "db":
		return to(&r.config.DB)
	case "dbprefix":
		return to(&r.config.DBPrefix)
	case "secret":
		return to(&r.config.Secret)
	case "session_handler":
		return to(&r.config.SessionHandler)
	case "session_name":
		return to(&r.config.SessionName)
	case "root_user":
		return to(&r.config.RootUser)
	case "lifetime":
		return func(value string) (err error) {
			r.config.Lifetime, err = minutes(value)
			return err
		}
	}
	return nil
}

// minutes converts a number of minutes. What a Duration cannot hold becomes the longest one.
func minutes(value string) (time.Duration, error) {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0, nil
	}
	number, err := strconv.ParseFloat(value, 64)
	// ParseFloat knows more ways to write a number than PHP does, all of which have other letters.
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.Trim(value, "0123456789.eE+-") != "" {
		return 0, errors.New("is not a number")
	}
	if number < 0 {
		return 0, errors.New("is negative")
	}
	if number >= float64(math.MaxInt64/time.Minute) {
		return math.MaxInt64, nil
	}
	return time.Duration(number * float64(time.Minute)), nil
}

// literal reads the value of the property name and returns it as PHP converts it to a string.
func (r *configurationReader) literal(name string) (string, error) {
	next, err := r.lexer.next()
	if err != nil {
		return "", err
	}
	sign := ""
	if next.isMark("-") || next.isMark("+") {
		if next.text == "-" {
			sign = "-"
		}
		if next, err = r.lexer.next(); err != nil {
			return "", err
		}
		if next.kind != lexemeNumber {
			return "", r.lexer.fail(next, "expected a number for $"+name)
		}
	}
	switch {
	case next.kind == lexemeString:
		return next.text, nil
	case next.kind == lexemeNumber:
		value, ok := phpNumber(sign, next.text)
		if !ok {
			return "", r.lexer.fail(next, "malformed number for $"+name)
		}
		return value, nil
	case next.is("true"):
		return "1", nil
	case next.is("false"), next.is("null"):
		return "", nil
	}
	return "", r.lexer.fail(next, "expected a string, a number, a boolean or null for $"+name)
}

// phpNumber returns the number written as text in PHP as PHP converts it to a string, for a float nearly so.
func phpNumber(sign, text string) (value string, ok bool) {
	digits, base := strings.ToLower(strings.ReplaceAll(text, "_", "")), 10
	prefixed := len(digits) > 1 && digits[0] == '0'
	switch {
	case prefixed && digits[1] == 'x':
		digits, base = digits[2:], 16
	case prefixed && digits[1] == 'b':
		digits, base = digits[2:], 2
	case prefixed && digits[1] == 'o':
		digits, base = digits[2:], 8
	case prefixed && !strings.ContainsAny(digits, ".e"):
		digits, base = digits[1:], 8
	}
	alphabet := "0123456789"
	if base == 16 {
		alphabet = hexadecimal
	}
	for i := range text { // Underscores stand between digits.
		if text[i] == '_' && digitsLength(text[i-1:i]+text[i+1:], alphabet, 2) < 2 {
			return "", false
		}
	}
	if integer, err := strconv.ParseInt(sign+digits, base, 64); err == nil {
		return strconv.FormatInt(integer, 10), true
	}
	if base != 10 {
		return "", false
	}
	float, err := strconv.ParseFloat(sign+digits, 64)
	if err != nil {
		return "", false
	}
	return strconv.FormatFloat(float, 'g', -1, 64), true
}

// skip reads up to one of the marks in ends that stands outside all brackets, and returns it.
func (r *configurationReader) skip(ends string) (lexeme, error) {
	for {
		next, err := r.lexer.next()
		if err != nil {
			return lexeme{}, err
		}
		switch {
		case next.kind == lexemeMark && strings.Contains(ends, next.text):
			return next, nil
		case next.closer() != "":
			if err := r.skipGroup(next); err != nil {
				return lexeme{}, err
			}
		case next.kind == lexemeEnd, next.isMark(")"), next.isMark("]"), next.isMark("}"), next.kind == lexemeCloseTag:
			return lexeme{}, r.lexer.fail(next, "expected the end of a member of class JConfig")
		}
	}
}

// skipGroup reads up to what closes the bracket open, which was just read.
func (r *configurationReader) skipGroup(open lexeme) error {
	// No recursion, so that no nesting however deep can outgrow the stack.
	closers := []string{open.closer()}
	for len(closers) > 0 {
		next, err := r.lexer.next()
		if err != nil {
			return err
		}
		switch {
		case next.closer() != "":
			closers = append(closers, next.closer())
		case next.isMark(closers[len(closers)-1]):
			closers = closers[:len(closers)-1]
		case next.kind == lexemeEnd, next.isMark(")"), next.isMark("]"), next.isMark("}"):
			return r.lexer.fail(next, "brackets do not match")
		}
	}
	return nil
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newManCommand returns the command man. It is for those who make packages, and
// not in the help.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIRECTORY", Hidden: true, Short: "Write the manual pages",
		Long: `Writes the manual pages, capi.1 and one for each command, into a directory that
exists. They have today's date or, for builds that are to be reproducible, that of
the variable SOURCE_DATE_EPOCH.

Exit status: 0 done, 1 failed, 2 wrong usage.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := writeMan(c.Root(), args[0]); err != nil {
				return failed(c, err)
			}
			return nil
		},
	}
}

// writeMan writes the pages of root and its commands into a directory.
func writeMan(root *cobra.Command, directory string) error {
	date := time.Now()
	if text := os.Getenv("SOURCE_DATE_EPOCH"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("reading the date of the pages (SOURCE_DATE_EPOCH): %w", err)
		}
		date = time.Unix(seconds, 0)
	}
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	pages := []*cobra.Command{root}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "completion" { // Its help is long, and cobra's.
			c.InitDefaultHelpFlag()
			pages = append(pages, c)
		}
	}
	for _, c := range pages {
		if err := writePage(filepath.Join(directory, pageName(c)+".1"), c, pages, date); err != nil {
			return err
		}
	}
	return nil
}

// pageName returns the name of the page of c.
func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// writePage writes the page of c, which refers to those of the others.
func writePage(path string, c *cobra.Command, others []*cobra.Command, date time.Time) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	page := &manPage{bufio.NewWriter(file)}
	name := pageName(c)
	page.line(".TH %s 1 %s \"capi %s\"", roff(strings.ToUpper(name)), date.UTC().Format(time.DateOnly), roff(thisBuild().version))
	page.section("NAME")
	page.line("%s \\- %s", roff(name), roff(c.Short))
	page.section("SYNOPSIS")
	if c.HasParent() {
		page.fill(c.UseLine())
	} else {
		page.fill(c.Name() + " COMMAND [flags]")
	}
	page.section("DESCRIPTION")
	for i, paragraph := range strings.Split(strings.TrimSpace(c.Long), "\n\n") {
		if i > 0 {
			page.line(".PP")
		}
		page.paragraph(paragraph)
	}
	if !c.HasParent() {
		page.section("COMMANDS")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				page.item("\\fB"+roff(sub.Name())+"\\fR", sub.Short)
			}
		}
	}
	page.section("OPTIONS")
	c.LocalFlags().VisitAll(page.flag)
	if c.HasExample() {
		page.section("EXAMPLES")
		page.paragraph(c.Example)
	}
	page.section("SEE ALSO")
	var see []string
	for _, other := range others {
		if other != c {
			see = append(see, roff(pageName(other))+"(1)")
		}
	}
	page.line("%s", strings.Join(see, ",\n"))
	if err := page.w.Flush(); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// A manPage is written in the macros of man(7).
type manPage struct{ w *bufio.Writer }

func (p *manPage) line(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

func (p *manPage) section(name string) { p.line(".SH %s", name) }

// paragraph writes text. It keeps the breaks of indented lines.
func (p *manPage) paragraph(text string) {
	indented := false
	var filled []string
	for _, line := range strings.Split(text, "\n") {
		if is := strings.HasPrefix(line, "  "); is != indented {
			p.fill(strings.Join(filled, " "))
			indented, filled = is, nil
			p.line(map[bool]string{true: ".RS 4\n.nf", false: ".fi\n.RE"}[is])
		}
		if indented {
			p.line("%s", roff(strings.TrimPrefix(line, "  ")))
		} else {
			filled = append(filled, line)
		}
	}
	p.fill(strings.Join(filled, " "))
	if indented {
		p.line(".fi\n.RE")
	}
}

// fill writes text in short lines.
func (p *manPage) fill(text string) {
	length := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case length+len(word) > 70:
			fmt.Fprintln(p.w)
			length = 0
		default:
			fmt.Fprint(p.w, " ")
		}
		n, _ := fmt.Fprint(p.w, roff(word))
		length += n + 1
	}
	if length > 0 {
		fmt.Fprintln(p.w)
	}
}

// item writes text below a head.
func (p *manPage) item(head, text string) {
	p.line(".TP\n%s", head)
	p.fill(text)
}

// flag writes what a flag does.
func (p *manPage) flag(flag *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(flag)
	head := "\\fB" + roff("--"+flag.Name) + "\\fR"
	if flag.Shorthand != "" {
		head = "\\fB" + roff("-"+flag.Shorthand) + "\\fR, " + head
	}
	if value != "" {
		head += " \\fI" + roff(value) + "\\fR"
	}
	switch flag.DefValue {
	case "", "0", "0s", "false", "[]":
	default:
		usage += " (default " + flag.DefValue + ")"
	}
	p.item(head, usage)
}

// roff escapes text for roff. Hyphens stay those of the command line.
func roff(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case r == '"':
			b.WriteString(`\(dq`)
		case i == 0 && (r == '.' || r == '\''):
			b.WriteString(`\&` + string(r))
		case r > '~':
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

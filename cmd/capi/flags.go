package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os/user"
	"regexp"
	"strconv"
	"strings"
)

// A command is what the commands of the program have in common.
type command struct {
	*flag.FlagSet
	stdout, stderr io.Writer
	// arguments are what is no flag.
	arguments []string
}

func newCommand(name string, stdout, stderr io.Writer) *command {
	c := &command{FlagSet: flag.NewFlagSet("capi "+name, flag.ContinueOnError), stdout: stdout, stderr: stderr}
	c.SetOutput(io.Discard)
	c.Usage = func() {}
	return c
}

// parse reads args, of which at most so many may be no flags. If the program is
// to end already, it returns false and the exit code.
func (c *command) parse(args []string, usage string, most int) (code int, ok bool) {
	err := c.Parse(args)
	for err == nil && c.NArg() > 0 { // Flags may follow.
		c.arguments = append(c.arguments, c.Arg(0))
		if len(c.arguments) > most {
			err = fmt.Errorf("unexpected argument %q", c.Arg(0))
			break
		}
		err = c.Parse(c.Args()[1:])
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(c.stdout, usage, "\nFlags:\n")
		c.SetOutput(c.stdout)
		c.PrintDefaults()
		return exitOK, false
	case err != nil:
		return c.misused(err), false
	}
	return 0, true
}

// misused says what is wrong with the command line.
func (c *command) misused(err error) int {
	fmt.Fprintf(c.stderr, "%s: %v\nTry %[1]s -h.\n", c.Name(), err)
	return exitUsage
}

// failed says why a command could not do what it was told, one problem a line.
func (c *command) failed(err error) int {
	for _, problem := range problems(err) {
		fmt.Fprintf(c.stderr, "%s: %v\n", c.Name(), problem)
	}
	return exitFailed
}

// siteFlags are the flags that say which sites, and how to reach them.
type siteFlags struct {
	sites      []siteFile
	host       string
	socket     string
	sessionDir string
	// sessionOwners are the ids of users whose session files count.
	sessionOwners []int
	// sessionPrefix is what keys in Redis and Memcached begin with.
	sessionPrefix string
	// phpSerialize is capi.SiteOptions.PHPSerialize.
	phpSerialize bool
	tokensOnly   bool
	// rowsSuffice reports whether sessions without what they hold are enough.
	rowsSuffice bool
	connections int
}

// A siteFile is one -config.
type siteFile struct {
	name string // empty for the only site
	path string
}

// siteName is what may be in a URL and in the name of a variable.
var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// add adds the flags to those of c.
func (f *siteFlags) add(c *command) {
	c.Func("config", "configuration.php of the site, a `file`; repeat it as NAME=FILE for several sites", f.addSite)
	c.StringVar(&f.host, "db-host", "", "`host` of the database of all sites, as HOST[:PORT], in place of $host. For PostgreSQL, it may be\n"+
		"several with commas between them, which are tried in turn: the primary is used, or what\n"+
		"PGTARGETSESSIONATTRS says. For MySQL, it is one, such as a proxy in front of a cluster")
	c.StringVar(&f.socket, "db-socket", "", "`path` of the database server's socket, for sites whose $host is localhost\n"+
		"(default: the usual places)")
	c.StringVar(&f.sessionDir, "session-dir", "", "`directory` of session files, in place of $session_filesystem_path (default: that; a site\n"+
		"without it needs PHP's session.save_path here)")
	c.Func("session-owner", "`user`, by name or number, that PHP runs as, where that is not the one of this program; repeat\n"+
		"it for more. Session files of users other than these and root are not believed", f.addSessionOwner)
	c.StringVar(&f.sessionPrefix, "session-prefix", "", "`text` that the keys of sessions in Redis or Memcached begin with (default: that of the\n"+
		"site's Joomla: jfw, or PHPREDIS_SESSION: and memc.sess.key. in Joomla 3)")
	c.BoolVar(&f.phpSerialize, "php-serialize", false, "PHP's session.serialize_handler is php_serialize at the sites, rather than php")
}

// manySites is how many sites one program may keep idle connections for:
// servers have some hundred connections for everybody.
const manySites = 16

// idle returns how many connections of each site are kept open for the next
// request.
func (f *siteFlags) idle() int {
	if len(f.sites) > manySites {
		return 0
	}
	return min(4, f.connections)
}

func (f *siteFlags) addSite(text string) error {
	// The path of a file may have an equals sign, but a name has no slash.
	name, path, named := strings.Cut(text, "=")
	if !named || strings.Contains(name, "/") {
		name, path = "", text
	} else if !siteName.MatchString(name) {
		return fmt.Errorf("the name of a site has lower-case letters, digits, dots and hyphens, such as www.example.org: %q", name)
	}
	if path == "" {
		return errors.New("no path")
	}
	for _, other := range f.sites {
		switch {
		case other.name == "" || name == "":
			return errors.New("several sites need a name each: NAME=FILE")
		case other.name == name:
			return fmt.Errorf("two sites of the name %s", name)
		}
	}
	f.sites = append(f.sites, siteFile{name, path})
	return nil
}

// addSessionOwner adds a user to those whose session files count. A number need
// not be that of a user here: in a container, PHP's user may have no name.
func (f *siteFlags) addSessionOwner(text string) error {
	number := text
	if account, err := user.Lookup(text); err == nil {
		number = account.Uid
	}
	uid, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return fmt.Errorf("no user %q on this machine", text)
	}
	f.sessionOwners = append(f.sessionOwners, int(uid))
	return nil
}

// A stringsFlag is a flag that may be repeated.
type stringsFlag []string

func (f *stringsFlag) String() string { return strings.Join(*f, " ") }

// Set implements [flag.Value].
func (f *stringsFlag) Set(text string) error {
	*f = append(*f, text)
	return nil
}

package main

import (
	"errors"
	"fmt"
	"os/user"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageWidth is the greatest width of the texts of flags.
const usageWidth = 80

// printUsage prints how to use a command. Unlike cobra's own, it wraps the texts
// of flags.
func printUsage(c *cobra.Command) error {
	w := c.OutOrStderr()
	fmt.Fprintln(w, "Usage:")
	if c.Runnable() {
		fmt.Fprintf(w, "  %s\n", c.UseLine())
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "  %s COMMAND\n\nCommands:\n", c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			}
		}
	}
	if c.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", c.Example)
	}
	fmt.Fprintf(w, "\nFlags:\n%s", c.LocalFlags().FlagUsagesWrapped(usageWidth))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help has more about a command.\n", c.CommandPath())
	}
	return nil
}

// explainFlag adds suggestions to the error of an unknown flag.
func explainFlag(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	// A name after a single hyphen is parsed as flags of one letter.
	name, hyphens := unknown.GetSpecifiedShortnames(), "-"
	if name == "" {
		name, hyphens = unknown.GetSpecifiedName(), "--"
	}
	name, _, _ = strings.Cut(name, "=")
	var flags []string
	c.Flags().VisitAll(func(flag *pflag.Flag) { flags = append(flags, flag.Name) })
	err = fmt.Errorf("unknown flag %s%s", hyphens, name)
	if names := similar(name, flags); len(names) > 0 {
		err = fmt.Errorf("%w; did you mean --%s?", err, strings.Join(names, " or --"))
	}
	return err
}

// similar returns the members of known that name may be a misspelling of.
func similar(name string, known []string) []string {
	// Cobra suggests commands only.
	commands := &cobra.Command{SuggestionsMinimumDistance: 2}
	for _, name := range known {
		commands.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return slices.Compact(commands.SuggestionsFor(name))
}

// errNoConfig is the error of a command line without a site.
var errNoConfig = errors.New("flag --config is missing")

// A namedValue is the value of a flag, with a name for the help.
type namedValue struct {
	pflag.Value
	name string
}

// Type implements [pflag.Value].
func (v namedValue) Type() string { return v.name }

// addCompletions adds shell completions for the arguments and flags of c.
func addCompletions(c *cobra.Command) {
	c.ValidArgsFunction = cobra.NoFileCompletions
	c.Flags().VisitAll(func(flag *pflag.Flag) {
		// Completions would show the quotes.
		if name, usage := pflag.UnquoteUsage(flag); usage != flag.Usage {
			flag.Usage, flag.Value = usage, namedValue{flag.Value, name}
		}
		var err error
		switch flag.Name {
		case "config":
			err = c.MarkFlagFilename(flag.Name, "php")
		case "token-file", "tls-cert", "tls-key", "db-socket":
			err = c.MarkFlagFilename(flag.Name)
		case "session-dir":
			err = c.MarkFlagDirname(flag.Name)
		default:
			err = c.RegisterFlagCompletionFunc(flag.Name, cobra.FixedCompletions(choices(c.Name(), flag.Name), cobra.ShellCompDirectiveNoFileComp))
		}
		if err != nil {
			panic(err) // It was registered twice.
		}
	})
}

// choices returns the possible values of a flag, nil if there are too many.
func choices(command, flag string) []string {
	switch flag {
	case "format":
		if command == "watch" {
			return []string{"text", "json"}
		}
		return []string{"table", "csv", "json", "jsonl"}
	case "sort":
		return []string{"time", "user", "application"}
	case "ids":
		return []string{"pseudonym", "real", "none"}
	case "token-type":
		return []string{"joomla", "capi", "cookie"}
	case "application":
		return []string{"site", "administrator", "none"}
	case "log-format":
		return []string{"json", "text"}
	case "log-level":
		return []string{"debug", "info", "warn", "error"}
	}
	return nil
}

// atMost returns a check that refuses more arguments than most.
func atMost(most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > most {
			return fmt.Errorf("unexpected argument %q", args[most])
		}
		return nil
	}
}

// failed prints why a command failed, one problem per line.
func failed(c *cobra.Command, err error) error {
	for _, problem := range problems(err) {
		fmt.Fprintf(c.ErrOrStderr(), "%s: %s\n", c.CommandPath(), oneLine(problem.Error()))
	}
	return exitError(exitFailed)
}

// siteFlags are the flags that name sites, and say how to reach them.
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
	// rowsSuffice reports whether sessions without their data are enough.
	rowsSuffice bool
	connections int
}

// A siteFile is one --config.
type siteFile struct {
	name string // empty for the only site
	path string
}

// siteName matches names that are valid in URLs and in names of variables.
var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

// add adds the flags to c.
func (f *siteFlags) add(c *pflag.FlagSet) {
	c.Func("config", "configuration.php of the site, a `file`; repeat it as NAME=FILE for several sites", f.addSite)
	c.StringVar(&f.host, "db-host", "", "`host` of the database of all sites, as HOST[:PORT], in place of $host. For PostgreSQL, it may be "+
		"several, separated by commas: they are tried in turn for the primary, or for what "+
		"PGTARGETSESSIONATTRS says. For MySQL, it is one, such as a proxy in front of a cluster")
	c.StringVar(&f.socket, "db-socket", "", "`path` of the database server's socket, for sites whose $host is localhost "+
		"(default: the usual places)")
	c.StringVar(&f.sessionDir, "session-dir", "", "`directory` of session files, in place of $session_filesystem_path (default: that; a site "+
		"without it needs PHP's session.save_path here)")
	c.Func("session-owner", "`user`, by name or number, that PHP runs as, if it is not the user of this program; may be "+
		"repeated. Session files of users other than these and root are not trusted", f.addSessionOwner)
	c.StringVar(&f.sessionPrefix, "session-prefix", "", "`text` that the keys of sessions in Redis or Memcached begin with (default: that of the "+
		"site's Joomla: jfw, or PHPREDIS_SESSION: and memc.sess.key. in Joomla 3)")
	c.BoolVar(&f.phpSerialize, "php-serialize", false, "the sites' session.serialize_handler is php_serialize instead of php")
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
			return fmt.Errorf("two sites are named %s", name)
		case other.variablePrefix() == (siteFile{name: name}).variablePrefix():
			return fmt.Errorf("the sites %s and %s would have the same variables, %s…", other.name, name, other.variablePrefix())
		}
	}
	f.sites = append(f.sites, siteFile{name, path})
	return nil
}

// addSessionOwner adds a user whose session files count. A number need not
// belong to a user here: in a container, PHP's user may have no name.
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

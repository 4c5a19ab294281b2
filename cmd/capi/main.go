// Capi is the program for those who look after Joomla sites, and for those who
// read who is logged in to them:
//
//	capi serve -config configuration.php   serves the session list of a site
//	capi check -config configuration.php   says what keeps it from being served
//	capi list URL                          shows the sessions of an endpoint
//	capi version                           prints the version
//
// Run capi help for more.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// What the program exits with.
const (
	exitOK     = 0 // It did what it was told.
	exitFailed = 1 // It could not, or check found a problem.
	exitUsage  = 2 // It was started in a way that makes no sense.
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

const usage = `Usage: capi COMMAND [flags]

capi serves and shows who is logged in to Joomla sites.

Commands:
  serve    serve the session list of one site or of many
  check    say what keeps sites from being served, and what to do
  list     show the sessions of an endpoint or of a site's database
  version  print the version
  help     print this, or with a command its flags

Exit status: 0 done, 1 failed, 2 wrong usage.
`

// run is the program. It ends when ctx does, or when it is interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, func(), *command, []string) int{
		"serve": runServe, "check": runCheck, "list": runList,
	}
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "version", "-version", "--version":
		fmt.Fprintln(stdout, programVersion())
		return exitOK
	case "help", "-h", "-help", "--help":
		if len(args) == 0 {
			fmt.Fprint(stdout, usage)
			return exitOK
		}
		name, args = args[0], []string{"-h"}
	}
	start, ok := commands[name]
	if !ok {
		fmt.Fprintf(stderr, "capi: unknown command %q\nTry capi help.\n", name)
		return exitUsage
	}
	// The second signal ends it at once: stop gives up the first.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return start(ctx, stop, newCommand(name, stdout, stderr), args)
}

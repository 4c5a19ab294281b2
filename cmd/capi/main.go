// Capi serves and shows who is logged in to Joomla sites:
//
//	capi serve --config configuration.php   serves the session list of a site
//	capi check --config configuration.php   says what keeps it from being served
//	capi ready                              asks a running capi serve whether it is ready
//	capi list URL                           shows the sessions of an endpoint
//	capi watch URL                          says who logs in and out
//	capi version                            prints the version
//
// Run capi help for more.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// An exitError is the error of a command that has already said why it failed.
// Any other error of a command means wrong usage.
type exitError int

// Error implements error.
func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// The exit statuses of all commands.
const (
	exitOK     = 0 // done
	exitFailed = 1 // failed, or check has found a problem
	exitUsage  = 2 // wrong usage
)

const rootUsage = `capi serves and shows who is logged in to Joomla sites.

Exit status: 0 done, 1 failed, 2 wrong usage.`

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }

// run is the program. It ends when ctx does, or when it is interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	// After stop, the next signal ends the program at once.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRootCommand(stop)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	c, err := root.ExecuteContextC(ctx)
	var exit exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintf(stderr, "%s: %s\nTry %[1]s --help.\n", c.CommandPath(), strings.TrimSpace(err.Error()))
	return exitUsage
}

// newRootCommand returns the command line of the program. The command serve
// calls stop to let the next signal end the program at once.
func newRootCommand(stop func()) *cobra.Command {
	root := &cobra.Command{
		Use: "capi", Short: "Who is logged in to Joomla sites", Long: rootUsage, Version: programVersion(),
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetUsageFunc(printUsage)
	root.SetFlagErrorFunc(explainFlag)
	root.AddCommand(newServeCommand(stop), newCheckCommand(), newReadyCommand(), newListCommand(), newWatchCommand(), newManCommand(), &cobra.Command{
		Use: "version", Short: "Print the version", Args: atMost(0),
		Run: func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "capi", programVersion()) },
	})
	for _, c := range root.Commands() {
		c.Flags().SortFlags = false
		addCompletions(c)
	}
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Name() == "help" {
			c.Args = func(_ *cobra.Command, args []string) error {
				_, _, err := root.Find(args)
				return err
			}
		}
	}
	return root
}

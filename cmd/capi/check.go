package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

const checkUsage = `Says what it finds of Joomla sites, and everything that keeps them from being served,
with what to do. It changes nothing.

Exit status: 0 all of them can be served, 1 there are problems, 2 wrong usage.
` + environmentUsage

const checkExample = `  capi check --config /var/www/html/configuration.php`

// newCheckCommand returns the command check.
func newCheckCommand() *cobra.Command {
	f := siteFlags{connections: 2}
	c := &cobra.Command{
		Use: "check --config FILE", Short: "Say what keeps sites from being served, and what to do", Long: checkUsage, Example: checkExample,
		Args: atMost(0),
		RunE: func(c *cobra.Command, _ []string) error { return runCheck(c, f) },
	}
	f.add(c.Flags())
	c.Flags().BoolVar(&f.tokensOnly, "tokens-only", false, "check what serve --tokens-only needs")
	return c
}

// runCheck is the command check.
func runCheck(c *cobra.Command, f siteFlags) error {
	if len(f.sites) == 0 {
		return errors.New("flag --config is missing")
	}
	w, good := c.OutOrStdout(), true
	for _, file := range f.sites {
		found := f.checkSite(c.Context(), w, file)
		for _, problem := range found {
			fmt.Fprintf(w, "  problem:  %v\n", problem)
		}
		if len(found) == 0 {
			fmt.Fprintln(w, "  good:     capi serve can serve it")
		} else {
			good = false
		}
	}
	if !good {
		return exitError(exitFailed)
	}
	return nil
}

// checkSite prints what is found of a site, and returns what keeps it from
// being served.
func (f siteFlags) checkSite(ctx context.Context, w io.Writer, file siteFile) []error {
	fmt.Fprintln(w, file.path)
	if file.name != "" {
		fmt.Fprintf(w, "  name:     %s\n", file.name)
	}
	s, err := f.openSite(file, slog.New(slog.DiscardHandler))
	if err != nil {
		return problems(err)
	}
	defer s.close()
	down, err := s.check(ctx)
	fmt.Fprintf(w, "  database: %s, prefix %s, %s\n", s.db.where(), s.config.DBPrefix, encryption(s))
	fmt.Fprintf(w, "  sessions: in %s, for %v\n", s.sessionsIn(), s.lifetime())
	if note := s.empty(); note != "" {
		fmt.Fprintf(w, "  note:     %s\n", note)
	}
	if down {
		fmt.Fprintln(w, "  note:     capi serve starts, and is not ready until the database answers")
	}
	return problems(err)
}

// encryption says how the database is spoken to.
func encryption(s *site) string {
	switch {
	case s.config.DBEncryption == 0:
		return "without TLS ($dbencryption)"
	case s.config.DBSSLVerifyServerCert:
		return "with TLS"
	}
	return "with TLS, of any server ($dbsslverifyservercert)"
}

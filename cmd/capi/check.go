package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

const checkUsage = `Usage: capi check -config FILE [-config NAME=FILE …] [flags]

Says what it finds of Joomla sites, and everything that keeps them from being served,
with what to do. It changes nothing.

Exit status: 0 all of them can be served, 1 there are problems, 2 wrong usage.
` + environmentUsage

// runCheck is the command check.
func runCheck(ctx context.Context, _ func(), c *command, args []string) int {
	var f siteFlags
	f.add(c)
	f.connections = 2
	c.BoolVar(&f.tokensOnly, "tokens-only", false, "check what serve -tokens-only needs")
	if code, ok := c.parse(args, checkUsage, 0); !ok {
		return code
	}
	if len(f.sites) == 0 {
		return c.misused(errors.New("flag -config is missing"))
	}
	code := exitOK
	for _, file := range f.sites {
		found := f.checkSite(ctx, c, file)
		for _, problem := range found {
			fmt.Fprintf(c.stdout, "  problem:  %v\n", problem)
		}
		if len(found) == 0 {
			fmt.Fprintln(c.stdout, "  good:     capi serve can serve it")
		} else {
			code = exitFailed
		}
	}
	return code
}

// checkSite prints what is found of a site, and returns what keeps it from
// being served.
func (f siteFlags) checkSite(ctx context.Context, c *command, file siteFile) []error {
	fmt.Fprintln(c.stdout, file.path)
	if file.name != "" {
		fmt.Fprintf(c.stdout, "  name:     %s\n", file.name)
	}
	s, err := f.openSite(file, slog.New(slog.DiscardHandler))
	if err != nil {
		return problems(err)
	}
	defer s.close()
	down, err := s.check(ctx)
	fmt.Fprintf(c.stdout, "  database: %s, prefix %s, %s\n", s.db.where(), s.config.DBPrefix, encryption(s))
	fmt.Fprintf(c.stdout, "  sessions: in %s, for %v\n", s.sessionsIn(), s.lifetime())
	if note := s.empty(); note != "" {
		fmt.Fprintf(c.stdout, "  note:     %s\n", note)
	}
	if down {
		fmt.Fprintln(c.stdout, "  note:     capi serve starts, and is not ready until the database answers")
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

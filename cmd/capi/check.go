package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"slices"
	"strings"

	"github.com/capi-go/capi"
	"github.com/spf13/cobra"
)

const checkUsage = `Prints what it finds about Joomla sites, and everything that keeps them from being served,
with what to do. It changes nothing.

Where sessions live outside of the database, it looks for those of the dozen newest
rows, and says if none of them is there.

Exit status: 0 all of them can be served, 1 there are problems, 2 wrong usage.
` + environmentUsage

const checkExample = `  capi check --config /var/www/html/configuration.php`

// newCheckCommand returns the command check.
func newCheckCommand() *cobra.Command {
	f := siteFlags{connections: 2}
	asJSON := false
	c := &cobra.Command{
		Use: "check --config FILE", Short: "Say what keeps sites from being served, and what to do", Long: checkUsage, Example: checkExample,
		Args: atMost(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.fromEnvironment(c.Flags()); err != nil {
				return err
			}
			return runCheck(c, f, asJSON)
		},
	}
	f.add(c.Flags())
	c.Flags().BoolVar(&f.tokensOnly, "tokens-only", false, "check what serve --tokens-only needs")
	c.Flags().BoolVar(&asJSON, "json", false, "print what is found as JSON")
	return c
}

// A checkReport is the result of check.
type checkReport struct {
	Sites []siteReport `json:"sites"`
	// Notes are about the environment.
	Notes []string `json:"notes,omitempty"`
}

// A siteReport is the result of check for a site.
type siteReport struct {
	Config   string   `json:"config,omitempty"`
	Name     string   `json:"name,omitempty"`
	Database string   `json:"database,omitempty"`
	Sessions string   `json:"sessions,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	Problems []string `json:"problems,omitempty"`
	Good     bool     `json:"good"`
}

// runCheck is the command check.
func runCheck(c *cobra.Command, f siteFlags, asJSON bool) error {
	if len(f.sites) == 0 {
		return errNoConfig
	}
	report := checkReport{Notes: unknownVariables(f.sites)}
	for _, file := range f.sites {
		report.Sites = append(report.Sites, f.checkSite(c.Context(), file))
	}
	if asJSON {
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(report); err != nil {
			return failed(c, err)
		}
	} else {
		report.print(c.OutOrStdout())
	}
	if slices.ContainsFunc(report.Sites, func(site siteReport) bool { return !site.Good }) {
		return exitError(exitFailed)
	}
	return nil
}

// print prints the report to w.
func (r checkReport) print(w io.Writer) {
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "  %-9s %s\n", name+":", oneLine(text))
		}
	}
	for _, site := range r.Sites {
		fmt.Fprintln(w, site.Config)
		line("name", site.Name)
		line("database", site.Database)
		line("sessions", site.Sessions)
		for _, note := range site.Notes {
			line("note", note)
		}
		for _, problem := range site.Problems {
			line("problem", problem)
		}
		if site.Good {
			line("good", "capi serve can serve it")
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
}

// checkSite returns what is found of a site.
func (f siteFlags) checkSite(ctx context.Context, file siteFile) siteReport {
	report := siteReport{Config: file.where(), Name: file.name}
	s, err := f.openSite(file, slog.New(slog.DiscardHandler))
	if err == nil {
		defer s.close()
		var down bool
		down, err = s.check(ctx)
		report.Database = fmt.Sprintf("%s, prefix %s, %s", s.db.where(), s.config.DBPrefix, encryption(s))
		report.Sessions = fmt.Sprintf("in %s, for %v", s.sessionsIn(), s.lifetime())
		if f.tokensOnly && s.sessionsIn() != inDatabase {
			report.Sessions += ", where they are not read (--tokens-only)"
		}
		if note := s.empty(); note != "" {
			report.Notes = append(report.Notes, note)
		}
		if down {
			report.Notes = append(report.Notes, "capi serve starts, and answers for the site once its database does")
		}
	}
	for _, problem := range problems(err) {
		report.Problems = append(report.Problems, problem.Error()+advice(file, problem))
	}
	report.Good = err == nil
	return report
}

// advice says which flag or variable of the program helps against a problem.
func advice(file siteFile, problem error) string {
	if errors.Is(problem, capi.ErrSessionData) {
		if strings.Contains(problem.Error(), "session.save_path") {
			return " (--session-dir, --session-owner)"
		}
		return " (--session-prefix)"
	}
	if errors.Is(problem, fs.ErrPermission) && strings.Contains(problem.Error(), "session data") {
		return ": run capi as the user that PHP runs as, or let this user read the files"
	}
	// Code in configuration.php, which is not run.
	_, after, found := strings.Cut(problem.Error(), "code outside the properties names $")
	if !found {
		return ""
	}
	property, _, _ := strings.Cut(after, " ")
	for _, v := range variables {
		if v.property == property {
			return fmt.Sprintf("; give its value by %s%s", file.variablePrefix(), v.name)
		}
	}
	return "; write its value into the file as a property"
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

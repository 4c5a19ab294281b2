package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/capi-go/capi"
)

// A site is a Joomla site with one configuration.
type site struct {
	siteFile
	config capi.SiteConfig
	db     *database
	data   sessionData
	joomla *capi.Site

	// The following are set by addHandlers, for a site that is served. The
	// Handler serves the list.
	http.Handler
	feed  http.Handler
	guard capi.Authorizer
}

// openSite opens a site. It reads only the configuration. The error is everything
// that keeps the site from being used. The caller closes the site.
func (f siteFlags) openSite(file siteFile, logger *slog.Logger) (*site, error) {
	config, err := f.loadSite(file)
	if err != nil {
		return nil, err
	}
	return f.openConfig(file, config, logger)
}

// loadSite reads the configuration of a site. Flags take precedence.
func (f siteFlags) loadSite(file siteFile) (capi.SiteConfig, error) {
	config, err := loadConfig(file)
	if err != nil {
		return capi.SiteConfig{}, err
	}
	config.Host = cmp.Or(f.host, config.Host)
	return config, nil
}

// openConfig opens a site whose configuration has been read.
func (f siteFlags) openConfig(file siteFile, config capi.SiteConfig, logger *slog.Logger) (*site, error) {
	used := config
	if f.tokensOnly {
		// Where sessions live does not matter: the list has what is in the
		// table.
		used.SessionHandler = ""
	}
	data, dataErr := f.sessionData(used)
	db, dbErr := openDatabase(config, f.socket, logger)
	if dbErr != nil {
		db = &database{DB: noDatabase(dbErr)} // So that the rest is checked, too.
	}
	// Each list holds a connection for as long as its client takes to read it.
	db.SetMaxOpenConns(f.connections)
	db.SetMaxIdleConns(min(idleOfSite, f.connections))
	db.SetConnMaxIdleTime(idleTime)
	db.SetConnMaxLifetime(10 * time.Minute)
	s := &site{siteFile: file, config: config, db: db, data: data}
	var err error
	s.joomla, err = capi.SiteOptions{SessionData: data.SessionData, PHPSerialize: f.phpSerialize}.NewSite(db.DB, used)
	if config.Database() == 0 {
		dbErr = nil // NewSite says so too.
	}
	if err := errors.Join(err, dbErr, dataErr); err != nil {
		_ = s.close() // Nothing was used.
		return nil, err
	}
	return s, nil
}

// store returns the Store of the site.
func (s *site) store(config capi.SQLStoreOptions) capi.Store {
	if s.data.store != nil {
		return s.data.store
	}
	return config.NewSQLStore(s.joomla)
}

// summary returns a Store that lists the sessions without what they hold. It is
// nil where rows do not tell whose sessions they are, or which have ended.
func (s *site) summary() capi.Store {
	if s.data.SessionData != nil || s.data.store != nil || s.config.SessionMetadataOff {
		return nil
	}
	return capi.SQLStoreOptions{OmitData: true}.NewSQLStore(s.joomla)
}

// close closes what openSite opened.
func (s *site) close() error {
	err := s.db.Close()
	if s.data.close != nil {
		err = errors.Join(err, s.data.close.Close())
	}
	return err
}

// checkTimeout is how long it may take to find out whether a site can be
// served.
const checkTimeout = 5 * time.Second

// check returns everything that keeps the site from being served, and reports
// whether the database is merely unreachable, so that it may come back.
func (s *site) check(ctx context.Context) (down bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err = s.db.PingContext(ctx)
	for tries := 1; err != nil && !permanent(err) && ctx.Err() == nil && tries < 3; tries++ {
		err = s.db.PingContext(ctx) // The connection may have broken, rather than the server.
	}
	if err != nil && !permanent(err) {
		return true, fmt.Errorf("the database %s is unreachable%s: %w", s.db.where(), s.hint(), err)
	}
	return false, s.joomla.Check(ctx)
}

// hint says what to do if $host does not say where the database is.
func (s *site) hint() string {
	if s.config.Database() == capi.MySQL && isLocalhost(s.config) {
		return " (PHP takes the host localhost for a socket, which is at none of the usual places: give its path with --db-socket)"
	}
	return ""
}

// problems returns the errors that err joins.
func problems(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	// An error that wraps several with a text of its own is one problem.
	if !ok || err.Error() != errors.Join(joined.Unwrap()...).Error() {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, problems(err)...)
	}
	return all
}

// inDatabase is where most sites have their sessions.
const inDatabase = "the database"

// sessionsIn says where the sessions of a site live.
func (s *site) sessionsIn() string {
	switch s.config.SessionHandler {
	case "", "database":
		return inDatabase
	case "filesystem", "none":
		return "files"
	}
	return s.config.SessionHandler
}

// empty says why the list of a site is always empty, or returns "".
func (s *site) empty() string {
	if s.config.SessionMetadataOff && s.sessionsIn() != inDatabase && s.data.store == nil {
		return "the list has no sessions: Joomla writes none into the table ($session_metadata is off), " +
			"and those in " + s.sessionsIn() + " cannot be listed"
	}
	return ""
}

// lifetime returns how long a session lives.
func (s *site) lifetime() time.Duration { return cmp.Or(s.config.Lifetime, capi.DefaultLifetime) }

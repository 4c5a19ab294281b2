package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/capi-go/capi"
)

// A restStore is a capi.Store that reads the sessions from another service, which answers as the contract has it. It
// holds one session at a time, however long the list is. It is safe for concurrent use.
type restStore struct {
	// client asks the service. A Timeout of its own would bound how long reading the list may take, so it has none: the
	// context of the request does that.
	client *http.Client
	// url is where the list is.
	url string
	// token is the Joomla API token that the service accepts.
	token string
}

// Sessions returns an iterator over the sessions that the service lists. Each range asks it anew.
func (s *restStore) Sessions(ctx context.Context) iter.Seq2[capi.Session, error] {
	return func(yield func(capi.Session, error) bool) {
		err := s.read(ctx, func(session capi.Session) bool { return yield(session, nil) })
		if err != nil {
			yield(capi.Session{}, fmt.Errorf("reading sessions from the service: %w", err))
		}
	}
}

// errRefused says that what the service answered is not a list. It does not say what it is: that is the service's.
var errRefused = errors.New("the service answered with an error")

// read calls yield with each session until it returns false. It returns an error unless the list was whole or yield
// has ended it.
func (s *restStore) read(ctx context.Context, yield func(capi.Session) bool) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("X-Joomla-Token", s.token)
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	// If the list was not read to its end, this closes the connection, so the service stops sending.
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: status %d", errRefused, response.StatusCode)
	}

	decoder := json.NewDecoder(response.Body)
	if err := expect(decoder, json.Delim('{')); err != nil {
		return err
	}
	listed := false
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		switch name {
		case "msg":
			if err := expect(decoder, json.Delim('[')); err != nil {
				return err
			}
			for decoder.More() {
				var session capi.Session
				if err := decoder.Decode(&session); err != nil {
					return err
				}
				// The decoder may hold sessions that came before the context ended.
				if err := ctx.Err(); err != nil {
					return err
				}
				if !yield(session) {
					return nil
				}
			}
			if err := expect(decoder, json.Delim(']')); err != nil {
				return err
			}
			listed = true
		case "error":
			if err := expect(decoder, false); err != nil {
				return err
			}
		default:
			var ignored json.RawMessage
			if err := decoder.Decode(&ignored); err != nil {
				return err
			}
		}
	}
	// Where the service cut its list short, the end is missing.
	if err := expect(decoder, json.Delim('}')); err != nil {
		return err
	}
	if !listed {
		return fmt.Errorf("%w: no list", errRefused)
	}
	// Reads the end of the body, so that the connection can be used again.
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("%w: more than a list", errRefused)
	}
	return ctx.Err()
}

// expect reads the next token, which must be want.
func expect(decoder *json.Decoder, want json.Token) error {
	token, err := decoder.Token()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%w: not a list", errRefused)
	}
	return nil
}

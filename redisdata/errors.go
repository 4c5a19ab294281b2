package redisdata

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/capi-go/capi"
)

var (
	errTooLong = errors.New("value of 16 MiB or more")
	errAnswer  = errors.New("unexpected answer: is the server Redis?")
	errClient  = errors.New("the client is not a *redis.Client, *redis.ClusterClient or *redis.Ring")
)

// await returns the result of work, or the error of ctx if that ends first.
// Then work ends by itself, because the client has its own timeouts.
func await[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	if err := ctx.Err(); err != nil {
		return *new(T), err
	}
	// go-redis does not abort a read when its context is cancelled.
	done := make(chan result, 1)
	go func() {
		value, err := work()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, withoutContent(r.err)
	case <-ctx.Done():
		return *new(T), ctx.Err()
	}
}

// withoutContent returns err, or an error without its text if that may quote
// keys and values.
func withoutContent(err error) error {
	var server redis.Error
	var network net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case err == nil, errors.Is(err, errTooLong), errors.Is(err, errAnswer), errors.Is(err, errClient), errors.Is(err, errMoving):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &server):
		// A server that does not know a command quotes its arguments.
		if text, _, quoted := strings.Cut(server.Error(), ", with args"); quoted {
			return errors.New(text)
		}
		if redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "ASK") {
			return fmt.Errorf("%w: the slot of a key is on another node", capi.ErrUnavailable)
		}
		return err
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, redis.ErrClosed), errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrPoolExhausted):
		return err
	case errors.As(err, &certificate), errors.As(err, &record):
		return err
	}
	for _, text := range []string{"redis: all ", "redis: cluster has no ", "redis: connection ", "redis: no sentinels "} {
		if strings.HasPrefix(err.Error(), text) {
			return err
		}
	}
	// The client quotes what it cannot read.
	return errAnswer
}

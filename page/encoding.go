package page

import (
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"

	"github.com/capi-go/capi/internal/stream"
)

// acceptsGzip reports whether the client of a request takes gzip.
func acceptsGzip(r *http.Request) bool {
	accepts := false
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameters, _ := strings.Cut(part, ";")
		coding = strings.TrimSpace(coding)
		if !strings.EqualFold(coding, "gzip") && coding != "*" {
			continue
		}
		quality, found := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameters)), "q=")
		q, err := strconv.ParseFloat(quality, 64)
		accepts = !found || err == nil && q > 0
		if coding != "*" {
			return accepts // Its own name says more than "*".
		}
	}
	return accepts
}

// A compressor compresses what is written to a stream.Response. Where its client
// does not take that, the zip is nil, and nothing is changed.
type compressor struct {
	out *stream.Response
	zip *gzip.Writer
}

// newCompressor returns the compressor of the answer to a request.
func newCompressor(r *http.Request, out *stream.Response) *compressor {
	c := &compressor{out: out}
	if acceptsGzip(r) {
		// Its fastest level makes a third of a feed; better ones take longer to
		// make it than networks take to send it.
		c.zip, _ = gzip.NewWriterLevel(out, gzip.BestSpeed) // That level exists.
	}
	return c
}

// Write implements [io.Writer].
func (c *compressor) Write(p []byte) (int, error) {
	if c.zip != nil {
		return c.zip.Write(p)
	}
	return c.out.Write(p)
}

// Flush sends what was written so far.
func (c *compressor) Flush() error {
	if c.zip != nil {
		if err := c.zip.Flush(); err != nil {
			return err
		}
	}
	c.out.Flush()
	return nil
}

// Close sends the end. An answer without it is cut.
func (c *compressor) Close() error {
	if c.zip != nil {
		return c.zip.Close()
	}
	return nil
}

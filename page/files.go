package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// The page as browsers get it: there is no build step.
//
//go:embed static
var static embed.FS

// A file is one of the page.
type file struct {
	contentType, tag string
	content, zipped  []byte
}

// serveFile serves a file of the page.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := h.files()[name]
	if !ok {
		h.Answer(w, r, http.StatusNotFound, "Not found.")
		return
	}
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-cache")
	header.Set("Content-Type", f.contentType)
	header.Add("Vary", "Accept-Encoding")
	content, tag := f.content, f.tag
	if acceptsGzip(r) {
		content, tag = f.zipped, f.tag+"-gzip"
		header.Set("Content-Encoding", "gzip")
	}
	header.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// readFiles returns the files of the page by their names.
func readFiles() map[string]file {
	types := map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	files := map[string]file{"feed.yaml": newFile("application/yaml", OpenAPI())}
	err := fs.WalkDir(static, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := static.ReadFile(name)
		files[path.Base(name)] = newFile(types[path.Ext(name)], content)
		return err
	})
	if err != nil {
		panic(err) // What is embedded can be read.
	}
	return files
}

func newFile(contentType string, content []byte) file {
	sum := sha256.Sum256(content)
	var zipped bytes.Buffer
	writer, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		panic(err) // That level exists.
	}
	_, _ = writer.Write(content) // A Buffer takes everything.
	_ = writer.Close()
	return file{contentType, base64.RawURLEncoding.EncodeToString(sum[:12]), content, zipped.Bytes()}
}

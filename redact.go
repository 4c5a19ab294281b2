package capi

// Redaction changes a [Session] before it is sent. It must not write to the memory of s.Data, which belongs to the
// store and may be valid only until the next row; it returns a Session with new Data instead.
type Redaction func(s Session) Session

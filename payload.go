package capi

// Payload is the data column of Joomla's session table: what PHP's session handler wrote, byte for byte. A nil Payload
// is NULL: the site keeps its session data elsewhere.
type Payload []byte

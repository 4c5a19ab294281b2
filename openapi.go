package capi

import _ "embed"

//go:embed openapi.yaml
var openAPI string

// OpenAPI returns the OpenAPI 3.1 description of the endpoint in YAML, so that
// a service can serve it (as application/yaml, RFC 9512). It names the path of
// the contract, /api/v1/user/sessions, and the answers under any [CORS] policy.
// Each call returns a new copy.
func OpenAPI() []byte { return []byte(openAPI) }

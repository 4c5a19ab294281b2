module github.com/capi-go/capi/memcachedata

go 1.24

replace github.com/capi-go/capi => ../

require (
	github.com/bradfitz/gomemcache v0.0.0-20260422231931-4d751bb6e37c
	github.com/capi-go/capi v0.0.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

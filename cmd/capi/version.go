package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// A build is what the program was made from.
type build struct{ version, revision string }

// thisBuild returns the version of the module, and the commit where the program
// was built from a checkout.
func thisBuild() build {
	b := build{version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.version = cmp.Or(info.Main.Version, b.version)
	modified := false
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.revision = setting.Value
		case "vcs.modified":
			modified = setting.Value == "true"
		}
	}
	if modified && b.revision != "" {
		b.revision += "+dirty"
	}
	return b
}

// programVersion returns the version, the commit, and what it was made with.
func programVersion() string {
	b := thisBuild()
	commit := ""
	if b.revision != "" {
		commit = " (" + b.revision + ")"
	}
	return fmt.Sprintf("%s%s %s %s/%s", b.version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

package schemas

import (
	"embed"
	"fmt"
)

//go:embed json/*/*.json
var files embed.FS

// Schema returns the JSON Schema (draft 2020-12) of an event type of the platform in one version. It is the closed form,
// which writers keep to: it allows no member it does not name. Errors: *[UnknownTypeError], *[UnsupportedVersionError].
func Schema(eventType string, version int) ([]byte, error) {
	d, ok := platform.byName[eventType]
	if !ok {
		return nil, &UnknownTypeError{Type: eventType}
	}
	if version < 1 || version > d.Version {
		return nil, &UnsupportedVersionError{Type: eventType, Version: version, Newest: d.Version}
	}
	return files.ReadFile(fmt.Sprintf("json/%s/v%d.json", eventType, version))
}

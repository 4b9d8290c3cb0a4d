// Package schemas knows every event type there is: its name, the versions of its schema, and how its JSON becomes a Go
// value and back. Nothing past this package sees JSON, and nothing before it sees Go types.
//
// What it promises:
//
//   - What was written once can be read for ever. Old versions go through upcasters, one step for each version, up to the
//     one that Go knows; json/<type>/v<n>.json is the contract of each version, testdata/<type>/v<n>.json a sample that
//     must decode as long as this package exists.
//   - Reading is strict where history could be misread: no duplicate names, names in their exact case, valid UTF-8, and no
//     event that lacks what every event of its type says. It is open where writers may be newer: unknown members are
//     passed over.
//   - An unknown type or a newer version is an error of its own, and never skipped: [UnknownTypeError],
//     [UnsupportedVersionError].
//   - Writing is deterministic, keeps to the closed form of the schema, and gives times in UTC.
//
// A new event type: a line in table.go, a schema and a sample. A new version of one: a schema and a sample of it, the
// number in table.go, and an [Upcaster] from the version before. Readers are deployed first, writers later.
//
// Start reading at table.go, then registry.go.
package schemas

// Package asyncapi describes the topics to other teams: an AsyncAPI 3.0 document with every channel, every event type in every
// version, its headers, its schema and a sample. It is made from the event registry and the schemas, so it cannot say anything
// else than the code; docs/asyncapi.yaml is the committed copy. Nothing at run time needs it.
//
// Start reading at [Document].
package asyncapi

//go:generate go test -run ^TestDocument$ -update .

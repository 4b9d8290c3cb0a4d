// Package eventfile is the form in which stored events leave Ordo and come back: one JSON object per line, the same in
// `ordo events list -o json`, tail, get, export and import.
//
//	{"service":"orders","position":41,"stream":"order-0198…","version":1,"id":"0198…","type":"OrderPlaced",
//	 "schema_version":1,"recorded_at":"2026-11-25T03:13:40.123456Z","data":{…},"metadata":{…}}
//
// (on one line). Members come in this order, none is left out, and recorded_at has microseconds, UTC.
//
// data and metadata are the stored bytes, not a rewriting of them. Bytes that would not survive on a line (a line break,
// or space around the object: both are legal JSON) come as a string of their text instead, named data_text or
// metadata_text. So a reader gets every byte back: hashes over them still hold.
//
// Start reading at [Append] and [Parser.Parse].
package eventfile

// Package devfile is how commands find a running `ordo dev`: it writes its addresses to runtime.json in its data folder
// and removes the file when it stops; the other commands read it.
//
// The file is a hint, not a lock: a file left behind by a killed process is recognised by its process id and ignored. It
// holds database addresses with their passwords, so only its owner may read it.
package devfile

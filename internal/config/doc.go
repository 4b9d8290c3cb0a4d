// Package config says how a service is to run: flags win over ORDO_ variables, those over a file, that over defaults. [Load]
// keeps where each value came from, and refuses a name it does not know with the one that may have been meant.
//
// Secrets come from files only, which settings name: they are in no list of processes, no environment and no output.
//
// [Keys] is the list of all settings; flags, variables and the layout of the file are made from it. Start reading there.
package config

// Command ordo is the whole platform in one binary: every role and every operator's verb is a sub-command.
//
// One file is one command. [run] is the way of all of them: root.go builds the tree, the command prints its data on
// standard output and words on standard error, exit.go turns its error into one line and an exit code.
package main

import (
	"context"
	"io"
	"os"
)

func main() {
	os.Exit(run(untilSignal(context.Background()), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the command line without the process around it: it ends when ctx does and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(append([]string{}, args...)) // never nil, which cobra takes for os.Args
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.InitDefaultCompletionCmd() // binds standard output, so only now
	watchUsage(root)
	cmd, err := root.ExecuteContextC(ctx)
	return report(ctx, stderr, cmd, err)
}

package consumer

import "context"

type afterCommitKey struct{}

// AfterCommit has a function called once the transaction of a handler is committed; ctx is the one that the handler was given. It
// is not called if the transaction fails, or if it is not known whether it did. It must not block.
func AfterCommit(ctx context.Context, call func()) {
	if calls, ok := ctx.Value(afterCommitKey{}).(*[]func()); ok { // else nobody commits for the handler: a test does
		*calls = append(*calls, call)
	}
}

// collecting returns a context under which AfterCommit adds to calls.
func collecting(ctx context.Context, calls *[]func()) context.Context {
	return context.WithValue(ctx, afterCommitKey{}, calls)
}

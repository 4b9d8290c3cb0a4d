package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// signalError is the cause of a context that a signal has ended.
type signalError struct{ signal os.Signal }

func (e *signalError) Error() string { return e.signal.String() + " signal" }

// Is makes the cause what it is for everybody who does not care which signal it was.
func (e *signalError) Is(target error) bool { return target == context.Canceled }

// untilSignal returns a context that the first signal to stop ends; the second one ends the process at once.
func untilSignal(parent context.Context) context.Context {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is below nohup
		signals = append(signals, syscall.SIGHUP) // the terminal was closed
	}
	ctx, cancel := context.WithCancelCause(parent)
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, signals...)
	go func() {
		first := <-caught
		signal.Stop(caught)
		cancel(&signalError{first})
	}()
	return ctx
}

// interrupted tells whether a person ended ctx, as opposed to a supervisor or a closed terminal.
func interrupted(ctx context.Context) bool {
	var cause *signalError
	return errors.As(context.Cause(ctx), &cause) && cause.signal == os.Interrupt
}

// outliveReaders keeps the process from dying halfway when the reader of its output has left ("ordo dev 2>&1 | head"): what
// was started has to be stopped in order. Until release is called, such writes fail like any other.
func outliveReaders() (release func()) {
	left := make(chan os.Signal, 1)
	signal.Notify(left, syscall.SIGPIPE)
	return func() { signal.Stop(left) }
}

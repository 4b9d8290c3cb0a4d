package app

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/schemas"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	in := func(err error) error {
		return fmt.Errorf("batch: %w", &projections.EventError{ReadModel: "orderview", Err: err})
	}
	invalid := func(err error) error { return &schemas.InvalidDataError{Type: "OrderPlaced", Version: 1, Err: err} }
	for _, c := range []struct {
		err  error
		want consumer.Verdict
	}{
		{in(&schemas.UnknownTypeError{Type: "X"}), consumer.Verdict{Class: "unsupported_event", Action: consumer.Stop}},
		{in(&schemas.UnsupportedVersionError{}), consumer.Verdict{Class: "unsupported_event", Action: consumer.Stop}},
		{in(&projections.UnhandledEventError{}), consumer.Verdict{Class: "unsupported_event", Action: consumer.Stop}},
		{in(invalid(errors.New("not JSON"))), consumer.Verdict{Class: "undecodable", Action: consumer.Park}},
		{fmt.Errorf("react: %w", invalid(fmt.Errorf("%w to v2: no", schemas.ErrUpcast))), consumer.Verdict{Class: "upcast_failed", Action: consumer.Park}},
		{in(invalid(schemas.ErrIncomplete)), consumer.Verdict{Class: "invalid_event", Action: consumer.Park}},
		{in(&projections.OutOfOrderError{}), consumer.Verdict{Class: "version_gap", Action: consumer.Park}},
		{in(errors.New("an order begins with being placed")), consumer.Verdict{Class: "invalid_event", Action: consumer.Park}},
		{fmt.Errorf("save: %w", &projections.OvertakenError{}), consumer.Verdict{Class: "overtaken", Action: consumer.Pause}},
		{errors.New("unexpected refusal"), consumer.Verdict{}},
	} {
		got, known := judge(c.err)
		if got != c.want || known != (c.want.Class != "") {
			t.Errorf("%v: %+v %v, want %+v", c.err, got, known, c.want)
		}
	}
}

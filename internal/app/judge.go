package app

import (
	"errors"

	"github.com/ordo-platform/ordo/internal/consumer"
	"github.com/ordo-platform/ordo/projections"
	"github.com/ordo-platform/ordo/schemas"
)

// judge says what failures of projections and reactors mean for the event they happened to.
func judge(err error) (consumer.Verdict, bool) {
	var (
		unknown     *schemas.UnknownTypeError
		unsupported *schemas.UnsupportedVersionError
		unhandled   *projections.UnhandledEventError
		invalid     *schemas.InvalidDataError
		outOfOrder  *projections.OutOfOrderError
		overtaken   *projections.OvertakenError
		event       *projections.EventError
	)
	switch {
	case errors.As(err, &unknown), errors.As(err, &unsupported), errors.As(err, &unhandled):
		return consumer.Verdict{Class: "unsupported_event", Action: consumer.Stop}, true // for a newer program
	case errors.As(err, &invalid):
		class := "undecodable"
		switch {
		case errors.Is(err, schemas.ErrUpcast):
			class = "upcast_failed"
		case errors.Is(err, schemas.ErrIncomplete):
			class = "invalid_event"
		}
		return consumer.Verdict{Class: class, Action: consumer.Park}, true
	case errors.As(err, &outOfOrder):
		return consumer.Verdict{Class: "version_gap", Action: consumer.Park}, true
	case errors.As(err, &overtaken):
		return consumer.Verdict{Class: "overtaken", Action: consumer.Pause}, true
	case errors.As(err, &event):
		return consumer.Verdict{Class: "invalid_event", Action: consumer.Park}, true
	}
	return consumer.Verdict{}, false
}

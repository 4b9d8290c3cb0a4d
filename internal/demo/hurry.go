package demo

import (
	"time"

	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/sagas/fulfilment"
)

// Hurry returns a configuration in which the story does not take minutes: the provider is given up sooner, and the deadline
// of a payment lies between what a slow provider takes and where one that hangs is given up.
func Hurry(c app.LocalConfig) app.LocalConfig {
	c.SlowPayment = 700 * time.Millisecond
	c.Deadlines = fulfilment.Within{order.StepAuthorizePayment: 3 * time.Second}
	c.PaymentTimeout = 3300 * time.Millisecond
	return c
}

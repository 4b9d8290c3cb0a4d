package psp

import "slices"

// The payment methods the simulator knows. Each makes it behave in its own way; any other is declined.
const (
	MethodOK               = "pm_ok"                 // authorised
	MethodDeclined         = "pm_declined"           // declined: insufficient_funds
	MethodSlow             = "pm_slow"               // authorised, answered after SimulatorConfig.SlowDelay
	MethodHang             = "pm_hang"               // authorised, but no call under the key is ever answered; a query is
	MethodFlaky            = "pm_flaky"              // 503 twice per key, then authorised
	MethodErrorAfterCharge = "pm_error_after_charge" // authorised, but the call that did it is answered 500
)

// The reasons the simulator declines with.
const (
	ReasonInsufficientFunds = "insufficient_funds"
	ReasonInvalidMethod     = "invalid_payment_method"
)

// Methods returns the payment methods the provider knows, for those who check a request before there is a payment.
func Methods() []string {
	return []string{MethodOK, MethodDeclined, MethodSlow, MethodHang, MethodFlaky, MethodErrorAfterCharge}
}

// decide is the provider's business answer to a method, apart from how well it is delivered.
func decide(method string) (status Status, reason string) {
	switch {
	case method == MethodDeclined:
		return StatusDeclined, ReasonInsufficientFunds
	case !slices.Contains(Methods(), method):
		return StatusDeclined, ReasonInvalidMethod
	default:
		return StatusAuthorized, ""
	}
}

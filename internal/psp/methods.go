package psp

import "slices"

// The payment methods the simulator knows. Each makes it behave in its own way, to an authorisation and to every verb on it;
// any other is declined.
const (
	MethodOK               = "pm_ok"                 // authorised
	MethodDeclined         = "pm_declined"           // declined: insufficient_funds
	MethodSlow             = "pm_slow"               // authorised, answered after SimulatorConfig.SlowDelay
	MethodHang             = "pm_hang"               // authorised, but no call is ever answered; a query is
	MethodFlaky            = "pm_flaky"              // 503 twice per key, then authorised
	MethodErrorAfterCharge = "pm_error_after_charge" // authorised, but the call that did it is answered 500
)

// The reasons the simulator declines with.
const (
	ReasonInsufficientFunds = "insufficient_funds"
	ReasonInvalidMethod     = "invalid_payment_method"

	ReasonUnknownAuthorization = "unknown_authorization"
	ReasonNotCaptured          = "not_captured" // there is nothing to give back
	ReasonAlreadyCaptured      = "already_captured"
	ReasonAlreadyVoided        = "already_voided"
	ReasonAlreadyRefunded      = "already_refunded"
	ReasonUnderReview          = "under_review" // see Simulator.SetUnderReview
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

// decideVerb is the provider's answer to a verb on an authorisation that is at a status.
func decideVerb(k Kind, at Status) (status Status, reason string) {
	switch {
	case at == "":
		return StatusDeclined, ReasonUnknownAuthorization
	case at == StatusVoided:
		return StatusDeclined, ReasonAlreadyVoided
	case at == StatusRefunded:
		return StatusDeclined, ReasonAlreadyRefunded
	case k == KindRefund && at == StatusAuthorized:
		return StatusDeclined, ReasonNotCaptured
	case k != KindRefund && at == StatusCaptured:
		return StatusDeclined, ReasonAlreadyCaptured
	default:
		return k.success(), ""
	}
}

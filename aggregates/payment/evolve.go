package payment

import "fmt"

func evolve(s State, e Event) State {
	switch e := e.(type) {
	case AuthorizationRequested:
		return State{
			OrderID: e.OrderID, Status: StatusRequested, Amount: e.Amount, Method: e.Method, Key: e.Key, Open: Intent{CallAuthorize, e.Key},
		}
	case Authorized:
		s.Open, s.AuthorizationID = Intent{}, e.AuthorizationID
		if s.Status != StatusVoiding {
			s.Status = StatusAuthorized
		}
	case Declined:
		s.Status, s.Open, s.DeclineReason = StatusDeclined, Intent{}, e.Reason
	case CaptureRequested:
		s.Status, s.Open, s.Attempt = StatusCapturing, Intent{CallCapture, e.Key}, e.Attempt
	case Captured:
		s.Status, s.Open = StatusCaptured, Intent{}
	case CaptureRefused:
		s.Open = Intent{}
		if s.Status != StatusVoiding {
			s.Status = StatusAuthorized
		}
	case RetryRequested:
		s.Attempt = e.Attempt
	case UndoRequested:
		s.Status, s.Attempt = StatusVoiding, e.Attempt
	case VoidRequested:
		s.Status, s.Open, s.Attempt = StatusVoiding, Intent{CallVoid, e.Key}, e.Attempt
	case Voided:
		s.OrderID, s.Status, s.Open = e.OrderID, StatusVoided, Intent{}
	case VoidRefused:
		s.Open = Intent{}
	case RefundRequested:
		s.Status, s.Open, s.Attempt = StatusRefunding, Intent{CallRefund, e.Key}, e.Attempt
	case Refunded:
		s.Status, s.Open = StatusRefunded, Intent{}
	case RefundRefused:
		s.Open = Intent{}
	default:
		panic(fmt.Sprintf("payment: unknown event %T", e))
	}
	return s
}

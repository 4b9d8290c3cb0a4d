package process

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/order"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/aggregates/reservation"
	"github.com/ordo-platform/ordo/eventstore"
)

// verdict is what a participant's event says about a step.
type verdict struct {
	event    aggregates.Event
	step     order.Step
	progress Progress
}

// answers are the events that answer a step, by type.
var answers = byType([]verdict{
	{reservation.Reserved{}, order.StepReserveStock, StepDone},
	{reservation.Refused{}, order.StepReserveStock, StepFailed},
	{reservation.Released{}, order.StepReleaseStock, StepDone},
	{reservation.Cancelled{}, order.StepReleaseStock, StepDone},
	{reservation.Committed{}, order.StepCommitStock, StepDone},

	{payment.Authorized{}, order.StepAuthorizePayment, StepDone},
	{payment.Declined{}, order.StepAuthorizePayment, StepFailed},
	{payment.Captured{}, order.StepCapturePayment, StepDone},
	{payment.CaptureRefused{}, order.StepCapturePayment, StepFailed},
	{payment.Voided{}, order.StepVoidPayment, StepDone},
	{payment.VoidRefused{}, order.StepVoidPayment, StepFailed},
	{payment.Refunded{}, order.StepVoidPayment, StepDone},
	{payment.RefundRefused{}, order.StepVoidPayment, StepFailed},
})

func byType(all []verdict) map[string]verdict {
	named := make(map[string]verdict, len(all))
	for _, v := range all {
		named[v.event.EventType()] = v
	}
	return named
}

// undo is the step that undoes another.
var undo = map[order.Step]string{
	order.StepReserveStock:     string(order.StepReleaseStock),
	order.StepAuthorizePayment: string(order.StepVoidPayment),
	order.StepCapturePayment:   string(order.StepVoidPayment),
}

// detail is what an event says about a refusal.
func detail(rec eventstore.Recorded) string {
	var said struct {
		Reason    string `json:"reason"`
		Shortages []struct {
			SKU       string `json:"sku"`
			Requested int64  `json:"requested"`
			Available int64  `json:"available"`
		} `json:"shortages"`
	}
	if err := json.Unmarshal(rec.Data, &said); err != nil {
		return ""
	}
	var short []string
	for _, s := range said.Shortages {
		short = append(short, fmt.Sprintf("%s: %d wanted, %d available", s.SKU, s.Requested, s.Available))
	}
	if len(short) > 0 {
		return strings.Join(short, "; ")
	}
	return said.Reason
}

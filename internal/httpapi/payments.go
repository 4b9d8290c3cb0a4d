package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/payment"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
)

// paymentAnswer is a payment as clients see it. The key towards the provider is not theirs to know.
type paymentAnswer struct {
	OrderID         string             `json:"order_id" format:"uuid"`
	Status          payment.Status     `json:"status" enum:"requested,authorized,declined,capturing,captured,voiding,voided,refunding,refunded"`
	Amount          money              `json:"amount"`
	PaymentMethod   string             `json:"payment_method"`
	AuthorizationID string             `json:"authorization_id,omitzero" doc:"The provider's."`
	DeclineReason   string             `json:"decline_reason,omitzero" doc:"The provider's code."`
	Version         eventstore.Version `json:"version"`
}

func (a *api) getPayment(p *Payments) endpoint {
	return endpoint{
		method: http.MethodGet, path: "/v1/payments/{order_id}", id: "getPayment", tag: "payments", summary: "Read the payment of an order",
		description: "Read from the log itself, so it is never behind.",
		service:     paymentsService, result: paymentAnswer{}, statuses: []int{http.StatusOK},
		params:   []*huma.Param{pathParam("order_id", "Id of the order.")},
		problems: []string{aggregates.CodeNotFound},
		handle: func(r *request) (answer, error) {
			id, err := pathUUID(r, "order_id")
			if err != nil {
				return answer{}, err
			}
			out, err := command.Load(r.Context(), p.Log, payment.Decider, eventstore.StreamID(payment.Stream(id)))
			if err != nil {
				return answer{}, err
			}
			if out.Version == 0 {
				return answer{}, errNotFound
			}
			r.setPosition(out.Position)
			s := out.State
			return answerWith(http.StatusOK, out.Version, paymentAnswer{
				OrderID: s.OrderID, Status: s.Status, Amount: money(s.Amount), PaymentMethod: s.Method,
				AuthorizationID: s.AuthorizationID, DeclineReason: s.DeclineReason, Version: out.Version,
			})
		},
	}
}

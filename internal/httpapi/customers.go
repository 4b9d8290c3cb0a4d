package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/customer"
	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/command"
	"github.com/ordo-platform/ordo/projections/customerview"
)

type registerCustomer struct {
	Name  string `json:"name" maxLength:"200" example:"Ada Lovelace"`
	Email string `json:"email" maxLength:"254" example:"ada@example.com"`
}

// customerAnswer is a customer as clients see it.
type customerAnswer struct {
	ID      string             `json:"id" format:"uuid"`
	Name    string             `json:"name"`
	Email   string             `json:"email"`
	Status  customer.Status    `json:"status" enum:"active,blocked"`
	Version eventstore.Version `json:"version"`
}

func (a *api) customerCommands(s *Service) []endpoint {
	id := []*huma.Param{pathParam("id", "Id of the customer.")}
	return []endpoint{
		{
			method: http.MethodPost, path: "/v1/customers", id: "registerCustomer", tag: "customers", summary: "Register a customer",
			description: "With an Idempotency-Key the id is derived from the key, so repeating the request makes no second customer.",
			service:     customersService, commands: s, body: registerCustomer{}, result: customerAnswer{}, statuses: []int{http.StatusCreated},
			problems: []string{customer.CodeAlreadyRegistered, customer.CodeInvalidEmail},
			handle:   a.register,
		},
		{
			method: http.MethodPost, path: "/v1/customers/{id}/block", id: "blockCustomer", tag: "customers", summary: "Keep a customer from ordering",
			description: "Orders that are placed already go on.",
			service:     customersService, commands: s, result: customerAnswer{}, statuses: []int{http.StatusOK},
			params: id, problems: []string{aggregates.CodeNotFound},
			handle: changeCustomer(func(r *request, id customer.ID) customer.Command { return customer.Block{CustomerID: id, At: r.now()} }),
		},
		{
			method: http.MethodPost, path: "/v1/customers/{id}/unblock", id: "unblockCustomer", tag: "customers", summary: "Let a customer order again",
			service: customersService, commands: s, result: customerAnswer{}, statuses: []int{http.StatusOK},
			params: id, problems: []string{aggregates.CodeNotFound},
			handle: changeCustomer(func(r *request, id customer.ID) customer.Command {
				return customer.Unblock{CustomerID: id, At: r.now()}
			}),
		},
	}
}

func (a *api) register(r *request) (answer, error) {
	body, err := decode[registerCustomer](r)
	if err != nil {
		return answer{}, err
	}
	id := uuid.Must(uuid.NewV7()).String()
	if r.key != nil {
		id = r.key.id("customer")
	}
	register := customer.Register{CustomerID: customer.ID(id), Name: body.Name, Email: body.Email, At: r.now()}
	call := command.Call[customer.State, customer.Command]{Command: register, New: true}
	return execute(r, customer.Decider, call, func(out command.Outcome[customer.State]) (answer, error) {
		ans, err := customerAnswerWith(http.StatusCreated, out)
		ans.Location = customerPath(id)
		return ans, err
	})
}

func changeCustomer(command func(r *request, id customer.ID) customer.Command) func(r *request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := pathUUID(r, "id")
		if err != nil {
			return answer{}, err
		}
		return executeCustomer(r, command(r, customer.ID(id)))
	}
}

func executeCustomer(r *request, c customer.Command) (answer, error) {
	call := command.Call[customer.State, customer.Command]{Command: c}
	return execute(r, customer.Decider, call, func(out command.Outcome[customer.State]) (answer, error) {
		return customerAnswerWith(http.StatusOK, out)
	})
}

func customerAnswerWith(status int, out command.Outcome[customer.State]) (answer, error) {
	s := out.State
	return answerWith(status, out.Version, customerAnswer{ID: string(s.ID), Name: s.Name, Email: s.Email, Status: s.Status, Version: out.Version})
}

func (a *api) getCustomer(v *Views) endpoint {
	return endpoint{
		method: http.MethodGet, path: "/v1/customers/{id}", id: "getCustomer", tag: "customers", summary: "Read a customer",
		service: customersService, result: customerAnswer{}, statuses: []int{http.StatusOK},
		params:   []*huma.Param{pathParam("id", "Id of the customer."), &afterParam, &preferParam},
		problems: []string{aggregates.CodeNotFound},
		handle: func(r *request) (answer, error) {
			id, err := pathUUID(r, "id")
			if err != nil {
				return answer{}, err
			}
			if err := r.await(customerview.Model.Name, id); err != nil {
				return answer{}, err
			}
			c, err := v.Customers.Get(r.Context(), customer.ID(id))
			if err != nil {
				return answer{}, err
			}
			r.setPosition(c.Position)
			return answerWith(http.StatusOK, c.Version, customerAnswer{ID: string(c.ID), Name: c.Name, Email: c.Email, Status: c.Status, Version: c.Version})
		},
	}
}

package customer

// ID is a customer's id, a UUID in text form.
type ID string

// Stream is the stream of a customer.
func Stream(id ID) string { return "customer-" + string(id) }

// Status is where a customer stands, in the words of the API.
type Status string

// The statuses of a customer.
const (
	StatusNone    Status = ""
	StatusActive  Status = "active"
	StatusBlocked Status = "blocked"
)

// State is a customer.
type State struct {
	ID     ID
	Status Status
	Name   string
	Email  string
}

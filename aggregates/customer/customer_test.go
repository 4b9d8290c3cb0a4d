package customer_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/aggregates/aggregatetest"
	"github.com/ordo-platform/ordo/aggregates/customer"
)

const id customer.ID = "0198c7a2-0000-7000-8000-00000000000c"

var (
	at         = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	registered = customer.Registered{CustomerID: id, Name: "Ada Lovelace", Email: "ada@example.org", At: at}
	blocked    = customer.Blocked{CustomerID: id, At: at}
	unblocked  = customer.Unblocked{CustomerID: id, At: at}

	block   = customer.Block{CustomerID: id, At: at}
	unblock = customer.Unblock{CustomerID: id, At: at}
)

func register(name, email string) customer.Register {
	return customer.Register{CustomerID: id, Name: name, Email: email, At: at}
}

func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	none := aggregatetest.For(t, customer.Decider)
	none.When(register("Ada Lovelace", "ada@example.org")).Then(registered)
	none.When(register(" Ada Lovelace ", "ada@example.org")).Then(registered)
	_ = none.When(block).ThenRefused(aggregates.CodeNotFound, "")
	_ = none.When(unblock).ThenRefused(aggregates.CodeNotFound, "")

	active := none.Given(registered)
	active.When(block).Then(blocked)
	active.When(unblock).ThenNothing()

	stopped := active.Given(blocked)
	stopped.When(block).ThenNothing()
	stopped.When(unblock).Then(unblocked)

	for _, s := range []aggregatetest.Scenario[customer.State, customer.Command, customer.Event]{active, stopped, stopped.Given(unblocked)} {
		s.When(register("Ada Lovelace", "ada@example.org")).ThenNothing()
		_ = s.When(register("Ada", "ada@example.org")).ThenRefused(customer.CodeAlreadyRegistered, "")
		_ = s.When(register("Ada Lovelace", "a@example.org")).ThenRefused(customer.CodeAlreadyRegistered, "")
	}
	stopped.Given(unblocked).When(block).Then(blocked)
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	const name, email = "Ada", "ada@example.org"
	for why, tc := range map[string]struct {
		command     customer.Register
		code, field string
	}{
		"no name":               {register("", email), aggregates.CodeRequired, "name"},
		"name too long":         {register(strings.Repeat("a", 201), email), aggregates.CodeTooLong, "name"},
		"control character":     {register("A\x1bda", email), aggregates.CodeInvalidCharacters, "name"},
		"not normalised":        {register("Ame\u0301lie", email), aggregates.CodeInvalidCharacters, "name"},
		"no email":              {register(name, ""), aggregates.CodeRequired, "email"},
		"email too long":        {register(name, strings.Repeat("a", 243)+"@example.org"), aggregates.CodeTooLong, "email"},
		"email with NUL":        {register(name, "a\x00@example.org"), aggregates.CodeInvalidCharacters, "email"},
		"email without @":       {register(name, "ada"), customer.CodeInvalidEmail, "email"},
		"email with two @":      {register(name, "a@b@c"), customer.CodeInvalidEmail, "email"},
		"email without local":   {register(name, "@example.org"), customer.CodeInvalidEmail, "email"},
		"email without domain":  {register(name, "ada@"), customer.CodeInvalidEmail, "email"},
		"email with space":      {register(name, "a da@example.org"), customer.CodeInvalidEmail, "email"},
		"email with space last": {register(name, "ada@example.org "), customer.CodeInvalidEmail, "email"},
		"email with wide space": {register(name, "a\u3000da@example.org"), customer.CodeInvalidEmail, "email"},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			_ = aggregatetest.For(t, customer.Decider).When(tc.command).ThenRefused(tc.code, tc.field)
		})
	}
	long := strings.Repeat("a", 242) + "@example.org"
	aggregatetest.For(t, customer.Decider).When(register(name, long)).
		Then(customer.Registered{CustomerID: id, Name: name, Email: long, At: at})
}

// TestAnyCommands: the last accepted block or unblock tells how the customer stands, and every command is idempotent.
func TestAnyCommands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state := customer.Decider.Initial()
		commands := rapid.OneOf(
			rapid.SampledFrom([]customer.Command{block, unblock}),
			rapid.Map(rapid.SampledFrom([]string{"Ada", "Bob", "\x00", ""}), func(name string) customer.Command { return register(name, "x@y") }),
		)
		for _, c := range rapid.SliceOfN(commands, 1, 20).Draw(t, "commands") {
			events, err := customer.Decider.Decide(state, c)
			state = customer.Decider.Fold(state, events...)
			if err != nil {
				continue
			}
			if again, err := customer.Decider.Decide(state, c); err != nil || len(again) > 0 {
				t.Fatalf("%+v again: %v, %v", c, again, err)
			}
			switch {
			case c == customer.Command(block) && state.Status != customer.StatusBlocked,
				c == customer.Command(unblock) && state.Status != customer.StatusActive:
				t.Fatalf("%+v left the customer %s", c, state.Status)
			}
		}
	})
}

func TestEvolvePanicsOnForeignEvents(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("an event that is not of a customer was folded into one")
		}
	}()
	customer.Decider.Fold(customer.State{}, &blocked)
}

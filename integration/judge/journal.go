package judge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

var httpClient = &http.Client{Timeout: 5 * time.Second}

// Journal is what a client knows: for each key the order it was answered, empty as long as it does not know.
type Journal struct {
	mu       sync.Mutex
	customer string
	answers  map[string]string
}

// OpenShop makes what orders need.
func OpenShop(t testing.TB, url string) *Journal {
	t.Helper()
	for _, sku := range []string{"A", "B"} {
		must(t, Call(t.Context(), http.MethodPut, url+"/v1/products/"+sku, "", map[string]any{
			"name": sku, "price": map[string]any{"amount": 100, "currency": "EUR"},
		}, nil))
		Receive(t, url, sku, "first")
	}
	var customer struct{ ID string }
	must(t, Call(t.Context(), http.MethodPost, url+"/v1/customers", "", map[string]any{"name": "Ada", "email": "ada@example.com"}, &customer))
	return &Journal{customer: customer.ID, answers: map[string]string{}}
}

// Receive puts more pieces into stock than any test sells.
func Receive(t testing.TB, url, sku, reference string) {
	t.Helper()
	must(t, Call(t.Context(), http.MethodPost, url+"/v1/stock/"+sku+"/receipts", "", map[string]any{"quantity": 100_000, "reference": reference}, nil))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Load has three customers place orders with whoever answers, each after a pause, until stop is called.
func (j *Journal) Load(t testing.TB, pause time.Duration, urls ...string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	run := j.Len()
	for n := range 3 {
		workers.Go(func() {
			pace := time.NewTicker(pause)
			defer pace.Stop()
			for i, asked := 0, 0; ctx.Err() == nil; asked++ {
				if j.Place(ctx, urls[asked%len(urls)], fmt.Sprintf("%d-%d-%d", run, n, i)) {
					i++ // the next order; without an answer, the same again
				}
				select {
				case <-ctx.Done():
				case <-pace.C:
				}
			}
		})
	}
	stop = sync.OnceFunc(func() { cancel(); workers.Wait() })
	t.Cleanup(stop)
	return stop
}

// Place sends the order of a key once, and tells whether it was accepted.
func (j *Journal) Place(ctx context.Context, url, key string) (answered bool) {
	j.ask(key)
	var order struct{ ID string }
	if Call(ctx, http.MethodPost, url+"/v1/orders", key, j.request(key), &order) != nil {
		return false
	}
	j.note(key, order.ID)
	return true
}

// request follows from its key, so that it can be sent again.
func (j *Journal) request(key string) map[string]any {
	method, lines := "pm_ok", []map[string]any{{"sku": "A", "quantity": 1}}
	switch key[len(key)-1] {
	case '3':
		method = "pm_declined"
	case '7':
		lines = append(lines, map[string]any{"sku": "B", "quantity": 2})
	}
	return map[string]any{"customer_id": j.customer, "payment_method": method, "lines": lines}
}

// Answer is the order that a key was answered with, empty if it was not yet.
func (j *Journal) Answer(key string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.answers[key]
}

// Accepted is how many orders were accepted.
func (j *Journal) Accepted() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, id := range j.answers {
		if id != "" {
			n++
		}
	}
	return n
}

// Len is how many orders were asked for.
func (j *Journal) Len() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.answers)
}

func (j *Journal) ask(key string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, asked := j.answers[key]; !asked {
		j.answers[key] = ""
	}
}

func (j *Journal) note(key, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers[key] = id
}

// AskAgain sends every request once more and returns what was answered otherwise than before.
func (j *Journal) AskAgain(t testing.TB, url string) (wrong []string) {
	t.Helper()
	var all errgroup.Group
	all.SetLimit(8)
	j.mu.Lock()
	before := maps.Clone(j.answers)
	j.mu.Unlock()
	for key := range before {
		all.Go(func() error {
			ctx, cancel := context.WithTimeout(t.Context(), Patience)
			defer cancel()
			for !j.Place(ctx, url, key) {
				select {
				case <-ctx.Done():
					return fmt.Errorf("key %s gets no answer", key)
				case <-time.After(20 * time.Millisecond):
				}
			}
			return nil
		})
	}
	must(t, all.Wait())
	for key, id := range before {
		if id != "" && id != j.Answer(key) {
			wrong = append(wrong, fmt.Sprintf("key %s was answered with %s, now with %s", key, id, j.Answer(key)))
		}
	}
	return wrong
}

// Call sends a request and decodes its answer; an answer that says no is an error.
func Call(ctx context.Context, method, url, key string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(encoded))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	answer, err := httpClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s %s: %s: %s", method, url, answer.Status, said)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(said, into)
}

package chaos

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

// journal is what the client knows: for each key the order it was answered, empty as long as it does not know.
type journal struct {
	mu       sync.Mutex
	customer string
	answers  map[string]string
}

// openShop makes what orders need.
func openShop(t *testing.T, url string) *journal {
	t.Helper()
	for _, sku := range []string{"A", "B"} {
		must(t, call(t.Context(), http.MethodPut, url+"/v1/products/"+sku, "", map[string]any{
			"name": sku, "price": map[string]any{"amount": 100, "currency": "EUR"},
		}, nil))
		receive(t, url, sku, "first")
	}
	var customer struct{ ID string }
	must(t, call(t.Context(), http.MethodPost, url+"/v1/customers", "", map[string]any{"name": "Ada", "email": "ada@example.com"}, &customer))
	return &journal{customer: customer.ID, answers: map[string]string{}}
}

func receive(t *testing.T, url, sku, reference string) {
	t.Helper()
	must(t, call(t.Context(), http.MethodPost, url+"/v1/stock/"+sku+"/receipts", "", map[string]any{"quantity": 1000, "reference": reference}, nil))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load places orders with whoever answers, until stop is called.
func (j *journal) load(t *testing.T, urls ...string) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	run := len(j.answers)
	for n := range 3 {
		workers.Go(func() {
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for i, asked := 0, 0; ctx.Err() == nil; asked++ {
				if j.place(ctx, urls[asked%len(urls)], fmt.Sprintf("%d-%d-%d", run, n, i)) {
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

func (j *journal) place(ctx context.Context, url, key string) (answered bool) {
	j.note(key, "")
	var order struct{ ID string }
	if call(ctx, http.MethodPost, url+"/v1/orders", key, j.request(key), &order) != nil {
		return false
	}
	j.note(key, order.ID)
	return true
}

// request follows from its key, so that it can be sent again.
func (j *journal) request(key string) map[string]any {
	method, lines := "pm_ok", []map[string]any{{"sku": "A", "quantity": 1}}
	switch key[len(key)-1] {
	case '3':
		method = "pm_declined"
	case '7':
		lines = append(lines, map[string]any{"sku": "B", "quantity": 2})
	}
	return map[string]any{"customer_id": j.customer, "payment_method": method, "lines": lines}
}

func (j *journal) note(key, id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.answers[key] = id
}

// askAgain sends every request once more and returns what was answered otherwise than before.
func (j *journal) askAgain(t *testing.T, url string) (wrong []string) {
	t.Helper()
	var all errgroup.Group
	all.SetLimit(8)
	before := maps.Clone(j.answers)
	for key := range before {
		all.Go(func() error {
			if !j.place(t.Context(), url, key) {
				return fmt.Errorf("key %s gets no answer", key)
			}
			return nil
		})
	}
	must(t, all.Wait())
	for key, id := range before {
		if id != "" && id != j.answers[key] {
			wrong = append(wrong, fmt.Sprintf("key %s was answered with %s, now with %s", key, id, j.answers[key]))
		}
	}
	return wrong
}

func call(ctx context.Context, method, url, key string, body, into any) error {
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

package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ordo-platform/ordo/aggregates"
	"github.com/ordo-platform/ordo/eventstore"
)

// How long a query waits for the positions it is asked for.
const (
	defaultWait = 2 * time.Second
	maxWait     = 10 * time.Second
)

func etag(v eventstore.Version) string { return fmt.Sprintf(`"%d"`, v) }

// ifMatch reads the version a command wants its target to have, nil if it does not say.
func ifMatch(values []string) (*eventstore.Version, error) {
	if len(values) == 0 {
		return nil, nil
	}
	quoted, ok := strings.CutPrefix(values[0], `"`)
	digits, closed := strings.CutSuffix(quoted, `"`)
	n, err := parsePosition(digits)
	if len(values) > 1 || !ok || !closed || err != nil {
		return nil, failField(codeInvalidParameter, "If-Match", `must be one ETag as it was given, like "3"`)
	}
	v := eventstore.Version(n)
	return &v, nil
}

// noneMatch says whether If-None-Match names version v: the client has it already. Tags are compared weakly.
func noneMatch(values []string, v eventstore.Version) bool {
	for tag := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == "*" || tag == etag(v) {
			return true
		}
	}
	return false
}

// parsePosition reads a number of digits only: no sign, no space.
func parsePosition(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err
}

// parseAfter reads positions as commands answer them, "orders:17", several separated by commas. The higher one of a
// service counts.
func parseAfter(values []string) (map[string]eventstore.Position, error) {
	positions := map[string]eventstore.Position{}
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		service, digits, _ := strings.Cut(one, ":")
		n, err := parsePosition(digits)
		switch service {
		case ordersService, inventoryService, paymentsService, catalogService, customersService:
		default:
			err = fmt.Errorf("unknown service %q", service)
		}
		if err != nil {
			return nil, failField(codeInvalidParameter, "after", "must be Ordo-Position values as they were given, like orders:17,catalog:3")
		}
		positions[service] = max(positions[service], eventstore.Position(n))
	}
	return positions, nil
}

// preferredWait reads "Prefer: wait=5" (RFC 7240). What it does not understand it ignores, as one may with preferences.
func preferredWait(values []string) (wait time.Duration, given bool) {
	for preference := range strings.SplitSeq(strings.Join(values, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32); err == nil {
			return min(time.Duration(seconds)*time.Second, maxWait), true
		}
	}
	return defaultWait, false
}

// await waits until a read model has come as far as the client asks with ?after=. If it has not in time, or if events of the
// key (of any, for a list) could not be applied, the answer says so: it is stale.
func (r *request) await(model, key string) error {
	asked, ok := r.URL.Query()["after"]
	if !ok {
		return nil
	}
	positions, err := parseAfter(asked)
	if err != nil {
		return err
	}
	wait, given := preferredWait(r.Header.Values("Prefer"))
	if given {
		r.header.Set("Preference-Applied", fmt.Sprintf("wait=%d", wait/time.Second))
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	err = r.api.config.Views.Wait(ctx, model, positions)
	if err == nil {
		var parked bool
		if parked, err = r.api.config.Views.Parked(r.Context(), model, key); parked {
			r.header.Set("Ordo-Stale", "true") // they have come, and could not be applied
		}
		return err
	}
	if ctx.Err() != nil && r.Context().Err() == nil {
		r.header.Set("Ordo-Stale", "true")
		return nil
	}
	return err
}

// setModelPosition tells how far the read model is from which a list was read: with that as ?after=, nobody sees less.
func (r *request) setModelPosition(model string) error {
	position, err := r.api.config.Views.Position(r.Context(), model)
	if err == nil {
		r.header.Set("Ordo-Position", fmt.Sprintf("%s:%d", r.endpoint.service, position))
	}
	return err
}

// pathUUID reads an id in the path in any of its spellings with dashes.
func pathUUID(r *request, name string) (string, error) {
	id, ok := canonicalUUID(r.PathValue(name))
	if !ok {
		return "", failField(codeInvalidID, name, "must be a UUID")
	}
	return id, nil
}

func canonicalUUID(s string) (string, bool) {
	id, err := uuid.Parse(s)
	return id.String(), err == nil && len(s) == len(id.String()) // not the forms with braces or prefix
}

func pathSKU(r *request) (string, error) {
	sku := r.PathValue("sku")
	if !aggregates.ValidSKU(sku) {
		return "", failField(codeInvalidID, "sku", "must be 1 to 64 letters, digits, '.', '_' or '-', and start with a letter or digit")
	}
	return sku, nil
}

// parameter reads a query parameter that may be there once.
func parameter(r *http.Request, name string) (string, error) {
	values := r.URL.Query()[name]
	if len(values) > 1 {
		return "", failField(codeInvalidParameter, name, "is there more than once")
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}

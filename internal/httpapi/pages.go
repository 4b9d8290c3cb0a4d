package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
)

// Sizes of a page.
const (
	defaultPage = 50
	maxPage     = 200
)

const (
	cursorTag       = 16 // bytes of the signature a cursor carries
	maxCursorLength = 1024
)

// page reads the limit and the cursor of a list request into after, a pointer. It returns whether there was a cursor.
// filter holds the other parameters of the list: a cursor is good only together with those it was made for.
func (r *request) page(filter url.Values, after any) (limit int, resumed bool, err error) {
	limit = defaultPage
	given, err := parameter(r.Request, "limit")
	if err != nil {
		return 0, false, err
	}
	if r.URL.Query().Has("limit") {
		limit, err = strconv.Atoi(given)
		if err != nil || limit < 1 || limit > maxPage {
			return 0, false, failField(codeInvalidCursor, "limit", fmt.Sprintf("must be 1 to %d", maxPage))
		}
	}
	cursor, err := parameter(r.Request, "cursor")
	if err != nil || cursor == "" {
		return limit, false, err
	}
	signed, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(cursor) > maxCursorLength || len(signed) < cursorTag ||
		!hmac.Equal(signed[:cursorTag], r.sign(filter, signed[cursorTag:])) {
		return 0, false, failField(codeInvalidCursor, "cursor", "must be a next_cursor of the same list and filter")
	}
	if err := json.Unmarshal(signed[cursorTag:], after); err != nil {
		return 0, false, failField(codeInvalidCursor, "cursor", "is of another version of this API: begin anew")
	}
	return limit, true, nil
}

// nextPage makes the cursor for the page that begins after, and links to it.
func (r *request) nextPage(filter url.Values, limit int, after any) (string, error) {
	place, err := json.Marshal(after)
	if err != nil {
		return "", fmt.Errorf("encode cursor: %w", err)
	}
	cursor := base64.RawURLEncoding.EncodeToString(append(r.sign(filter, place), place...))
	query := url.Values{"limit": {strconv.Itoa(limit)}, "cursor": {cursor}}
	maps.Copy(query, filter)
	r.header.Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, r.endpoint.path, query.Encode()))
	return cursor, nil
}

// sign binds a place to the list and its filter.
func (r *request) sign(filter url.Values, place []byte) []byte {
	mac := hmac.New(sha256.New, r.api.config.CursorKey)
	_, _ = fmt.Fprintf(mac, "%s?%s\n%s", r.endpoint.path, filter.Encode(), place)
	return mac.Sum(nil)[:cursorTag]
}

package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ordo-platform/ordo/aggregates"
)

// Limits of a body.
const (
	maxBodyBytes   = 64 << 10
	maxDepth       = 32
	maxFieldErrors = 20 // listed in one problem
	maxNameShown   = 64 // characters of a member's name that a problem repeats
)

// readBody reads a request's body. The JSON in it has not been looked at. A request without one gives nil unless required.
func readBody(w http.ResponseWriter, r *http.Request, required bool) ([]byte, error) {
	if r.ContentLength == 0 && !required {
		return nil, nil
	}
	if encoding := strings.Join(r.Header.Values("Content-Encoding"), ","); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return nil, fail(codeUnsupportedMediaType, "send the body without Content-Encoding")
	}
	if !isJSON(r.Header.Values("Content-Type")) {
		return nil, fail(codeUnsupportedMediaType, "send the body as Content-Type: application/json")
	}
	tooLarge := &apiError{code: codeBodyTooLarge, detail: fmt.Sprintf("a body has at most %d bytes", maxBodyBytes), hangUp: true}
	if r.ContentLength > maxBodyBytes {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &apiError{code: codeRequestTimeout, detail: "the body took too long to arrive", hangUp: true}
	case err != nil:
		return nil, &apiError{code: codeMalformedRequest, detail: "the body did not arrive in full", hangUp: true}
	}
	return body, nil
}

func isJSON(contentTypes []string) bool {
	if len(contentTypes) != 1 {
		return false
	}
	media, params, err := mime.ParseMediaType(contentTypes[0])
	if err != nil || media != "application/json" {
		return false
	}
	charset, given := params["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}

// checkSyntax refuses what is not exactly one JSON text as RFC 7493 (I-JSON) has it: UTF-8 without byte order mark or lone
// surrogates, no member twice.
func checkSyntax(body []byte) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	complete := false
	for {
		_, err := d.ReadToken()
		var syntax *jsontext.SyntacticError
		switch {
		case errors.Is(err, io.EOF) && complete:
			return nil
		case errors.Is(err, io.EOF):
			return malformed(0, "the body is empty")
		case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
			return failField(codeDuplicateField, fieldPath(syntax.JSONPointer), "the member is there twice")
		case errors.As(err, &syntax):
			return malformed(syntax.ByteOffset, syntax.Err.Error())
		case err != nil:
			return err
		case complete:
			return malformed(d.InputOffset()-1, "there is something after the JSON value")
		case d.StackDepth() > maxDepth:
			return malformed(d.InputOffset(), fmt.Sprintf("arrays and objects are nested more than %d deep", maxDepth))
		}
		complete = d.StackDepth() == 0
	}
}

func malformed(offset int64, why string) error {
	return &apiError{code: codeMalformedJSON, detail: fmt.Sprintf("at byte %d: %s", offset, why), offset: &offset}
}

// decode reads a body that passed checkSyntax as a T, by the schema the documentation shows for T.
func decode[T any](r *request) (T, error) {
	var v T
	if err := checkSchema(r.api.registry, r.endpoint.schema, r.body); err != nil {
		return v, err
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		return v, fmt.Errorf("body passes its schema, but: %w", err)
	}
	return v, nil
}

// checkSchema compares a body with its schema. Members that do not belong there come before values that are wrong.
func checkSchema(registry huma.Registry, schema *huma.Schema, body []byte) error {
	c := checker{registry: registry, body: jsontext.NewDecoder(bytes.NewBuffer(body))}
	if err := c.value(schema, ""); err != nil {
		return err
	}
	found := slices.Concat(c.unknown, c.wrong)
	if len(found) == 0 {
		return nil
	}
	first := found[0]
	return &apiError{code: first.Code, field: first.Field, detail: first.Detail, errors: found[:min(len(found), maxFieldErrors)]}
}

// checker walks through a body, collecting what is wrong with it. Its errors are those of a body that is no JSON.
type checker struct {
	registry       huma.Registry
	body           *jsontext.Decoder
	unknown, wrong []fieldError
}

func (c *checker) value(s *huma.Schema, path string) error {
	if s.Ref != "" {
		s = c.registry.SchemaFromRef(s.Ref)
	}
	kind := c.body.PeekKind()
	switch {
	case s.Type == huma.TypeObject && kind == jsontext.KindBeginObject:
		return c.object(s, path)
	case s.Type == huma.TypeArray && kind == jsontext.KindBeginArray:
		return c.array(s, path)
	case s.Type == huma.TypeString && kind == jsontext.KindString:
		return c.text(s, path)
	case s.Type == huma.TypeInteger && kind == jsontext.KindNumber:
		return c.integer(s, path)
	case s.Type == huma.TypeBoolean && (kind == jsontext.KindTrue || kind == jsontext.KindFalse):
		return c.body.SkipValue()
	}
	c.refuse(codeInvalidType, path, fmt.Sprintf("must be %s, not %s", typeNames[s.Type], kindNames[kind]))
	return c.body.SkipValue()
}

var (
	typeNames = map[string]string{
		huma.TypeObject: "an object", huma.TypeArray: "an array", huma.TypeString: "a string", huma.TypeInteger: "a whole number",
		huma.TypeBoolean: "true or false",
	}
	kindNames = map[jsontext.Kind]string{
		jsontext.KindNull: "null", jsontext.KindTrue: "true", jsontext.KindFalse: "false", jsontext.KindString: "a string",
		jsontext.KindNumber: "a number", jsontext.KindBeginObject: "an object", jsontext.KindBeginArray: "an array",
	}
)

func (c *checker) object(s *huma.Schema, path string) error {
	if _, err := c.body.ReadToken(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for c.body.PeekKind() != jsontext.KindEndObject {
		token, err := c.body.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		seen[name] = true
		if property, ok := s.Properties[name]; ok {
			err = c.value(property, join(path, name))
		} else {
			c.unknown = append(c.unknown, fieldError{Code: codeUnknownField, Field: join(path, shorten(name)), Detail: unknownMember(s, name)})
			err = c.body.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	for _, name := range s.Required {
		if !seen[name] {
			c.refuse(aggregates.CodeRequired, join(path, name), "is missing")
		}
	}
	_, err := c.body.ReadToken()
	return err
}

func unknownMember(s *huma.Schema, name string) string {
	for known := range s.Properties {
		if strings.EqualFold(known, name) {
			return fmt.Sprintf("there is no such member; %q is spelled differently", known)
		}
	}
	return "there is no such member"
}

func (c *checker) array(s *huma.Schema, path string) error {
	if _, err := c.body.ReadToken(); err != nil {
		return err
	}
	n := 0
	for ; c.body.PeekKind() != jsontext.KindEndArray; n++ {
		var err error
		if s.MaxItems != nil && n >= *s.MaxItems {
			err = c.body.SkipValue() // too many in any case
		} else {
			err = c.value(s.Items, fmt.Sprintf("%s[%d]", path, n))
		}
		if err != nil {
			return err
		}
	}
	switch {
	case s.MinItems != nil && n < *s.MinItems:
		c.refuse(aggregates.CodeOutOfRange, path, fmt.Sprintf("must have at least %d, not %d", *s.MinItems, n))
	case s.MaxItems != nil && n > *s.MaxItems:
		c.refuse(aggregates.CodeOutOfRange, path, fmt.Sprintf("must have at most %d, not %d", *s.MaxItems, n))
	}
	_, err := c.body.ReadToken()
	return err
}

func (c *checker) text(s *huma.Schema, path string) error {
	token, err := c.body.ReadToken()
	if err != nil {
		return err
	}
	limit := maxBodyBytes
	if s.MaxLength != nil {
		limit = *s.MaxLength
	}
	if refused, ok := errors.AsType[*aggregates.RefusedError](aggregates.CheckText(path, token.String(), limit)); ok {
		c.refuse(refused.Reason, path, refused.Detail)
	}
	return nil
}

func (c *checker) integer(s *huma.Schema, path string) error {
	token, err := c.body.ReadToken()
	if err != nil {
		return err
	}
	digits := token.String()
	if strings.ContainsAny(digits, ".eE") || digits == "-0" {
		c.refuse(codeInvalidType, path, "must be a whole number, written without fraction, exponent or negative zero")
		return nil
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		c.refuse(aggregates.CodeOutOfRange, path, "must fit 64 bits")
	case s.Minimum != nil && float64(n) < *s.Minimum:
		c.refuse(aggregates.CodeOutOfRange, path, fmt.Sprintf("must be at least %.0f, not %d", *s.Minimum, n))
	case s.Maximum != nil && float64(n) > *s.Maximum:
		c.refuse(aggregates.CodeOutOfRange, path, fmt.Sprintf("must be at most %.0f, not %d", *s.Maximum, n))
	}
	return nil
}

func (c *checker) refuse(code, path, detail string) {
	c.wrong = append(c.wrong, fieldError{Code: code, Field: path, Detail: detail})
}

// fieldPath writes a JSON pointer as problems name fields: /lines/0/sku is lines[0].sku.
func fieldPath(p jsontext.Pointer) string {
	path := ""
	for token := range p.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			path += "[" + token + "]"
		} else {
			path = join(path, shorten(token))
		}
	}
	return path
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func shorten(name string) string {
	return aggregates.CleanText(name, maxNameShown)
}

package httpapi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/ordo-platform/ordo/aggregates"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

// docsTemplate is one page without scripts or anything from elsewhere, so it works offline.
var docsTemplate = template.Must(template.New("docs").Parse(docsHTML))

// problemList is what /problems lists.
type problemList struct {
	Problems []problemKind `json:"problems"`
}

type problemKind struct {
	Type string `json:"type" format:"uri-reference"`
	kind
}

// docsRoute is a line of the documentation page.
type docsRoute struct {
	Method, Path string
	*huma.Operation
}

// Codes are the statuses the route answers with, in order.
func (r docsRoute) Codes() []string {
	codes := make([]string, 0, len(r.Responses))
	for code := range r.Responses {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// addDocumentation makes the routes that describe all others, so it comes last.
func (a *api) addDocumentation() error {
	list := problemList{}
	for _, k := range kinds {
		list.Problems = append(list.Problems, problemKind{problemType(k.Code), k})
	}
	listed, err := indented(list)
	if err != nil {
		return err
	}
	a.handle(a.systemOperation("listProblems", "/problems", "All types of problems", problemList{}, "application/json"), func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, "application/json", listed)
	})
	a.addProblem()
	a.finishSchemas()

	document := a.huma.OpenAPI()
	style := sha256.Sum256([]byte(docsCSS))
	policy := "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-" +
		base64.StdEncoding.EncodeToString(style[:]) + "'"
	for _, p := range []struct {
		path, mediaType string
		render          func() ([]byte, error)
	}{
		{"/openapi.json", "application/openapi+json", func() ([]byte, error) { return indented(document) }},
		{"/openapi.yaml", "application/openapi+yaml", document.YAML},
		{"/docs", "text/html; charset=utf-8", func() ([]byte, error) { return docsPage(document) }},
	} {
		render := sync.OnceValues(p.render) // most processes are never asked
		a.handle(&huma.Operation{Method: http.MethodGet, Path: p.path, Hidden: true}, func(w http.ResponseWriter, r *http.Request) {
			body, err := render()
			if err != nil {
				a.fail(w, r, fmt.Errorf("render: %w", err))
				return
			}
			w.Header().Set("Content-Security-Policy", policy)
			write(w, http.StatusOK, p.mediaType, body)
		})
	}
	return nil
}

// addProblem makes the addresses that problems name as their type.
func (a *api) addProblem() {
	op := a.systemOperation("getProblem", "/problems/{code}", "One type of problem", problemKind{}, "application/json")
	op.Parameters = []*huma.Param{{Name: "code", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
	a.documentProblems(op, []string{aggregates.CodeNotFound})
	a.handle(op, func(w http.ResponseWriter, r *http.Request) {
		k, ok := kindByCode[r.PathValue("code")]
		body, err := indented(problemKind{problemType(k.Code), k})
		if !ok || err != nil {
			a.fail(w, r, errNotFound)
			return
		}
		write(w, http.StatusOK, "application/json", body)
	})
}

func docsPage(document *huma.OpenAPI) ([]byte, error) {
	type group struct {
		Name   string
		Routes []docsRoute
	}
	var groups []group
	for _, tag := range document.Tags {
		g := group{Name: tag.Name}
		for path, item := range document.Paths {
			for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					g.Routes = append(g.Routes, docsRoute{op.Method, path, op})
				}
			}
		}
		slices.SortFunc(g.Routes, func(x, y docsRoute) int {
			return cmp.Or(strings.Compare(x.Path, y.Path), strings.Compare(x.Method, y.Method))
		})
		if len(g.Routes) > 0 {
			groups = append(groups, g)
		}
	}
	var page bytes.Buffer
	err := docsTemplate.Execute(&page, map[string]any{
		"Info": document.Info, "Style": template.CSS(docsCSS), "Groups": groups, "Problems": kinds, //nolint:gosec // our own file
	})
	return page.Bytes(), err
}

// indented is JSON for people and for diffs.
func indented(v any) ([]byte, error) {
	body, err := json.MarshalIndent(v, "", "  ")
	return append(body, '\n'), err
}

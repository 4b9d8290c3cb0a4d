package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/ordo-platform/ordo/aggregates"
)

// API is the handler of the routes that are for everybody.
type API struct{ public, internal http.Handler }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.public.ServeHTTP(w, r) }

// Internal serves health and metrics, for those who run the process.
func (a *API) Internal() http.Handler { return a.internal }

// api is the handler of all routes.
type api struct {
	config   Config
	clock    func() time.Time
	log      *slog.Logger
	mux      *http.ServeMux
	huma     huma.API
	registry huma.Registry
	running  running
	metrics  metrics
}

// New returns the API of the services in c. It starts nothing.
func New(c Config) (*API, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	a := &api{config: c, clock: c.Clock, log: c.Logger, mux: http.NewServeMux()}
	if a.clock == nil {
		a.clock = time.Now
	}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.huma = humago.New(a.mux, huma.Config{OpenAPI: newDocument()}) // no pages, formats or hooks of its own
	a.registry = a.huma.OpenAPI().Components.Schemas

	for _, e := range a.endpoints() {
		a.add(&e)
	}
	a.addSystem()
	if err := a.addDocumentation(); err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	internal := http.NewServeMux()
	internal.HandleFunc("GET /livez", a.livez)
	internal.HandleFunc("GET /readyz", a.readyz)
	internal.HandleFunc("GET /metrics", a.showMetrics)
	return &API{public: a.observe(http.HandlerFunc(a.route)), internal: a.observe(internal)}, nil
}

// endpoints are the routes of the services this process runs.
func (a *api) endpoints() []endpoint {
	var all []endpoint
	if o := a.config.Orders; o != nil {
		all = append(all, a.placeOrder(o), a.orderEvents(o))
		all = append(all, a.orderCommands(o)...)
	}
	if c := a.config.Catalog; c != nil {
		all = append(all, a.productCommands(c)...)
	}
	if c := a.config.Customers; c != nil {
		all = append(all, a.customerCommands(c)...)
	}
	if i := a.config.Inventory; i != nil {
		all = append(all, a.stockCommands(i)...)
	}
	if p := a.config.Payments; p != nil {
		all = append(all, a.getPayment(p))
	}
	if p := a.config.Process; p != nil {
		all = append(all, a.getProcess(p))
	}
	if v := a.config.Views; v != nil {
		all = append(all, a.orderQueries(v)...)
		all = append(all, a.productQueries(v)...)
		all = append(all, a.getCustomer(v), a.getCustomerOrders(v), a.getStock(v), a.listSales(v))
	}
	return all
}

// add makes an endpoint's route and its part of the documentation.
func (a *api) add(e *endpoint) {
	if e.body != nil {
		e.schema = a.registry.Schema(reflect.TypeOf(e.body), false, "")
	} else {
		e.schema = &huma.Schema{Type: huma.TypeObject}
	}
	a.handle(a.operation(e), func(w http.ResponseWriter, r *http.Request) { a.serve(e, w, r) })
}

// handle registers a route through huma's adapter, which knows the patterns of the mux.
func (a *api) handle(op *huma.Operation, h http.HandlerFunc) {
	if !op.Hidden {
		a.huma.OpenAPI().AddOperation(op)
	}
	a.huma.Adapter().Handle(op, func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		h(w, r)
	})
}

// route finds the handler, and answers for the mux where it would redirect or speak plain text.
func (a *api) route(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/") || path.Clean(r.URL.Path) != r.URL.Path {
		a.fail(w, r, errNotFound)
		return
	}
	refuse, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	probe := probe{header: http.Header{}}
	refuse.ServeHTTP(&probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		a.fail(w, r, &apiError{code: codeMethodNotAllowed, detail: r.Method + " is not possible here", allow: allow})
		return
	}
	a.fail(w, r, fail(aggregates.CodeNotFound, "there is no such address"))
}

// probe catches what the mux would say.
type probe struct{ header http.Header }

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }
func (p *probe) WriteHeader(int)             {}

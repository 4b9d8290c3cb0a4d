package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/app"
	"github.com/ordo-platform/ordo/internal/client"
	"github.com/ordo-platform/ordo/internal/generations"
	"github.com/ordo-platform/ordo/internal/httpapi"
	"github.com/ordo-platform/ordo/internal/readmodels"
	"github.com/ordo-platform/ordo/projections/customerorders"
	"github.com/ordo-platform/ordo/projections/customerview"
	"github.com/ordo-platform/ordo/projections/orderview"
	"github.com/ordo-platform/ordo/projections/productview"
	"github.com/ordo-platform/ordo/projections/salesdaily"
	"github.com/ordo-platform/ordo/projections/stocklevels"
)

// findGeneration is a generation of a read model by its number; 0 is the live one.
func findGeneration(ctx context.Context, pool *pgxpool.Pool, kept readmodels.Kept, number int) (generations.Generation, error) {
	catalogue := generations.New(pool)
	var g generations.Generation
	var err error
	if number == 0 {
		g, err = catalogue.Live(ctx, kept.Name)
	} else {
		g, err = catalogue.Get(ctx, kept.Name, number)
	}
	var missing *generations.NotFoundError
	if errors.As(err, &missing) || err == nil && g.Dropped {
		return g, &commandError{
			err: fmt.Errorf("read model %s has no generation %d", kept.Name, number), exit: exitNotFound, code: "not_found",
			advice: "See: ordo projections status " + kept.Name,
		}
	}
	return g, err
}

// addGenerationFlag is for queries of orders.
func addGenerationFlag(cmd *cobra.Command, number *int) {
	cmd.Flags().IntVar(number, "generation", 0, "ask the generation of orderview with this `number`, of a view of the past for instance, instead of the live one")
}

// orderQueries is where to ask for orders: the API, or a generation in the database.
func orderQueries(cmd *cobra.Command, generation int) (api *client.Client, end func(), err error) {
	if !cmd.Flag("generation").Changed {
		if api, err = newClient(cmd); err != nil {
			return nil, nil, err
		}
		return api, api.Close, nil
	}
	if generation < 1 {
		return nil, nil, usagef(cmd, "--generation %d: want 1 or more", generation)
	}
	pool, err := openOwned(cmd.Context(), app.Views, 2)
	if err != nil {
		return nil, nil, err
	}
	if api, err = generationClient(cmd, pool, generation); err != nil {
		pool.Close()
		return nil, nil, err
	}
	return api, pool.Close, nil
}

// generationClient asks the API's own code, in this process, with orders of a generation that need not be live.
func generationClient(cmd *cobra.Command, pool *pgxpool.Pool, number int) (*client.Client, error) {
	kept, err := findModel(cmd, orderview.Model.Name, app.Views)
	if err != nil {
		return nil, err
	}
	g, err := findGeneration(cmd.Context(), pool, kept, number)
	if err != nil {
		return nil, err
	}
	handler, err := httpapi.New(httpapi.Config{
		CursorKey: make([]byte, httpapi.MinCursorKeyLength), // who has the database may make up cursors, too
		Views: &httpapi.Views{
			Orders:    orderview.NewQueries(pool).In(g.Schema()),
			Stock:     stocklevels.NewQueries(pool),
			Products:  productview.NewCache(productview.NewQueries(pool), 0),
			Customers: customerview.NewQueries(pool),

			CustomerOrders: customerorders.NewQueries(pool),
			Sales:          salesdaily.NewQueries(pool),

			Wait:     func(context.Context, string, map[string]eventstore.Position) error { return nil },
			Position: func(context.Context, string) (eventstore.Position, error) { return g.BuiltTo, nil },
			Parked:   func(context.Context, string, string) (bool, error) { return false, nil },
		},
	})
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: "http://" + g.Schema(), Transport: handlerTransport{handler}})
}

// handlerTransport hands requests to a handler in this process.
type handlerTransport struct{ handler http.Handler }

func (t handlerTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &answerWriter{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(w, r)
	return &http.Response{StatusCode: w.status, Header: w.header, Body: io.NopCloser(&w.body), Request: r}, nil
}

type answerWriter struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answerWriter) Header() http.Header         { return w.header }
func (w *answerWriter) WriteHeader(status int)      { w.status = status }
func (w *answerWriter) Write(b []byte) (int, error) { return w.body.Write(b) }

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/ordo-platform/ordo/eventstore"
	"github.com/ordo-platform/ordo/internal/devfile"
	"github.com/ordo-platform/ordo/internal/kafka"
)

// brokersVariable names the variable with the brokers, where no ordo dev runs.
const brokersVariable = "ORDO_KAFKA_BROKERS"

// publishedHeads returns the head in the newest checkpoint of each service's relay. A service without one is left out.
func publishedHeads(ctx context.Context) (map[string][]eventstore.Link, error) {
	brokers, err := findBrokers(os.Getenv)
	if err != nil {
		return nil, err
	}
	client, err := kafka.Config{Brokers: brokers}.NewClient()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	heads := map[string][]eventstore.Link{}
	for _, service := range logServices() {
		checkpoint, found, err := kafka.LastCheckpoint(ctx, client, service)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition):
		case err != nil:
			return nil, &commandError{
				err: fmt.Errorf("read the checkpoint of %s at %s: %w", service, strings.Join(brokers, ","), err), exit: exitUnreachable, code: "unreachable",
				advice: "Start it with \"ordo dev\", or check " + brokersVariable,
			}
		case found && checkpoint.Chain.Position > 0:
			heads[service] = append(heads[service], checkpoint.Chain)
		}
	}
	return heads, nil
}

// findBrokers looks for the brokers as findDatabases looks for databases.
func findBrokers(getenv func(string) string) ([]string, error) {
	if brokers := getenv(brokersVariable); brokers != "" {
		return strings.Split(brokers, ","), nil
	}
	if dir, err := devfile.DefaultDir(getenv); err == nil { // else there is no data folder that ordo dev could be running on
		running, err := devfile.Read(dir)
		if err == nil {
			return running.Kafka, nil
		}
		if !errors.Is(err, devfile.ErrNotRunning) {
			return nil, err
		}
	}
	return nil, &commandError{
		err: errors.New("the brokers are not known"), exit: exitUnreachable, code: "unreachable",
		advice: "Start it with \"ordo dev\", or set " + brokersVariable,
	}
}

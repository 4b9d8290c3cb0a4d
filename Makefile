# Every target is what CI runs (.ci/run), so a green checkout here is a green one there.
.DEFAULT_GOAL := help
.PHONY: help lint test test/race test/integration chaos-delivery bench generate verify

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z\/-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lint: ## Vet, lint and check the formatting
	go vet ./...
	.ci/golangci-lint run

test: ## Run all tests; those with containers where a Docker engine answers
	go test ./...

test/race: ## Run all tests but those with containers under the race detector
	ORDO_SKIP_CONTAINERS=1 go test -race ./...

test/integration: ## Run the tests with containers; no engine is a failure
	ORDO_REQUIRE_CONTAINERS=1 go test -count=1 -v ./integration/...

chaos-delivery: ## Break a running platform on purpose, for about ten minutes (ORDO_CHAOS_SEED repeats a run)
	go test -count=1 -tags failpoint ./internal/failpoint
	ORDO_CHAOS=full go test -count=1 -timeout 15m -v ./integration/chaos

bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

generate: ## Rewrite what is generated
	go generate ./...

verify: ## Check that go.mod is tidy and that what is generated is up to date
	.ci/verify

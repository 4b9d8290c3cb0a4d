# Every target is what CI runs (.ci/run), so a green checkout here is a green one there.
.DEFAULT_GOAL := help
.PHONY: help lint test test/race test/integration test/faults test/compose chaos-delivery kubernetes kubernetes/validate bench generate verify

help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z\/-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lint: ## Vet, lint and check the formatting
	go vet ./...
	.ci/golangci-lint run

test: ## Run all tests; those with containers where a Docker engine answers
	go test ./...

test/race: ## Run all tests but those with containers under the race detector
	ORDO_SKIP_CONTAINERS=1 go test -race ./...

test/integration: ## Run the tests with containers; no engine is a failure
	ORDO_REQUIRE_CONTAINERS=1 go test -count=1 -v ./integration/...

test/faults: ## Break real servers under load: all cases, one after the other, held to their times
	ORDO_FAULTS=full ORDO_REQUIRE_CONTAINERS=1 go test -count=1 -parallel 1 -timeout 30m -v ./integration

test/compose: ## Start docker-compose.yml, kill each container under load, verify the outcome
	ORDO_COMPOSE=1 go test -count=1 -timeout 20m -v -run TestCompose ./integration

chaos-delivery: ## Break a running platform on purpose, for about ten minutes (ORDO_CHAOS_SEED repeats a run)
	go test -count=1 -tags failpoint ./internal/failpoint
	ORDO_CHAOS=full go test -count=1 -timeout 15m -v ./integration/chaos

kubernetes: ## Render deploy/kubernetes
	@go run sigs.k8s.io/kustomize/kustomize/v5@v5.7.1 build deploy/kubernetes/base

kubernetes/validate: ## Validate what is rendered against the API of Kubernetes 1.30
	$(MAKE) -s kubernetes > $${TMPDIR:-/tmp}/ordo-kubernetes.yaml
	go run sigs.k8s.io/kubectl-validate@v0.0.4 --version 1.30 $${TMPDIR:-/tmp}/ordo-kubernetes.yaml

bench: ## Run the benchmarks
	go test -run '^$$' -bench . -benchmem ./...

generate: ## Rewrite what is generated
	go generate ./...

verify: ## Check that go.mod is tidy and that what is generated is up to date
	.ci/verify

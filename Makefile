# Everything that is done with this repository, one target each: see `make help`.
# Needs Go and make; what else is needed is installed by name, from Debian's
# packages or the Go proxy.

.DEFAULT_GOAL := help
.PHONY: help sandbox tour build test faults lint bench mutants full

PORT ?= 8080
ARGS ?=
FUZZTIME ?= 60s
ONLY ?=
PROGRAMS ?= ./cmd/membership ./cmd/sandbox

# Static, and without version control's stamp: the same source, the same binary.
BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w' -o bin/
LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

help: ## Explain every target
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

sandbox: build ## Try it all on this machine: service, newspaper, simulated Stripe (PORT=8080, ARGS=--reset)
	CGO_ENABLED=0 scripts/postgres.sh
	bin/sandbox --port $(PORT) $(ARGS)

tour: build ## Walk the whole journey by itself and say what was seen
	CGO_ENABLED=0 scripts/postgres.sh
	bin/sandbox --tour

build: ## Build the static binaries into bin/ (PROGRAMS=./cmd/membership)
	$(BUILD) $(PROGRAMS)

# The race detector needs cgo; without Chromium the browser tests are SKIPPED, without
# Node and Python those of docs/verify.md.
test: ## Run every test against a real Postgres, with the race detector
	CGO_ENABLED=1 scripts/postgres.sh
	scripts/chromium.sh || [ $$? = 3 ]
	CGO_ENABLED=1 go test -race -shuffle=on -timeout 15m ./...
	@scripts/chromium.sh >/dev/null || [ $$? = 3 ]
	@for language in node python; do scripts/languages.sh $$language >/dev/null || [ $$? = 3 ]; done

faults: ## Break the service in every way it must survive (ROW=name, SEED=7, FULL=1 for the long form)
	CGO_ENABLED=0 scripts/postgres.sh
	$(BUILD) ./cmd/sandbox
	bin/sandbox faults $(if $(ROW),--row $(ROW)) $(if $(SEED),--seed $(SEED)) $(if $(FULL),--full)

lint: ## Check style, formatting and scripts
	$(LINT) run
	go -C cmd/bench/echojwt vet ./...
	for script in .ci/run scripts/*.sh; do $$(head -n 1 $$script | cut -c 3-) -n $$script || exit 1; done
	sh -n internal/pglocal/watch.sh

bench: ## Measure what was promised: figure, target, verdict
	CGO_ENABLED=0 scripts/postgres.sh
	$(BUILD) ./cmd/membership
	go run ./cmd/bench

mutants: ## Break a copy of the code in one way after the other, and show which test notices (ONLY=name)
	CGO_ENABLED=0 scripts/postgres.sh
	scripts/mutants.sh $(ONLY)

full: ## The long runs: every test three times, properties 20 times as often, each fuzz target for FUZZTIME=60s, every fault at length
	CGO_ENABLED=1 scripts/postgres.sh
	scripts/full.sh $(FUZZTIME)
	$(MAKE) faults FULL=1

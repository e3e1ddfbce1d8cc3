# Everything that builds, checks and measures. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Two packages at a time: the tests start cameras, servers and browsers of their own.
GOTEST = go test -p 2 -timeout 10m $(TESTFLAGS)
TESTFLAGS :=
# Where goroutines meet. The others have none to speak of, or are measured rather than raced.
RACE := ./internal/... ./recorder/... ./storage/... ./web/...
FUZZTIME := 5s
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# timetzdata: the time zones are in the binary, since an empty image has none.
BUILD := CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '-s -w -X main.version=$(VERSION)'

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 12

.PHONY: test
test: ## install what the tests need where it is missing, then vet and run them all
	.ci/packages ffmpeg chromium node strace ip
	go vet ./...
	$(GOTEST) ./...
	node --test $$(find web/jstest -name '*.test.js' -o -name '*.test.mjs' | sort | grep . || echo web/jstest-has-no-tests)

.PHONY: race
race: ## the tests of the concurrent packages under the race detector (needs gcc)
	.ci/packages gcc ffmpeg chromium
	KEEPWATCH_ROUNDS=0.02 CGO_ENABLED=1 $(GOTEST) -race $(RACE)

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each
	.ci/fuzz $(FUZZTIME)

.PHONY: lint
lint: ## formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

.PHONY: generate
generate: ## pages from their templates
	go tool templ generate

.PHONY: build
build: ## the binary for this machine, ./nvr
	$(BUILD) -o nvr ./cmd/nvr

.PHONY: cross
cross: ## static binaries for the machines it runs on, in dist/
	mkdir -p dist
	GOOS=linux GOARCH=amd64 $(BUILD) -o dist/nvr-linux-amd64 ./cmd/nvr
	GOOS=linux GOARCH=arm64 $(BUILD) -o dist/nvr-linux-arm64 ./cmd/nvr
	GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o dist/nvr-linux-armv7 ./cmd/nvr

.PHONY: bench
bench: ## measure beside peers, print the table
	.ci/packages ffmpeg
	go run ./bench
	go run ./bench -store

.PHONY: storm
storm: ## the storm for long: 200 cameras, 120 viewers, until 1,000,000 objects were looked at
	.ci/packages ffmpeg
	KEEPWATCH_ROUNDS=50 KEEPWATCH_STORM_CAMERAS=200 KEEPWATCH_STORM_VIEWERS=120 \
	go test -timeout 60m -v -count 1 -run '^TestAStormShowsNobodyAByteOfAForeignCamera$$' ./cmd/nvr

.PHONY: ci
ci: ## every gate, as .ci/run
	.ci/run

.PHONY: clean
clean: ## remove what was built
	rm -rf nvr dist

# Everything that builds, checks and measures. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Two packages at a time, since tests start their own cameras, servers and browsers.
GOTEST = go test -p 2 -timeout 20m $(TESTFLAGS)
TESTFLAGS :=
# Packages with concurrency. Others have none or are benchmarks. The tests that record simulated cameras also cover those.
RACE := ./internal/access ./internal/accounts/... ./internal/audit/... ./internal/authority ./internal/camera ./internal/live ./internal/onvif/... ./internal/outbound ./internal/probe \
	./internal/sqlite/... ./recorder/... ./storage/... ./web/...
# A count instead of seconds: a busy machine takes longer but does not fail.
FUZZTIME := 2000x
# timetzdata embeds the time zones, which an empty image lacks.
BUILD := CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '-s -w'

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 12

.PHONY: test
test: ## install missing programs, then vet and run all tests
	.ci/packages ffmpeg chromium node strace ip
	go vet ./...
	$(GOTEST) ./...
	node --test $$(find web/jstest -name '*.test.js' -o -name '*.test.mjs' | sort | grep . || echo web/jstest-has-no-tests)

# A pattern for go test that matches exactly the tests of a list. internal/archtest checks that the tests in the lists below exist.
empty :=
anyof = ^($(subst $(empty) $(empty),|,$(strip $(1))))$$

# These repeat something very often in one goroutine (each disk operation, bit, route or page, or against a model), or run in the browser.
# There is nothing to race, and the detector makes them ten times as slow.
UNRACED := \
	TestEveryFaultAtEveryPointIsSurvived \
	TestEveryFaultWhileKeepingAndDeletingIsSurvived \
	TestAPowerCutAtAnyOperationLosesLittle \
	TestARepairMayBeInterruptedAnywhere \
	TestAFileCutAnywhereLosesOnlyWhatIsCut \
	TestEveryFlippedBitIsFoundAndNeverServed \
	TestTheTimelineIsWhatTheModelSays \
	TestIndexStaysSmall \
	TestNoBentBitIsServed \
	TestRightsAgreeWithTheModel \
	TestWhoSeesACameraIsWhomAuthorizeLets \
	TestNoSecretIsInTheDatabase \
	TestTheAuthorizationMatrix \
	TestWhatIsNotYoursIsNotThere \
	TestNoAttackOfTheCorpusSucceeds \
	TestEveryPageFits \
	TestWhatDoesNotFitIsFound \
	TestTheDesignPageShowsWhatTheStylesheetHas \
	TestTheDesignPageFits \
	TestWithoutScriptsAClipPlaysAndSaves \
	TestWithoutScriptsARecorderIsSetUpSearchedAndLeft \
	TestNothingThatIsStoredOrSentRunsOnAnyPage \
	TestPagesHoldNothingInlineAndLoadNothingFromElsewhere \
	TestAPageElsewhereGetsNothingOutOfTheBrowserOfAnOwner

# The translated C code of SQLite is not instrumented, which would take half of the time. It locks with sync.Mutex, which is instrumented.
UNWATCHED := modernc.org/sqlite/lib=-race=false

.PHONY: race
race: ## the tests of the concurrent packages under the race detector (needs gcc)
	.ci/packages gcc ffmpeg chromium
	KEEPWATCH_ROUNDS=0.02 KEEPWATCH_PLANTED=0 CGO_ENABLED=1 $(GOTEST) -race -gcflags=$(UNWATCHED) -skip '$(call anyof,$(UNRACED))' $(RACE)

# The trials of docs/trials.md. `make test` runs the short form. ROUNDS is a multiple of it.
TRIALS := \
	TestKillsAtAnyMomentLoseAtMostTwoSeconds \
	TestFaultsOfTheRealDiskAreToldAndSurvived \
	TestEveryFaultAtEveryPointIsSurvived \
	TestAPowerCutAtAnyOperationLosesLittle \
	TestASmallDiskFilledByUsAndByOthersIsSurvived \
	TestNoIndexCostsASegment \
	TestNoBentBitIsServed \
	TestRandomHistoriesLeaveWhatTheModelSays
ROUNDS := 10

.PHONY: torture
torture: ## the storage trials in their long form, with new seeds: make torture ROUNDS=34 kills 1,000 times
	.ci/packages ffmpeg strace
	@figures=$$(mktemp); status=0; \
	KEEPWATCH_ROUNDS=$(ROUNDS) KEEPWATCH_SEED=$${KEEPWATCH_SEED:-random} KEEPWATCH_FIGURES=$$figures \
		go test -p 1 -count=1 -timeout 0 -run '$(call anyof,$(TRIALS))' ./storage ./cmd/nvr || status=$$?; \
	printf '\n| Promise | Trial | Figure | |\n| --- | --- | --- | --- |\n'; cat $$figures; rm -f $$figures; exit $$status

.PHONY: trials
trials: ## the trials that a change must pass in addition to make test: 8,000 histories and three planted bugs
	KEEPWATCH_SEED=20261128 KEEPWATCH_ROUNDS=4 go test -count=1 -timeout 20m -run '^TestRandomHistoriesLeaveWhatTheModelSays$$' ./storage
	KEEPWATCH_PLANTED=3 go test -count=1 -timeout 20m -run '^TestPlantedBugsTurnTrialsRed$$' ./internal/planted

.PHONY: planted
planted: ## plant every bug of internal/planted, and check that its test fails
	.ci/packages ffmpeg strace
	KEEPWATCH_PLANTED=$${KEEPWATCH_PLANTED:-all} go test -count=1 -timeout 0 -v -run '^TestPlantedBugsTurnTrialsRed$$' ./internal/planted

.PHONY: fuzz
fuzz: ## every fuzz target, with FUZZTIME inputs each
	.ci/fuzz $(FUZZTIME)

.PHONY: lint
lint: ## formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# Packages from the npm registry for two checks, at the versions and digests of web/package-lock.json. Neither the program nor `make test` needs them.
NPM := web/node_modules/.package-lock.json
$(NPM): web/package.json web/package-lock.json
	.ci/packages node npm
	cd web && npm ci --no-progress
	touch $@

.PHONY: scripts
scripts: $(NPM) ## type checks of the browser code and its tests (tsc; needs the npm registry)
	cd web && npm run --silent check

.PHONY: axe
axe: $(NPM) ## WCAG checks of every page, light and dark, wide and narrow (axe-core; needs the npm registry)
	.ci/packages chromium
	go vet -tags axe,timetzdata ./web
	go test -tags axe,timetzdata -timeout 15m $(TESTFLAGS) -run '$(call anyof,TestAxeFindsNothingOnAnyPage TestAxeFindsWhatIsPlanted)' ./web

.PHONY: generate
generate: ## generate the pages' Go code from the templates
	go tool templ generate -include-version=false

.PHONY: build
build: ## the binary for this machine, ./nvr
	$(BUILD) -o nvr ./cmd/nvr

.PHONY: cross
cross: ## static binaries for all supported platforms, in dist/
	mkdir -p dist
	GOOS=linux GOARCH=amd64 $(BUILD) -o dist/nvr-linux-amd64 ./cmd/nvr
	GOOS=linux GOARCH=arm64 $(BUILD) -o dist/nvr-linux-arm64 ./cmd/nvr
	GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o dist/nvr-linux-armv7 ./cmd/nvr

.PHONY: bench
bench: ## benchmarks against comparable programs
	.ci/packages ffmpeg chromium
	go run ./bench
	go run ./bench -store
	go run ./bench -browser

.PHONY: storm
storm: ## the storm in its long form: 200 cameras, 120 viewers, 1,000,000 objects
	.ci/packages ffmpeg
	KEEPWATCH_SEED=$${KEEPWATCH_SEED:-random} KEEPWATCH_ROUNDS=50 KEEPWATCH_STORM_CAMERAS=200 KEEPWATCH_STORM_VIEWERS=120 \
	go test -timeout 60m -v -count 1 -run '^TestAStormShowsNobodyAByteOfAForeignCamera$$' ./cmd/nvr

.PHONY: ci
ci: ## every gate, with .ci/run
	.ci/run

.PHONY: clean
clean: ## remove build results
	rm -rf nvr dist

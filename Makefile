# Everything that builds, checks and measures. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# Two packages at a time: the tests start cameras, servers and browsers of their own.
GOTEST = go test -p 2 -timeout 20m $(TESTFLAGS)
TESTFLAGS :=
# Where goroutines meet. The others have none, or are measured rather than raced; simulated cameras are raced by those who record them.
RACE := ./internal/access ./internal/accounts/... ./internal/audit/... ./internal/authority ./internal/camera ./internal/live ./internal/outbound \
	./internal/sqlite/... ./recorder/... ./storage/... ./web/...
# Counts, not seconds: a busy machine then takes longer, and does not fail.
FUZZTIME := 2000x
# timetzdata: the time zones are in the binary, since an empty image has none.
BUILD := CGO_ENABLED=0 go build -trimpath -tags timetzdata -ldflags '-s -w'

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 12

.PHONY: test
test: ## install what the tests need where it is missing, then vet and run them all
	.ci/packages ffmpeg chromium node strace ip
	go vet ./...
	$(GOTEST) ./...
	node --test $$(find web/jstest -name '*.test.js' -o -name '*.test.mjs' | sort | grep . || echo web/jstest-has-no-tests)

# A pattern for go test that matches exactly the tests of a list. internal/archtest holds the lists below to tests that exist.
empty :=
anyof = ^($(subst $(empty) $(empty),|,$(strip $(1))))$$

# One goroutine does these very often, for each operation of a disk, each bit, each route, each page, or against a model, or they happen in the
# browser: there is nothing to race, and the detector makes them ten times as slow.
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

# SQLite itself, C that was translated, is not watched: it locks by sync.Mutex, which is, and takes half of the time otherwise.
UNWATCHED := modernc.org/sqlite/lib=-race=false

.PHONY: race
race: ## the tests of the concurrent packages under the race detector (needs gcc)
	.ci/packages gcc ffmpeg chromium
	KEEPWATCH_ROUNDS=0.02 KEEPWATCH_PLANTED=0 CGO_ENABLED=1 $(GOTEST) -race -gcflags=$(UNWATCHED) -skip '$(call anyof,$(UNRACED))' $(RACE)

# The trials of docs/trials.md. `make test` runs each as often as the page says; ROUNDS is how many times as often.
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
torture: ## the trials of durability for long, with new seeds: make torture ROUNDS=34 kills 1,000 times
	.ci/packages ffmpeg strace
	@figures=$$(mktemp); status=0; \
	KEEPWATCH_ROUNDS=$(ROUNDS) KEEPWATCH_SEED=$${KEEPWATCH_SEED:-random} KEEPWATCH_FIGURES=$$figures \
		go test -p 1 -count=1 -timeout 0 -run '$(call anyof,$(TRIALS))' ./storage ./cmd/nvr || status=$$?; \
	printf '\n| Promise | Trial | Figure | |\n| --- | --- | --- | --- |\n'; cat $$figures; rm -f $$figures; exit $$status

.PHONY: trials
trials: ## what of the trials a change must pass beyond make test: 8,000 more histories, and three planted bugs
	KEEPWATCH_SEED=20261128 KEEPWATCH_ROUNDS=4 go test -count=1 -timeout 20m -run '^TestRandomHistoriesLeaveWhatTheModelSays$$' ./storage
	KEEPWATCH_PLANTED=3 go test -count=1 -timeout 20m -run '^TestPlantedBugsTurnTrialsRed$$' ./internal/planted

.PHONY: planted
planted: ## plant every bug of internal/planted, and see the test that should catch it go red
	.ci/packages ffmpeg strace
	KEEPWATCH_PLANTED=$${KEEPWATCH_PLANTED:-all} go test -count=1 -timeout 0 -v -run '^TestPlantedBugsTurnTrialsRed$$' ./internal/planted

.PHONY: fuzz
fuzz: ## every fuzz target, as many inputs each as FUZZTIME says
	.ci/fuzz $(FUZZTIME)

.PHONY: lint
lint: ## formatting, vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# What only checks need from the npm registry, at the versions and digests of web/package-lock.json. Neither the program nor `make test` does.
NPM := web/node_modules/.package-lock.json
$(NPM): web/package.json web/package-lock.json
	.ci/packages node npm
	cd web && npm ci --no-progress
	touch $@

.PHONY: scripts
scripts: $(NPM) ## the types of the browser's scripts and of their tests (tsc; needs the npm registry)
	cd web && npm run --silent check

.PHONY: axe
axe: $(NPM) ## every page, light and dark, wide and narrow, held to WCAG by axe-core (needs the npm registry)
	.ci/packages chromium
	go vet -tags axe,timetzdata ./web
	go test -tags axe,timetzdata -timeout 15m $(TESTFLAGS) -run '$(call anyof,TestAxeFindsNothingOnAnyPage TestAxeFindsWhatIsPlanted)' ./web

.PHONY: generate
generate: ## pages from their templates
	go tool templ generate -include-version=false

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
	.ci/packages ffmpeg chromium
	go run ./bench
	go run ./bench -store
	go run ./bench -browser

.PHONY: storm
storm: ## the storm for long: 200 cameras, 120 viewers, until 1,000,000 objects were looked at
	.ci/packages ffmpeg
	KEEPWATCH_SEED=$${KEEPWATCH_SEED:-random} KEEPWATCH_ROUNDS=50 KEEPWATCH_STORM_CAMERAS=200 KEEPWATCH_STORM_VIEWERS=120 \
	go test -timeout 60m -v -count 1 -run '^TestAStormShowsNobodyAByteOfAForeignCamera$$' ./cmd/nvr

.PHONY: ci
ci: ## every gate, as .ci/run
	.ci/run

.PHONY: clean
clean: ## remove what was built
	rm -rf nvr dist

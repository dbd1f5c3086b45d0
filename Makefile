# make help lists the targets.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

GO ?= go
LINT := $(GO) tool -modfile=tools/go.mod golangci-lint
# A shell script that starts the same pair by hand, for make bench to compare with.
YARDSTICK ?= ../shared/yardstick/hand-pair.sh
# Releases of an upgrade: a release, a tarball's path or an image.
FROM ?= 9.7.2
TO ?= 9.7.4
# Flags of the run, for example: make run ARGS='--release 9.7.2 --duration 10s'
ARGS ?=

# -count=1 throughout: go test does not know that an image or a tarball has
# changed, and would print the pass of an earlier one as (cached).
TEST := $(GO) test -count=1
UNIT = $$($(GO) list ./... | grep -v /scenarios)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## make bin/ndbproof
	$(GO) build -o bin/ndbproof ./harness/cmd/ndbproof

.PHONY: run
run: build ## prove the procedure on a new pair of clusters; accepts the workaround of F1 (ARGS='--release 9.7.2 ...'). Without any release it builds NDB, for an hour (ARGS=--no-build: never)
	bin/ndbproof run --accept F1 $(ARGS)

.PHONY: sabotage
sabotage: build ## break what each claim is about, and see it fall; accepts the workaround of F1 (25 minutes at most)
	bin/ndbproof run --accept F1 --duration 5s --sabotage $(ARGS)

.PHONY: upgrade
upgrade: build ## take a pair from a release to another one, under load, and judge it: FROM=9.7.2 TO=9.7.4; accepts the workaround of F1 (25 minutes at most)
	bin/ndbproof run --accept F1 --from '$(FROM)' --to '$(TO)' $(ARGS)

.PHONY: test
test: unit image ## unit tests, images, then the core suite on real clusters (20 minutes at most)
	$(TEST) -timeout 20m ./scenarios

.PHONY: unit
unit: ## unit tests: no Docker, under 30 seconds
	$(TEST) $(UNIT)

.PHONY: test-images
test-images: ## tests of images on a real engine; they need a tarball (15 minutes at most)
	$(TEST) -timeout 15m -tags engine -v -run Engine ./images

.PHONY: image
image: build ## build the images of all releases that tarballs are found for, and the probe's; without any release also NDB itself (ARGS=--no-build: never)
	bin/ndbproof image $(ARGS)

.PHONY: bench
bench: build ## time the start of a pair against YARDSTICK, three times in turns, and parity against CHECKSUM TABLE and mysqldump; accepts the workaround of F1
	.ci/bench '$(YARDSTICK)' $(ARGS)
	$(TEST) -timeout 45m -v -run '^TestParitySpeed$$' ./scenarios -args -suite=nightly | grep -E 'parity|peak memory|^(---|FAIL|ok)'

.PHONY: lint
lint: ## golangci-lint, with the import rules
	$(LINT) run

.PHONY: fmt
fmt: ## check the format (gofumpt, gci) and show what differs
	$(LINT) fmt --diff

.PHONY: fmt-fix
fmt-fix: ## write the format
	$(LINT) fmt

.PHONY: golden
golden: ## rewrite the golden files; read the diff as code
	$(TEST) $$(grep -rl --include='*_test.go' 'ndbproof/harness/golden"' . | xargs -n 1 dirname | sort -u) -update

.PHONY: doctor
doctor: build ## say what a run needs and does not find, and how to get it
	bin/ndbproof doctor

.PHONY: down
down: build ## remove what dead runs left behind (ARGS=--kept: also pairs that were kept)
	bin/ndbproof down $(ARGS)

.PHONY: compose
compose: build ## write a pair for docker compose, with all that it mounts, to build/compose (OUT=DIR)
	bin/ndbproof compose --out '$(or $(OUT),build/compose)' $(ARGS)

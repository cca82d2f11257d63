# `make help` lists the targets.

PLUGIN := vault-plugin-auth-radius

# The Go module, which scripts/rename-module.sh gives another path.
MODULE := $(shell awk '$$1 == "module" {print $$2}' go.mod)

# A semantic version, or Vault refuses to register the plugin: never a bare
# commit hash.
VERSION ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || echo v0.1.0-dev)

# The linters are pinned in tools/go.mod; Go builds them once and keeps them in
# its build cache.
TOOL := go tool -modfile=$(CURDIR)/tools/go.mod

# e2e/vault is formatted, but no more: a vet or a lint of it would compile all
# of Vault again.
MODULES := . e2e release tools unlinked/cloudsqlconn unlinked/plugincontainer

SHELL_SCRIPTS = .ci/run $(shell find . -name '*.sh' -not -path './.*')

# A go.work of a folder above would take the nested modules away.
export GOWORK := off

# How often test-long runs the tests on a busy machine.
RUNS ?= 10

.DEFAULT_GOAL := help
.PHONY: help build dev test test-long lint platforms fips race protocol e2e soak bench bench-client bench-numbers fuzz vuln fmt needs release push publish release-test clean clean-cache

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build the plugin, bin/vault-plugin-auth-radius, and bin/radius-login for its users.
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w -X $(MODULE).version=$(VERSION)" -o bin/$(PLUGIN) ./cmd/$(PLUGIN)
	CGO_ENABLED=0 go build -buildvcs=false -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/radius-login ./cmd/radius-login

dev: ## Run a Vault with the plugin, a RADIUS server and a first login; ONESHOT=1 ends after the login, VAULT_BIN=... or BAO_BIN=... names another server.
	@scripts/dev.sh

test: ## Run all that CI runs: lint, platforms, fips, protocol (race included), release-test, e2e and soak. Installs what is missing.
	@summary=; \
	for step in needs lint platforms fips protocol release-test e2e soak; do \
		printf '==> make %s\n' $$step; \
		started=$$(date +%s); \
		$(MAKE) --no-print-directory $$step || { printf 'make test: failed: make %s\n' $$step >&2; exit 1; }; \
		summary="$$summary$$(printf '%s: %d s; ' $$step $$(($$(date +%s) - started)))"; \
	done; \
	printf 'All passed. %s\n' "$$summary"

test-long: needs ## Run what takes real time: long figures of tests (LONG=1), then test RUNS (10) times on a busy machine.
	LONG=1 go test -count=1 -v -run TestOneAccountIsOneUser .
	LONG=1 go test -count=1 -timeout 30m -run 'TestRenamedModuleBuilds|TestModuleIsRenamedAgain' .
	scripts/test-32bit.sh -timeout 60m ./...
	LONG=1 go test -count=1 -timeout 30m -tags protocol ./internal/acct
	@LONG=1 $(MAKE) --no-print-directory release-test
	@LONG=1 $(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory soak DURATION=10m
	CGO_ENABLED=0 GOFIPS140=v1.0.0 go build -trimpath -o bin/fips140/$(PLUGIN) ./cmd/$(PLUGIN)
	vault=$$(scripts/vault.sh) && cd e2e && \
		VAULT_BINARY=$$vault PLUGIN_BINARY=$(CURDIR)/bin/fips140/$(PLUGIN) go test -count=1 -run TestFIPSMode .
	@scripts/test-busy.sh $(RUNS)

lint: ## Check the format (gofumpt), and look for mistakes (go vet, staticcheck, gosec; shellcheck, actionlint).
	@scripts/install-test-needs.sh shellcheck
	@echo shellcheck and actionlint
	@shellcheck $(SHELL_SCRIPTS)
	@$(TOOL) actionlint $(wildcard .github/workflows/*.yml)
	@files=$$($(TOOL) gofumpt -l .) || exit 1; \
	[ -z "$$files" ] || { printf 'Not formatted, make fmt does it:\n%s\n' "$$files" >&2; exit 1; }
	@set -e; for module in $(MODULES); do \
		printf 'vet and staticcheck: %s\n' $$module; \
		( cd $$module && go vet ./... && go vet -tags protocol ./... && $(TOOL) staticcheck -tags protocol ./... ); \
	done
	@echo gosec: . # given folders, since its own ./... would walk into the nested modules
	@$(TOOL) gosec -quiet -tags protocol $$(go list -f '{{.Dir}}' ./...)

# Tests of numbers that are read, counted and sent.
WIDTHS := Integer|Number|Counter|LargestPage|Bounds|Expir|Date|Limit

platforms: ## Vet all, tests included, where an int has 32 bits, and run the tests of numbers there; test-long runs all.
	CGO_ENABLED=0 GOARCH=386 go vet ./...
	scripts/test-32bit.sh -run '$(WIDTHS)' ./internal/validate ./internal/acct ./internal/passwd

# The mode of the tests, not of the go command. -count=1: Go's test cache does not know it. Tests in
# the time of testing/synctest have no part: the mode's source of randomness needs a clock that runs.
fips: ## Run the tests of RADIUS/1.1, TLS and PBKDF2 in FIPS 140 mode (GODEBUG=fips140=only).
	go test -count=1 -exec 'env GODEBUG=fips140=only' -skip 'TestChallengeExpires|TestCertificatesLastADayByDefault' \
		./internal/challenge ./internal/fips ./internal/tlstest
	go test -count=1 -exec 'env GODEBUG=fips140=only' -run 'FIPS|RADIUS11|TLSConfig|PBKDF2|Certificate' \
		./internal/dictionary ./internal/directory ./internal/passwd ./internal/radclient

race: ## Run the unit tests under the race detector: needs no real servers.
	@scripts/install-test-needs.sh cc
	CGO_ENABLED=1 go test -race ./...

# -count=1: Go's test cache does not see that a server has changed or is gone.
protocol: needs ## Run the tests of race and those against real servers, in one go.
	CGO_ENABLED=1 go test -race -tags protocol -count=1 ./...

e2e: build needs ## Drive the built plugin in a real Vault, which the first run builds, or in the server that VAULT_BIN=... or BAO_BIN=... names.
	vault=$$(scripts/vault.sh) && cd e2e && \
		VAULT_BINARY=$$vault PLUGIN_BINARY=$(CURDIR)/bin/$(PLUGIN) go test -timeout 20m -count=1 ./...

DURATION ?= 60s

soak: build needs ## Keep a Vault with the plugin at work for DURATION (60s), and compare its memory, goroutines, files and times: docs/performance.md, Days.
	go run ./bench -soak $(DURATION)

bench: bench-client build needs ## Run bench-client, then compare logins with the built-in method's, with and without scrapes, and accounting with rlm_sql, and the start with that of an empty plugin, and time queries of sessions.
	go test -tags protocol -run '^$$' -bench Queries -benchtime 1x ./internal/acct
	vault=$$(scripts/vault.sh) && cd e2e && \
		VAULT_BINARY=$$vault PLUGIN_BINARY=$(CURDIR)/bin/$(PLUGIN) go test -timeout 20m -run '^$$' -bench 'Login|Accounting|Authorize|Batch|Scrape|Start' -benchtime 1x .

bench-numbers: build ## Compare logins at a mount with 1,000,000 users with those at one with 10, and measure lists, status, a start and 50 idle mounts: 10 minutes and 3 GiB.
	go test -run '^$$' -bench GoroutinesOfAMount -benchtime 50x .
	vault=$$(scripts/vault.sh) && cd e2e && \
		LONG=1 VAULT_BINARY=$$vault PLUGIN_BINARY=$(CURDIR)/bin/$(PLUGIN) go test -timeout 60m -run '^$$' -bench 'Numbers|IdleMounts' -benchtime 1x .

bench-client: ## Compare the RADIUS client with layeh.com/radius; BENCHFLAGS="-only 64" and others: bench/main.go.
	go run ./bench $(BENCHFLAGS)

# What the environment says about what Go builds is not meant for the program that makes releases;
# that program keeps it out of what it builds.
RELEASE := env -u GOFLAGS -u GOOS -u GOARCH -u GOEXPERIMENT -u GODEBUG -u GOFIPS140 -u GOAMD64 go -C release run -trimpath . \
	-source $(CURDIR)

DIST ?= dist
RELEASE_PLATFORMS ?=
RELEASE_BUILDER ?=
RELEASE_SOURCE ?=

# By the environment: the name of a tag is no part of a command.
release publish: export VERSION := $(VERSION)

release: ## Make the release of VERSION=v0.1.0 in dist; signed with GPG_KEY or COSIGN_KEY: CONTRIBUTING.md, Releases.
	@$(RELEASE) -version "$$VERSION" -dist $(abspath $(DIST)) -platforms '$(RELEASE_PLATFORMS)' \
		-builder '$(RELEASE_BUILDER)' -source-url '$(RELEASE_SOURCE)'

push: ## Push the images of the release in dist to IMAGE=registry/name, with the credentials of docker login.
	@$(RELEASE) -dist $(abspath $(DIST)) -push '$(IMAGE)'

publish: ## Attach dist/ to the release of the tag VERSION, with GitHub's command line.
	@scripts/publish-release.sh

# -count=1: Go's test cache does not see the files that are released.
release-test: needs ## Test the program that makes releases, and that two of them are the same.
	cd release && go test -timeout 150m -count=1 ./...

FUZZTIME ?= 60s

fuzz: ## Run every fuzz target for FUZZTIME (60s).
	@scripts/fuzz.sh $(FUZZTIME)

vuln: ## Look for known vulnerabilities in the dependencies; asks vuln.go.dev.
	@set -e; for module in $(MODULES); do ( cd $$module && $(TOOL) govulncheck ./... ); done

fmt: ## Format the Go code.
	@$(TOOL) gofumpt -w .

needs: ## Install what the tests need: FreeRADIUS, radsecproxy, OpenLDAP, 389 Directory Server, Samba, PostgreSQL, MariaDB, Prometheus with Alertmanager, GnuPG, QEMU, shellcheck and a C compiler.
	@scripts/install-test-needs.sh

clean: ## Remove what was built here.
	rm -rf bin dist .release-*

clean-cache: ## Remove the cached Vaults, which take minutes to build.
	@scripts/vault.sh --clean

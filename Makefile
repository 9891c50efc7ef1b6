# The only door: CI calls these targets, too. `make help` lists them.

GO       ?= go
DESTDIR  ?=
PREFIX   ?= /usr
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
PACKAGES := ./...
CORPUS   ?=
FUZZTIME ?= 1m
CRASH_SEEDS ?= 1000
KILLS    ?= 20
FAULTS   ?=
DEMO_RATE ?= 200
DEMO_TIME ?= 24h
NFPM     := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

.PHONY: help run build test test-tools lint fmt bench bench-all soak backlog conservation crash faults bench-micro fuzz install clean test-corpus provision-demo bench-provision screenshots stats-demo test-lxc package failover

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## run the gateway on localhost: ports 1514-1518, events as JSON lines on stdout, statistics on http://127.0.0.1:8404, whose address with a password is printed
	@$(MAKE) --no-print-directory build >&2
	@exec bin/gateway run --dev

build: ## build bin/gateway and bin/bench, static
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/... ./bench

test: test-tools ## run all tests with the race detector
	$(GO) test -race -count=1 -timeout 20m $(PACKAGES)

test-tools: ## install what the tests need beside Go: a C compiler for the race detector, real syslog senders
	@.ci/tools

lint: ## formatting, vet, staticcheck
	@.ci/lint

fmt: ## format the sources
	gofmt -w $$(git ls-files '*.go')

screenshots: test-tools ## write docs/img anew: the statistics page in light, dark, on a phone, and its tap
	SCREENSHOTS=$(abspath docs/img) $(GO) test -count=1 -run 'TestPage' ./internal/stats/browser

stats-demo: build ## the statistics page with something to see, at the address that is printed: a gentle load of all five families; ends with Ctrl-C
	@bin/gateway run --dev >/dev/null & gateway=$$!; trap 'kill $$gateway; wait $$gateway' EXIT; \
	for i in $$(seq 100); do curl -fs -o /dev/null http://127.0.0.1:8404/readyz && break; sleep 0.1; done; \
	bin/bench load --transport udp --port-per-vendor --sources 20 --connections 20 --rate $(DEMO_RATE) --duration $(DEMO_TIME)

RESULTS  ?= bench/results/$(shell date -u +%F)
BENCH    ?= ceiling,tcp-flat,tcp-mixed,tcp-flat-nogzip,udp-ramp,latency-50k,many-connections,peers-tcp,idle,startup

bench: build ## measure the gateway and the peers that are to be had: at most 10 minutes, report and README's table
	bin/bench run --scenario $(BENCH) --peers all --json $(RESULTS)/runs.json --markdown $(RESULTS)/report.md --html $(RESULTS)/report.html --readme README.md

bench-all: build ## every scenario but the soak: about 40 minutes
	bin/bench run --scenario all --peers all --json $(RESULTS)/all.json --markdown $(RESULTS)/all.md --html $(RESULTS)/all.html

soak: build ## half an hour of even load
	bin/bench run --scenario soak

backlog: build ## 5,000,000 messages queued while the endpoint is down, then delivered: at least 250,000/s
	bin/bench run --scenario backlog

conservation: build ## 1,000,000 TCP and 300,000 UDP messages over all five ports, counted one by one
	bin/bench run --gateway bin/gateway --scenario conservation

crash: build ## seeded crashes of the queue and real kills under load: of what was accepted nothing may be lost, of what was answered before the last sync nothing may come twice
	CRASH_SEEDS=$(CRASH_SEEDS) $(GO) test -count=1 -timeout 0 -run 'TestCrashAtAnyPoint|TestNoListEatsARecord|TestPowerLossCutsOnlyWhatWasNotSynced|TestKilledProcessLosesNothing' ./internal/queue
	bin/bench crash --gateway bin/gateway --kills $(KILLS)

faults: build test-tools ## every fault of HEC, process and disk, one row each (FAULTS=--quick: 75 s)
	bin/bench faults --gateway bin/gateway $(FAULTS)

bench-micro: ## benchmarks of the hot path: ns and allocations for each message
	$(GO) test -run '^$$' -bench . -benchmem ./internal/syslog ./internal/event ./internal/dialect ./internal/ingest ./internal/fairshare ./internal/deflate ./internal/shard ./internal/queue

provision-demo: build ## provision against its own simulator: validate, plan, apply, change, refuse, destroy, inventory
	@PROVISION=bin/provision deploy/provision/demo.sh

bench-provision: ## plans of 20 guests and of a 78-object estate over loopback, with request counts
	$(GO) test -run '^$$' -bench . -benchtime 20x ./internal/infra/apply

fuzz: ## run every fuzz target for FUZZTIME each
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  dir=$$(dirname $$target); \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9]*' $$target | cut -c6-); do \
	    echo "== $$dir $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$dir || exit 1; \
	  done; done

test-lxc: bin/tools/nfpm ## the service in a real unprivileged LXC container: install, faults, upgrade under load (root, Debian, about 4 minutes)
	@deploy/lxc/tools
	$(GO) test -tags lxc -count=1 -timeout 20m -v ./deploy/lxc

test-corpus: ## put real lines through gateway parse and compare: make test-corpus CORPUS=folder
	@test -n "$(CORPUS)" || { echo "name the folder: make test-corpus CORPUS=…"; exit 2; }
	CORPUS=$(abspath $(CORPUS)) $(GO) test -count=1 -v -run 'TestCorpus' ./cmd/gateway

failover: build ## two gateways and keepalived in network namespaces: the gap of a failover, and the UDP lost
	$(GO) run ./deploy/keepalived/measure --gateway bin/gateway

package: bin/tools/nfpm ## build .deb and .rpm for amd64 and arm64, and their bills of materials, in dist/
	$(GO) run ./deploy/packaging --version '$(VERSION)' --commit '$(COMMIT)' --out dist

bin/tools/nfpm:
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(NFPM)

install: ## install the built program, the unit and its user, the sysctl file and an example: make install DESTDIR=…
	@test -x bin/gateway || { echo "run 'make build' first"; exit 1; }
	install -D -m 0755 bin/gateway $(DESTDIR)$(PREFIX)/bin/gateway
	install -D -m 0644 deploy/systemd/syslog-gateway.service $(DESTDIR)$(PREFIX)/lib/systemd/system/syslog-gateway.service
	install -D -m 0644 deploy/systemd/syslog-gateway.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/syslog-gateway.conf
	install -D -m 0644 deploy/sysctl.d/60-syslog-gateway.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d/60-syslog-gateway.conf
	install -d -m 0755 $(DESTDIR)/etc/syslog-gateway
	test -e $(DESTDIR)/etc/syslog-gateway/gateway.yaml || install -m 0640 deploy/examples/gateway.yaml $(DESTDIR)/etc/syslog-gateway/gateway.yaml
	@test -n '$(DESTDIR)' || { systemd-sysusers syslog-gateway.conf && chgrp syslog-gateway /etc/syslog-gateway/gateway.yaml; }

clean: ## remove what was built; the queue in ./data stays
	rm -rf bin dist

# The only door: CI calls these targets, too. `make help` lists them.

GO       ?= go
DESTDIR  ?=
PREFIX   ?= /usr
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS  := -s -w -X syslog-gateway/internal/cli.version=$(VERSION) -X syslog-gateway/internal/cli.commit=$(COMMIT)
BUILD    := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'
PACKAGES := ./...
CORPUS   ?=
FUZZTIME ?= 1m
CRASH_SEEDS ?= 1000
KILLS    ?= 20
FAULTS   ?=
SLOW     := internal/(queue|hec|listener|certificate|stats|stats/browser|infra/apply|infra/inventory)$$
CUTS     ?= 100
DEMO_RATE ?= 200
DEMO_TIME ?= 24h
READY    := http://127.0.0.1:8404/readyz
RESULTS  ?= bench/results/$(shell date -u +%F)
BENCH    ?= ceiling,tcp-flat,tcp-mixed,tcp-flat-nogzip,udp-ramp,latency-50k,many-connections,peers-tcp,idle,startup
NFPM     := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4
PEBBLE   := github.com/letsencrypt/pebble/v2/cmd
PEBBLE_VERSION := v2.10.3
PYTHON   := /usr/bin/python3
TOFU     := github.com/opentofu/opentofu@v1.12.6
BPG      := github.com/bpg/terraform-provider-proxmox@v0.111.1

.PHONY: help run build test test-fast test-tools test-corpus rules-savings test-lxc test-ansible test-clients nightly lint vulncheck fmt bench bench-all bench-micro bench-provision \
	soak backlog conservation crash faults powerloss failover fuzz screenshots stats-demo provision-demo cluster-demo cluster-namespaces package image release release-notes docs install clean

help: ## list the targets
	@awk -F ':.*## ' '/^##@ /{printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use it

run: ## run the gateway on localhost: ports 1514-1518, events as JSON lines; it prints the address of the page
	@echo 'building bin/gateway (the first time: about a minute of CPU) …' >&2
	@$(BUILD) -o bin/gateway ./cmd/gateway
	@exec bin/gateway run --dev

build: ## build bin/gateway, bin/syslog-gateway-queue, bin/provision and bin/bench, static
	$(BUILD) -o bin/ ./cmd/gateway ./cmd/provision ./bench
	$(BUILD) -o bin/syslog-gateway-queue ./cmd/queue-server

stats-demo: ## the statistics page with a gentle load of all five families, until Ctrl-C; on the gateway of make run if it runs
	@echo 'building bin/gateway and bin/bench …' >&2
	@$(BUILD) -o bin/ ./cmd/gateway ./bench
	@if curl -fs -o /dev/null $(READY); then echo 'a load for the gateway that is there' >&2; else \
	  bin/gateway run --dev >/dev/null & gateway=$$!; trap 'kill $$gateway; wait $$gateway' EXIT; \
	  for i in $$(seq 100); do curl -fs -o /dev/null $(READY) && break; sleep 0.1; done; \
	fi; \
	bin/bench load --transport udp --port-per-vendor --sources 20 --connections 20 --rate $(DEMO_RATE) --duration $(DEMO_TIME)

provision-demo: build ## provision against its own simulator: validate, plan, apply, change, refuse, destroy, inventory
	@PROVISION=bin/provision deploy/provision/demo.sh

cluster-demo: build ## three queue nodes and two gateways on localhost: a load, a kill, and the pages until Ctrl-C
	@BIN=bin DEMO_RATE=$(DEMO_RATE) DEMO_TIME=$(DEMO_TIME) deploy/cluster/demo.sh

install: ## install the programs, units, users, sysctl file and an example: make install DESTDIR=…
	@test -x bin/gateway || { echo "run 'make build' first"; exit 1; }
	install -D -m 0755 bin/gateway $(DESTDIR)$(PREFIX)/bin/gateway
	install -D -m 0755 bin/syslog-gateway-queue $(DESTDIR)$(PREFIX)/bin/syslog-gateway-queue
	for unit in syslog-gateway syslog-gateway-queue; do \
	  install -D -m 0644 deploy/systemd/$$unit.service $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit.service && \
	  install -D -m 0644 deploy/systemd/$$unit.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/$$unit.conf || exit 1; \
	done
	install -D -m 0644 deploy/sysctl.d/60-syslog-gateway.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d/60-syslog-gateway.conf
	install -d -m 0755 $(DESTDIR)/etc/syslog-gateway $(DESTDIR)/etc/syslog-gateway-queue
	test -e $(DESTDIR)/etc/syslog-gateway/gateway.yaml || install -m 0640 deploy/examples/gateway.yaml $(DESTDIR)/etc/syslog-gateway/gateway.yaml
	@test -n '$(DESTDIR)' || { systemd-sysusers syslog-gateway.conf syslog-gateway-queue.conf && chgrp syslog-gateway /etc/syslog-gateway/gateway.yaml; }

PACKAGING := $(GO) run ./deploy/packaging --version '$(VERSION)' --commit '$(COMMIT)' --out dist

package: bin/tools/nfpm ## .deb and .rpm for amd64 and arm64 with bills of materials, in dist/
	$(PACKAGING) --format deb,rpm

image: ## the container images for this machine's architecture, in dist/
	$(PACKAGING) --format image --arch $$($(GO) env GOARCH)

release: bin/tools/nfpm ## all that a release has, in dist/: packages, archives, images, the apt folder, sums, signatures (docs/releasing.md)
	$(PACKAGING)

release-notes: ## print the section of CHANGELOG.md that has VERSION; fail if there is none
	@awk -v head='## [$(VERSION:v%=%)]' '/^## /{on = index($$0, head) == 1; found += on} on; END{exit !found}' CHANGELOG.md || \
	  { echo "CHANGELOG.md has no section [$(VERSION:v%=%)]" >&2; exit 1; }

docs: ## the documentation as a static site in dist/site: no script, nothing from elsewhere
	@$(GO) run ./docs/site --out dist/site

bin/tools/nfpm:
	GOBIN=$(CURDIR)/bin/tools $(GO) install $(NFPM)

bin/tools/pebble:
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin/tools $(GO) install $(PEBBLE)/pebble@$(PEBBLE_VERSION) $(PEBBLE)/pebble-challtestsrv@$(PEBBLE_VERSION)

bin/tools/versitygw: # S3 for a test
	CGO_ENABLED=0 GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0

bin/tools/dynalite: # DynamoDB for the same test; needs npm
	npm install --prefix bin/tools/dynalite.d --no-audit --no-fund --silent dynalite@4.0.0
	ln -sf dynalite.d/node_modules/.bin/dynalite $@

bin/tools/tofu: # for the same test, where there is no Terraform. Its go.mod replaces a module: go install refuses that
	mkdir -p bin/tools/tofu.d
	cp -r --no-preserve=mode "$$($(GO) mod download -json $(TOFU) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/." bin/tools/tofu.d
	cd bin/tools/tofu.d && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o ../tofu ./cmd/tofu
	rm -rf bin/tools/tofu.d

bin/tools/terraform-provider-proxmox: # the Terraform provider for TestTerraformBpg; .ci/tools leaves it out
	mkdir -p bin/tools/bpg.d
	cp -r --no-preserve=mode "$$($(GO) mod download -json $(BPG) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/." bin/tools/bpg.d
	cd bin/tools/bpg.d && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o ../terraform-provider-proxmox .
	rm -rf bin/tools/bpg.d

bin/tools/axe.min.js: # rules of accessibility for the test of the page; needs npm
	npm install --prefix bin/tools/axe.d --no-audit --no-fund axe-core@4.14.1
	ln -sf axe.d/node_modules/axe-core/axe.min.js $@

clean: ## remove what was built; the queue in ./data stays
	rm -rf bin dist

##@ Change it

test-fast: ## most packages, in under a minute: needs nothing but Go
	CGO_ENABLED=0 $(GO) test $$($(GO) list ./internal/... ./bench/marker ./bench/mix ./bench/report | grep -vE '$(SLOW)')

# GORACE: a binary with the race detector lingers for a second at its end otherwise.
test: test-tools ## all tests with the race detector; installs 380 MB of Debian packages
	GORACE=atexit_sleep_ms=0 $(GO) test -race -count=1 -timeout 30m $(PACKAGES)

lint: ## formatting, golangci-lint, builds for macOS and Windows
	@.ci/lint

fmt: ## format the sources
	gofmt -w $$(git ls-files '*.go')

fuzz: ## run every fuzz target for FUZZTIME each
	@for target in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  dir=$$(dirname $$target); \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9]*' $$target | cut -c6-); do \
	    echo "== $$dir $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$dir || exit 1; \
	  done; done

test-tools: ## install what the tests need beside Go: a C compiler, real syslog senders, a browser
	@.ci/tools

test-corpus: ## real lines through gateway parse: make test-corpus CORPUS=folder
	@test -n "$(CORPUS)" || { echo "name the folder: make test-corpus CORPUS=…"; exit 2; }
	CORPUS=$(abspath $(CORPUS)) $(GO) test -count=1 -v -run 'TestCorpus' ./cmd/gateway

rules-savings: ## what each ready rule saves on real lines: make rules-savings CORPUS=folder
	@test -n "$(CORPUS)" || { echo "name the folder: make rules-savings CORPUS=…"; exit 2; }
	@$(GO) run ./internal/packtest/savings $(CORPUS)

vulncheck: ## known vulnerabilities of what is linked in; needs https://vuln.go.dev
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...

screenshots: test-tools ## write docs/img anew: a day on the statistics page in light, dark, on a phone, its tap, and in the middle of an outage
	SCREENSHOTS=$(abspath docs/img) $(GO) test -count=1 -run 'TestDay' ./internal/stats/browser

##@ Prove it

faults: build test-tools ## every fault of HEC, process, disk and cluster, one row each (FAULTS=--quick: 75 s)
	bin/bench faults --gateway bin/gateway --queue-server bin/syslog-gateway-queue $(FAULTS)

crash: build ## seeded crashes of the queue, and kills under load
	CRASH_SEEDS=$(CRASH_SEEDS) $(GO) test -count=1 -timeout 0 -run 'TestCrashAtAnyPoint|TestNoListEatsARecord|TestPowerLossCutsOnlyWhatWasNotSynced|TestKilledProcessLosesNothing' ./internal/queue
	bin/bench crash --gateway bin/gateway --kills $(KILLS)

powerloss: build ## pull the plug CUTS times on each of two kinds of disk, of the gateway and of provision (root, /dev/fuse, 6 minutes)
	unshare -m bin/bench powerloss --gateway bin/gateway --cuts $(CUTS)
	POWERLOSS_CUTS=$(CUTS) unshare -m $(GO) test -count=1 -timeout 10m -v -run 'TestPowerLossDuringApply|TestLostRecordIsSeen' ./cmd/provision

conservation: build ## 1,000,000 TCP and 300,000 UDP messages over all five ports, counted one by one
	bin/bench run --gateway bin/gateway --scenario conservation

test-lxc: bin/tools/nfpm ## the service in an unprivileged LXC container: install, faults, upgrade under load (root, 4 minutes)
	@deploy/lxc/tools
	$(GO) test -tags lxc -count=1 -timeout 20m -v -run TestServiceInAContainer ./deploy/lxc

test-ansible: bin/tools/nfpm ## the roles of deploy/ansible in unprivileged LXC containers: a gateway, then a cluster, a pair and a cache (root, deb.debian.org, 10 minutes)
	@deploy/lxc/tools
	$(GO) test -tags lxc -count=1 -timeout 30m -v -run 'TestRoleInAContainer|TestEstateInContainers' ./deploy/lxc

failover: build ## two gateways and keepalived in network namespaces: the gap of a failover (root)
	$(GO) run ./deploy/keepalived/measure --gateway bin/gateway

cluster-namespaces: build bin/tools/nfpm ## docs/cluster.md as it is written, on three machines in network namespaces: the packages, a lost machine, its replacement (root, 2 minutes)
	$(GO) run ./deploy/packaging --version '$(VERSION)' --commit '$(COMMIT)' --arch $$($(GO) env GOARCH) --format deb --out bin/packages
	deploy/cluster/namespaces.sh bin/packages/*.deb

test-clients: ## proxmoxer, Ansible's modules and inventory plugins for Proxmox VE, as installed here, against the simulator (2 minutes)
	PYTHON_CLIENTS=$(PYTHON) $(GO) test -count=1 -timeout 20m -v -run 'TestProxmoxer|TestModules|TestInventoryPlugin' ./internal/infra/pvesim

nightly: test-tools ## what does not fit into CI: all faults, 20 kills, 200 power losses, peers, rules under load, OpenTofu beside provision, packages and Ansible's roles in containers, failover, a cluster in namespaces, fuzzing (root, 2 hours)
	$(MAKE) faults crash powerloss soak backlog failover cluster-namespaces test-lxc test-ansible
	$(GO) test -tags nightly -count=1 -timeout 30m -run TestPeers ./bench
	$(GO) test -tags nightly -count=1 -timeout 15m -v -run TestRulesUnderLoad ./cmd/gateway
	$(MAKE) bin/tools/tofu
	TERRAFORM=$(CURDIR)/bin/tools/tofu $(GO) test -count=1 -timeout 5m -v -run TestTerraform ./cmd/provision
	$(MAKE) fuzz FUZZTIME=30s

##@ Measure it

bench: build ## measure the gateway and its peers: report and README's table, at most 10 minutes
	bin/bench run --scenario $(BENCH) --peers all $(if $(BEFORE),--before $(BEFORE)) --json $(RESULTS)/runs.json --markdown $(RESULTS)/report.md --html $(RESULTS)/report.html --readme README.md

bench-all: build ## every scenario but the soak: about 40 minutes
	bin/bench run --scenario all --peers all $(if $(BEFORE),--before $(BEFORE)) --json $(RESULTS)/all.json --markdown $(RESULTS)/all.md --html $(RESULTS)/all.html

bench-micro: ## benchmarks of the hot path: ns and allocations for each message
	$(GO) test -run '^$$' -bench . -benchmem ./internal/syslog ./internal/event ./internal/dialect ./internal/ingest ./internal/fairshare ./internal/deflate ./internal/shard ./internal/queue

bench-provision: ## plans of 20 guests and of a 78-object estate over loopback, with request counts
	$(GO) test -run '^$$' -bench . -benchtime 20x ./internal/infra/apply

soak: build ## half an hour of even load
	bin/bench run --scenario soak

backlog: build ## 5,000,000 messages queued while the endpoint is down, then delivered: at least 250,000/s
	bin/bench run --scenario backlog

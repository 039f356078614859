# The same steps that .ci/run takes, one at a time. They need Go alone; the tests of
# store/redis and apigateway also use a redis-server and an aws command where there are.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

FUZZTIME   ?= 20000x
MODULES     = $(shell find . -mindepth 2 -name go.mod -exec dirname {} \;)

.PHONY: test lint race fuzz bench modules vuln check

test: ## run all tests of the main module
	go test ./...

lint: ## formatting, vet and staticcheck
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not formatted: $$unformatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	go mod verify
	go mod tidy -diff

race: ## run the short tests under the race detector
	go test -race -short ./...
	go test -C examples/gateway -race -short ./...

fuzz: ## run each fuzz target for FUZZTIME
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$pkg || exit 1; \
		done; \
	done

modules: ## vet and test the nested modules
	@for module in $(MODULES); do (cd $$module && go vet ./... && go test ./...) || exit 1; done

bench: ## compare with the peers, as ratios
	cd benchmarks && go run ./ratios -n 3 -benchtime 100ms

vuln: ## look for known vulnerabilities; needs the vulnerability database
	go run $(GOVULNCHECK) ./...

check: ## everything that must hold before a change lands; installs what it needs (Debian)
	bash .ci/run

# QMS Licensing. `make help` explains every target.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The architecture of the functions: this machine's for the local stack, arm64 on AWS (make build GOARCH=arm64).
GOARCH ?= $(shell go env GOARCH 2>/dev/null)
FUNCTIONS := $(notdir $(wildcard functions/*))
VENV := .cache/venv
CHECKOV := .cache/checkov
MINISTACK := .cache/ministack
SCHEMATHESIS := .cache/schemathesis
ROLE ?= sales

.PHONY: help
help: ## Explain every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-16s %s\n", $$1, $$2}'

.PHONY: tools-run tools-test tools-sam tools-deploy
tools-run:
	@bash infra/tools.sh run
tools-test:
	@bash infra/tools.sh test
tools-sam:
	@bash infra/tools.sh sam
tools-deploy:
	@bash infra/tools.sh deploy

.PHONY: build
build: tools-run ## Build every function to build/<function>/bootstrap, and the portal to portal/dist
	@for f in $(FUNCTIONS); do \
	  GOOS=linux GOARCH=$(GOARCH) CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w' -o build/$$f/bootstrap ./functions/$$f; \
	done
	@$(MAKE) --no-print-directory portal/dist/index.html

portal/node_modules/.package-lock.json: portal/package-lock.json
	cd portal && npm ci --no-audit --no-fund
	@touch $@

portal/dist/index.html: portal/node_modules/.package-lock.json $(shell find portal/src portal/console portal/public portal/*.html portal/*.ts infra/openapi.yaml -type f 2>/dev/null)
	cd portal && npm run --silent build

.PHONY: run
run: build ## Run the whole system on http://localhost:3000 with demo data; Ctrl-C stops it
	@go build -o .cache/local ./infra/local
	@exec .cache/local run

.PHONY: run-sam
run-sam: build tools-sam $(VENV)/.installed ## The same with the functions in containers of the real SAM CLI (needs Docker)
	@go build -o .cache/local ./infra/local
	@exec .cache/local run -sam

.PHONY: token
token: ## Print an access token of the running system: make token ROLE=sales
	@go run ./infra/local token -role $(ROLE)

.PHONY: keys
keys: ## Fill the key table: of the running system, or on AWS: make keys TABLE=… KEYS='sold:signing=ARN …'
ifdef TABLE
	@go run ./infra/keys -table $(TABLE) $(KEYS)
else
	@go run ./infra/local keys
endif

$(CHECKOV)/.installed: infra/lint/checkov.txt
	python3 -m venv $(CHECKOV)
	$(CHECKOV)/bin/pip install --quiet --disable-pip-version-check -r infra/lint/checkov.txt
	@touch $@

$(VENV)/.installed: infra/lint/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r infra/lint/requirements.txt
	@touch $@

$(MINISTACK)/.installed: infra/deploy/requirements.txt
	python3 -m venv $(MINISTACK)
	$(MINISTACK)/bin/pip install --quiet --disable-pip-version-check -r infra/deploy/requirements.txt
	@touch $@

$(SCHEMATHESIS)/.installed: infra/local/contract/requirements.txt
	python3 -m venv $(SCHEMATHESIS)
	$(SCHEMATHESIS)/bin/pip install --quiet --disable-pip-version-check -r infra/local/contract/requirements.txt
	@touch $@

.PHONY: deploy
deploy: | tools-deploy $(VENV)/.installed ## Deploy to AWS, or go on where it stopped: make deploy ENV=staging (infra/samconfig.toml)
	@[ -n "$(ENV)" ] || { echo "Say which environment of infra/samconfig.toml: make deploy ENV=staging"; exit 1; }
	@$(MAKE) --no-print-directory build GOARCH=arm64
	@go build -o .cache/deploy ./infra/deploy
	@exec .cache/deploy -env $(ENV) $(if $(NEW_SECRET),-new-secret)

.PHONY: deploy-rehearsal
deploy-rehearsal: | tools-deploy build $(VENV)/.installed $(MINISTACK)/.installed ## The same on an emulator here; lists what it made and what it cannot: ENV=… REGION=…
	@go build -o .cache/deploy ./infra/deploy
	@exec .cache/deploy -rehearse -env $(or $(ENV),staging) -region "$(REGION)"

.PHONY: lint
lint: tools-test $(VENV)/.installed $(CHECKOV)/.installed portal/node_modules/.package-lock.json ## Check form: Go, the templates, the portal
	@unformatted=$$(gofmt -l functions shared infra); if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck -checks inherit,-ST1005 ./...
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(VENV)/bin/sam validate --lint --template template.yaml
	$(VENV)/bin/cfn-lint template.yaml infra/stacks/*.yaml
	LOG_LEVEL=ERROR $(CHECKOV)/bin/checkov --skip-download --config-file infra/lint/checkov.yaml -f template.yaml infra/stacks/*.yaml
	cd portal && npm run --silent check

.PHONY: test
test: export QMS_USED_DIR := $(CURDIR)/.cache/used
test: lint build $(SCHEMATHESIS)/.installed ## Every check on real parts: lint, Go with the race detector, the local stack, the portal, a browser
	rm -rf "$(QMS_USED_DIR)"
	go build -o .cache/local ./infra/local
	.cache/local setup
	go test -count=1 -race -timeout 20m ./... || { .cache/local unused -used "$(QMS_USED_DIR)"; exit 1; }
	go test -count=1 -p 1 -run 'Warm|Budget|Hostile' -v ./infra/local/e2e ./shared/dynamostore ./shared/license/downgrade ./shared/license/licensekey | grep -vE '^(=== RUN|    --- PASS)'
	cd shared/license/licensekey/wycheproof && go test ./...
	cd portal && npm test --silent
	.cache/local with -- npm --prefix portal run --silent e2e
	.cache/local with -- $(SCHEMATHESIS)/bin/python infra/local/contract/run.py
	.cache/local unused -used "$(QMS_USED_DIR)"

.PHONY: contract
contract: build $(SCHEMATHESIS)/.installed ## Hold every answer of a running API against infra/openapi.yaml, with schemathesis as each role
	@go build -o .cache/local ./infra/local
	@.cache/local with -- $(SCHEMATHESIS)/bin/python infra/local/contract/run.py

.PHONY: drill-rotate drill-key-loss drill-restore
drill-rotate: build ## Rehearse a rotation of the signing keys while licenses are issued; takes a bit over a minute
	@go build -o .cache/local ./infra/local
	@.cache/local drill rotate
drill-key-loss: build ## Rehearse an outage of the key that signs sold licenses: disabled, then enabled again
	@go build -o .cache/local ./infra/local
	@.cache/local drill key-loss
drill-restore: build ## Rehearse the loss of both tables: restored from an export, what came later named from the archive
	@go build -o .cache/local ./infra/local
	@.cache/local drill restore

# Left out under SAM, where everything else of the API's tests runs: killing one renewal of many between each two of its
# steps (the Runtime API server tells the processes of a function apart by their session tokens; SAM has one container per
# function and takes a second to make another); the warm latency, which SAM's own HTTP server would decide; what an
# operation costs, which is counted on a stack of its own; and the matrix of roles, whose many hundred calls would each wait
# for that one container.
NOT_IN_SAM := KilledBetweenEveryTwoSteps|Warm|TestCost|TestMatrix

.PHONY: test-sam
test-sam: build tools-sam $(VENV)/.installed ## The API's tests with the functions in containers of the real SAM CLI (needs Docker)
	go build -o .cache/local ./infra/local
	.cache/local setup -sam
	@echo "left out under SAM, which runs one container a function: $(NOT_IN_SAM) (make test has them; 16 callers at once instead of 64)"
	go test -count=1 -timeout 20m -skip '$(NOT_IN_SAM)' ./infra/local/e2e -sam

.PHONY: clean
clean: ## Remove what was built and fetched, the local data, and containers that a killed run of SAM left
	@# Their marks go with .cache: these are known by what they have from build. Without Docker there are none.
	@ids=$$(docker ps --all --quiet --filter label=sam.cli.container.type=lambda $(FUNCTIONS:%=--filter 'volume=$(CURDIR)/build/%') 2>/dev/null || true); [ -z "$$ids" ] || docker rm --force --volumes $$ids >/dev/null
	rm -rf build .cache .data portal/dist portal/node_modules infra/local/signin/node_modules

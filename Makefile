# What can be done here; `make help` lists it.

CARGO ?= cargo
PREFIX ?= /usr/local
DESTDIR ?=
# A fresh container has no locale; C.UTF-8 is in every Debian.
export LC_ALL := C.UTF-8
# Tests wait for servers as long as they compute, and longer.
export RUST_TEST_THREADS ?= $(shell echo $$((4 * $$(nproc))))

# As `cargo clippy` does it, but what is linted is built as well: the crates below are compiled once instead of twice.
LINTING := RUSTC_WORKSPACE_WRAPPER=clippy-driver CLIPPY_ARGS=-Dwarnings

# The databases of the tests are brought to the disk at every commit. In memory, where there is room for them, that takes no time.
MEMORY := $(shell [ -w /dev/shm ] && ! findmnt -n -o OPTIONS /dev/shm | grep -q noexec && \
    [ "$$(df -P -k /dev/shm | awk 'NR == 2 { print $$4 }')" -gt 8000000 ] && echo /dev/shm)
ifneq ($(MEMORY),)
test servers torture: export TMPDIR ?= $(MEMORY)
endif

BINARY := target/release/espomail

.PHONY: help build test servers torture cases lint fuzz demo bench grow man install clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

build: ## build the program: target/release/espomail
	packaging/install-build-deps build
	$(CARGO) build --release --locked

test: ## check format and lints, run all tests on both databases
	packaging/install-build-deps build test
	$(CARGO) fmt --check
	$(LINTING) $(CARGO) build --locked --all-targets
	$(LINTING) $(CARGO) test --locked --no-fail-fast

servers: ## run the tests against Cyrus and Courier, Exim and OpenSMTPD of Debian, and moto of PyPI, which nothing else sees; as root
	packaging/install-build-deps build test servers
	$(LINTING) $(CARGO) test --locked --no-fail-fast --test main servers:: -- --ignored

torture: ## kill passes and databases while mail moves, then compare; MINUTES=30 for longer, SEED=N to repeat
	packaging/install-build-deps build test
	TORTURE_MINUTES=$(or $(MINUTES),5) $(if $(SEED),TORTURE_SEED=$(SEED)) \
	    $(CARGO) test --locked --test main torture -- --nocapture --test-threads=1

cases: ## read the mail of tests/cases, and every other kind that the world writes, and compare
	$(CARGO) test --locked --lib mail::

lint: ## ask what crates we build on: licences, sources, and what is known against them; installs cargo-deny
	packaging/install-build-deps build
	command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check bans licenses sources
	@# Its database is a repository elsewhere, which not every network reaches.
	if git ls-remote -q https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then \
	    $(CARGO) deny --locked check advisories; \
	else \
	    echo "the advisories were NOT checked: https://github.com/RustSec/advisory-db cannot be reached" >&2; \
	fi

fuzz: ## feed every parser with what nobody sends, MINUTES=14 in all
	packaging/install-build-deps build fuzz
	fuzz/run $(or $(MINUTES),14)

demo: ## show it at work, with a mail server and a database that are thrown away
	packaging/install-build-deps build demo
	$(CARGO) build --release --locked
	tests/demo/run $(BINARY)

bench: ## measure fetch beside mbsync, send beside msmtp, and idle passes; BENCH_MESSAGES=2000 BENCH_SEND=200 for a quick look, BENCH_CHECK=1 to fail where it is slower than it was
	packaging/install-build-deps build bench
	$(CARGO) bench --locked --bench fetch
	$(CARGO) bench --locked --bench send
	$(CARGO) bench --locked --bench idle

grow: ## fill a store with BENCH_GROW=200000 letters, and measure how its lists and searches take that; BENCH_POSTGRESQL=1 for both
	packaging/install-build-deps build bench
	$(CARGO) bench --locked --bench grow

man: ## write man/ anew from the commands' own help
	ESPOMAIL_WRITE_MAN=1 $(CARGO) test --locked manual_is

# Not after "build": `sudo make install` has no cargo.
install: ## install under PREFIX (/usr/local), with DESTDIR for packagers
	@[ -x $(BINARY) ] || { echo "$(BINARY) is missing; type: make build" >&2; exit 1; }
	install -D -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/espomail
	install -d $(DESTDIR)$(PREFIX)/share/doc/espomail/examples
	install -m 644 config.example.toml crontab.example $(DESTDIR)$(PREFIX)/share/doc/espomail/examples
	install -m 644 README.md CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/espomail
	for page in man/*.[1-8]; do \
	    install -D -m 644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}" || exit; \
	done

clean: ## remove what was built
	$(CARGO) clean

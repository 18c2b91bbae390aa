# What an administrator types. Everything that cargo can do, cargo does.
.POSIX:
CARGO = cargo
TARGET = target
BUILT = $(TARGET)/programs
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
SHAREDIR = $(PREFIX)/share
UNITDIR = $(PREFIX)/lib/systemd/system
DESTDIR =
PLACES = "$(BUILT)" "$(BINDIR)" "$(MANDIR)" "$(SHAREDIR)" "$(UNITDIR)"
MANIFEST = packaging/manifest $(PLACES)

all: build

# The programs, linked as they are installed (packaging/build says how), in one directory.
build:
	CARGO="$(CARGO)" CARGO_TARGET_DIR="$(TARGET)" packaging/build $(BUILT)

# Programs, manuals, pages, completions, examples, a systemd unit (which starts nothing by itself). Where root has no cargo
# (sudo make install), what was built before is installed.
install:
	@packaging/over check "$(DESTDIR)" $(PLACES)
	@if command -v $(CARGO) >/dev/null; then $(MAKE) build; fi
	$(MANIFEST) | packaging/install "$(DESTDIR)"

# Exactly what install put there.
uninstall:
	$(MANIFEST) | packaging/uninstall "$(DESTDIR)"

# The classic layout: a link in /command to each installed program.
install-command:
	$(MANIFEST) | packaging/command install "$(DESTDIR)" "$(BINDIR)"

uninstall-command:
	$(MANIFEST) | packaging/command uninstall "$(DESTDIR)" "$(BINDIR)"

# In the place of a daemontools 0.76 that was installed from source below /package, and back.
install-over:
	@if command -v $(CARGO) >/dev/null; then $(MAKE) build; fi
	packaging/over install "$(DESTDIR)" $(PLACES)

uninstall-over:
	packaging/over uninstall "$(DESTDIR)" $(PLACES)

# The Debian package, in target/. DEB_NAME=daemontools: as a newer version of the distribution's package of that name.
DEB_NAME = daemontools-rs
deb: build
	packaging/deb "$(BUILT)" "$(TARGET)" "$(DEB_NAME)"

# A release, in target/dist: source archive and Debian package. What is tried in the unpacked archive, without the network.
DIST_TARGETS = test
dist:
	packaging/dist "$(TARGET)/dist" "$(DIST_TARGETS)"

# A tree at work, in a temporary directory.
demo: build
	examples/demo $(BUILT)

# How many tests run at once: most of them wait for something most of the time.
AT_ONCE = 8

# The programs that were built, for the suite: it tests what is installed.
OURS = DAEMONTOOLS_OURS="`cd $(BUILT) && pwd`"

# Everything that can be tested here. What it needs and does not find (root, the original, tcpserver) it says.
# Faults go into system calls of programs that cargo has linked: a library of the system is put in their way, too.
test: build
	failed=0; export RUST_TEST_THREADS=$(AT_ONCE); \
	$(OURS) $(CARGO) test --workspace --no-fail-fast --lib --test compat --test ours --test fuzz || failed=1; \
	$(CARGO) test --workspace --no-fail-fast --test torture || failed=1; \
	exit $$failed

# The suite alone, on programs that are linked otherwise: make test-programs LINKING=glibc BUILT=target/glibc
test-programs: build
	RUST_TEST_THREADS=$(AT_ONCE) $(OURS) $(CARGO) test --package daemontools-tests --no-fail-fast --test compat --test ours

# Each test alone, again and again, beside busy loops: make stress SUITE=ours TEST=svwait:: TIMES=100
SUITE = compat
TEST =
TIMES = 100
stress: build
	TIMES=$(TIMES) AT_ONCE=$(AT_ONCE) CARGO="$(CARGO)" $(OURS) tests/stress $(SUITE) $(TEST)

# The programs for other machines (i686, aarch64), built and tested as far as this one can.
cross:
	RUST_TEST_THREADS=$(AT_ONCE) CARGO="$(CARGO)" tests/cross

# The same black-box tests on the original, to see that they are right.
test-original:
	RUST_TEST_THREADS=$(AT_ONCE) DAEMONTOOLS_UNDER_TEST=/usr/bin $(CARGO) test --package daemontools-tests --test compat

# Random input for everything that parses, this many seconds each.
FUZZ_SECONDS = 60
fuzz: build
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(OURS) $(CARGO) test --package daemontools-tests --test fuzz

# The package in a Debian of its own, with the original, there and back. As root; takes debootstrap and some minutes.
test-deb: deb
	packaging/deb "$(BUILT)" "$(TARGET)" daemontools
	packaging/test-deb $(TARGET)/daemontools-rs_*.deb $(TARGET)/daemontools_*.deb

# Every fault instead of a selection; each loop prints how many it tried. Random input too (make fuzz), and the pure parts
# under Miri, where there is one.
torture:
	WAIT_SECONDS=240 $(MAKE) fuzz
	TORTURE=1 WAIT_SECONDS=240 $(CARGO) test --package daemontools-tests --test torture -- --nocapture
	if $(CARGO) miri --version >/dev/null 2>&1; then $(CARGO) miri test --lib -p supervise -p svscan -p svstat; else echo "left out: Miri: not installed"; fi

# Ours, the original and the peers side by side. A whole run writes docs/performance.md's tables; ROWS='multilog start'
# takes only those, ROWS=--quick fewer rounds.
ROWS =
bench: build
	DAEMONTOOLS_UNDER_TEST=`cd $(BUILT) && pwd` $(CARGO) bench --package daemontools-tests --bench bench -- $(ROWS)

# Format and lints.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

clean:
	$(CARGO) clean

.PHONY: all build install uninstall install-command uninstall-command install-over uninstall-over deb dist test-deb demo \
	test test-programs stress cross test-original fuzz torture bench check clean

# What an administrator types. Everything that cargo can do, cargo does.
.POSIX:
CARGO = cargo
TARGET = target
BUILT = $(TARGET)/release
PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
DESTDIR =

all: build

# The programs, as they are installed.
build:
	$(CARGO) build --release --workspace --bins

# Programs and manuals. Where root has no cargo (sudo make install), what was built before is installed.
install:
	@if command -v $(CARGO) >/dev/null; then $(MAKE) build; fi
	packaging/manifest "$(BUILT)" "$(BINDIR)" "$(MANDIR)" | packaging/install "$(DESTDIR)"

# Exactly what install put there.
uninstall:
	packaging/manifest "$(BUILT)" "$(BINDIR)" "$(MANDIR)" | packaging/uninstall "$(DESTDIR)"

# A tree at work, in a temporary directory.
demo: build
	examples/demo $(TARGET)/release

# Everything that can be tested here. What it needs and does not find (root, the original, tcpserver) it says.
test:
	$(CARGO) test --workspace

# The same black-box tests on the original, to see that they are right.
test-original:
	DAEMONTOOLS_UNDER_TEST=/usr/bin $(CARGO) test --package daemontools-tests --test compat

# Format and lints.
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

clean:
	$(CARGO) clean

.PHONY: all build install uninstall demo test test-original check clean

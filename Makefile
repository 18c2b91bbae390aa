# What an administrator types. Everything that cargo can do, cargo does.
.POSIX:
CARGO = cargo
TARGET = target

all: build

# The programs, as they are installed.
build:
	$(CARGO) build --release --workspace --bins

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

.PHONY: all build demo test test-original check clean

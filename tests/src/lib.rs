//! The harness of the suite: which programs are under test, service trees, running, waiting, scrubbing.

# What people run; `.ci/run` is what CI does.

# Lists the recipes.
default:
    @just --list

# Format, clippy.
check:
    cargo fmt --all -- --check
    cargo clippy --workspace --all-targets --features bench --locked -- -D warnings

# Every test.
test:
    cargo test --workspace --locked

# Kills the service at random points, fifty times over.
crash:
    CARETAKER_TEST_CASES=50 cargo test --locked --test it crash -- --nocapture

# A thousand runs in bad weather: faults, lost deliveries, restarts. Takes hours.
chaos:
    CARETAKER_TEST_CASES=1000 cargo test --locked --test it chaos -- --nocapture

# The demonstration.
demo *arguments:
    cargo run --locked -- demo {{arguments}}

# What CI runs.
ci:
    .ci/run

# Licences, advisories, doubled packages (needs cargo-deny).
deny:
    cargo deny check

# Writes the new snapshots of tests.
snapshots:
    INSTA_UPDATE=always cargo test --workspace --locked

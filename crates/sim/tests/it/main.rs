//! Tests of the simulators from outside: what a client sees over HTTP.
#![allow(clippy::unwrap_used, reason = "in a test, a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "the contract suites print what they leave out")]

mod actors;
mod contract_gitea;
mod contract_kubernetes;
mod deploy;
mod forges;
mod gitea;
mod kubernetes;
mod volumes;

/// A client for one test. No provider of cryptography is built into reqwest here, so one is named first.
fn client() -> reqwest::ClientBuilder {
    // Another test may have been first: all name the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(std::time::Duration::from_secs(20))
}

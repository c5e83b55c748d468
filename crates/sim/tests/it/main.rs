//! Tests of the simulators from outside: what a client sees over HTTP.

mod actors;
mod contract_gitea;
mod contract_kubernetes;
mod deploy;
mod kubernetes;

/// A client for one test. No provider of cryptography is built into reqwest here, so one is named first.
fn client() -> reqwest::ClientBuilder {
    // Another test may have been first: all name the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(std::time::Duration::from_secs(20))
}

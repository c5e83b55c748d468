//! Simulators of Gitea, Kubernetes and the programs around them, over real HTTP on loopback.
//!
//! They know nothing of caretaker: the demo and the tests start them and act through their handles.

pub mod actors;
mod connection;
pub mod gitea;
pub mod kubernetes;

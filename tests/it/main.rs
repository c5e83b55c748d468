//! Tests of the whole program, one binary, one module a theme.

mod address;
mod backup;
mod chaos;
mod cli;
mod crash;
mod demo;
mod doctor;
mod lint;
mod plan;
mod play;
mod recon;
mod service;

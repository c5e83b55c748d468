//! Addresses that stay free while a service is killed and started again.
//!
//! A port that the system hands out by itself may be handed out once more as soon as nobody listens on it, also as the near end
//! of somebody's connection. These lie below that range; a process hands each out once, and processes begin at places of
//! their own.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Where they lie: above what services are known by, below where systems begin to hand out ports by themselves.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A loopback address on which nobody listens.
pub(super) fn free_address() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = std::process::id().wrapping_mul(131) % u32::from(COUNT);
    for _ in 0..COUNT {
        let offset = (own + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("it is below their count");
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().expect("it has an address");
        }
    }
    panic!("{COUNT} ports from {FIRST} on are all taken");
}

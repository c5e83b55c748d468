//! Addresses that stay free while a service is killed and started again.
//!
//! A port that the system hands out by itself may be handed out once more as soon as nobody listens on it, also as the near end
//! of somebody's connection. These lie below that range; each has a file whose lock its process holds for as long as it lives,
//! so that nobody hands it out twice, however many processes there are.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Where they lie: above what services are known by, below where systems begin to hand out ports by themselves.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A loopback address on which nobody listens.
pub(super) fn free_address() -> SocketAddr {
    /// Each is a port of this process.
    static LOCKS: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let mut locks = LOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    // Processes begin at places of their own, and seldom meet.
    let own = std::process::id().wrapping_mul(131) % u32::from(COUNT);
    let begin = u16::try_from(own).expect("it is below their count");
    for offset in (begin..COUNT).chain(0..begin) {
        let port = FIRST + offset;
        let path = std::env::temp_dir().join(format!("caretaker-test-port-{port}"));
        let Ok(file) = File::options().create(true).truncate(false).write(true).open(path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            locks.push(file);
            return listener.local_addr().expect("it has an address");
        }
    }
    panic!("{COUNT} ports from {FIRST} on are all taken");
}

#[test]
fn nobody_gets_an_address_that_is_somebodys() {
    let addresses: std::collections::BTreeSet<SocketAddr> = (0..5).map(|_| free_address()).collect();
    assert_eq!(addresses.len(), 5, "although nobody listens on them");
    let port = addresses.first().expect("there is one").port();
    let path = std::env::temp_dir().join(format!("caretaker-test-port-{port}"));
    // As another process would: a lock is of a file that was opened, not of a process.
    let other = File::options().write(true).open(path).expect("it is there");
    assert!(other.try_lock().is_err());
}

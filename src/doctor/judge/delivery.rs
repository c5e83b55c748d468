//! What became of the test delivery.

use crate::doctor::{Diagnosis, NotKnown, State};
use crate::forge::{RepositoryName, ServerKind};
use crate::wording;
use std::time::Duration;

/// Who waited for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// The running service, whose store was asked.
    Service,
    /// This command.
    Own,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It arrived and was believed.
    Good(Listener, Duration),
    /// It arrived and was refused, and why.
    Refused(String),
    /// It arrived and was refused: the hook has the secret that nothing but the hooks' own are derived from.
    SharedSecret(Listener),
    /// It did not arrive.
    Nothing(Listener, Duration),
    /// The forge was not asked for it, or did not send it.
    NotSent(NotKnown),
    /// There was nobody to see it.
    NoListener(String),
}

/// How it stands with deliveries.
pub(crate) fn delivery(
    repository: &RepositoryName,
    arrival: &Arrival,
    server: Option<ServerKind>,
) -> Diagnosis {
    let what = format!("{repository}: test delivery");
    match arrival {
        Arrival::Good(listener, took) => {
            let who = match listener {
                Listener::Service => "the running service took it",
                Listener::Own => "it arrived here",
            };
            let found = format!("{who} after {:.1} s, signed with the right secret", took.as_secs_f64());
            Diagnosis::ok(what, found)
        }
        Arrival::Refused(why) => Diagnosis::not_ok(
            State::Error,
            what,
            format!("it arrived and was refused: {why}"),
            wording::doctor_wrong_secret(),
        ),
        Arrival::SharedSecret(listener) => {
            let who = match listener {
                Listener::Service => "the running service",
                Listener::Own => "doctor",
            };
            let found = format!(
                "{who} refused it: the hook has the secret of the settings itself, which counts for a single repository only"
            );
            Diagnosis::not_ok(State::Error, what, found, wording::doctor_shared_secret(repository))
        }
        Arrival::Nothing(listener, waited) => {
            let where_to = match listener {
                Listener::Service => "the running service",
                Listener::Own => "this machine, where doctor listened",
            };
            let found = format!("nothing arrived at {where_to} within {} s", waited.as_secs());
            Diagnosis::not_ok(State::Error, what, found, wording::doctor_not_delivered(server))
        }
        Arrival::NotSent(why) => {
            let found = format!("the forge did not send one: {why}");
            Diagnosis::not_ok(State::Unknown, what, found, wording::doctor_administrator())
        }
        Arrival::NoListener(why) => {
            let found = format!("nobody could wait for it: {why}");
            Diagnosis::not_ok(State::Unknown, what, found, wording::doctor_no_listener())
        }
    }
}

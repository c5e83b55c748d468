//! The server, and whose token it is.

use super::not_known;
use crate::doctor::{Asked, Diagnosis, State};
use crate::forge::{OwnAccount, Server, Tried};
use crate::wording;

/// Which server it is, and whether it is one that caretaker knows.
pub(crate) fn server(server: &Asked<Server>) -> Diagnosis {
    let what = "forge";
    let server = match server {
        Ok(server) => server,
        Err(why) => return not_known(what, why),
    };
    let (state, about) = match server.tried() {
        Tried::Yes => return Diagnosis::ok(what, server.to_string()),
        Tried::Read => (State::Warning, "its source was read, no server of this version was tried"),
        Tried::Newer => (State::Warning, "newer than any version that was tried"),
        Tried::Older => (State::Error, "older than any version that is known"),
        Tried::Unreadable => (State::Unknown, "its version cannot be read"),
    };
    Diagnosis::not_ok(state, what, format!("{server}: {about}"), wording::doctor_versions())
}

/// Whose token it is, and whether that is somebody else's account as well. Names of accounts have no case.
pub(crate) fn account(own: &Asked<OwnAccount>, trusted: &[String], renovate: &[String]) -> Vec<Diagnosis> {
    let what = "token";
    let own = match own {
        Ok(own) => own,
        Err(why) => return vec![not_known(what, why)],
    };
    let login = &own.account.login;
    let is_in = |names: &[String]| names.iter().any(|name| name.eq_ignore_ascii_case(login));
    let mut found = Vec::new();
    let mut warn = |said: String, fix: String| found.push(Diagnosis::not_ok(State::Warning, what, said, fix));
    if is_in(trusted) {
        warn(
            format!("the account {login} is a person's as well: run.trusted names it"),
            wording::doctor_shared(),
        );
    }
    if is_in(renovate) {
        warn(
            format!("the account {login} is Renovate's as well: renovate.accounts names it"),
            wording::doctor_shared(),
        );
    }
    if own.administers_forge {
        warn(
            format!("the account {login} administers the whole forge, which is more than is needed"),
            wording::doctor_too_much(),
        );
    }
    if found.is_empty() {
        found.push(Diagnosis::ok(what, format!("of the account {login}, which nobody else is said to use")));
    }
    found
}

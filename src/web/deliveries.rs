//! The page of the last deliveries and what became of each: those of the store, and from memory those that left nothing
//! new in it.

use super::page::{PageError, PageState, page};
use crate::inbox::Remembered;
use crate::store::DeliveryRow;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

/// How many are shown.
const SHOWN: u32 = 200;

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesPage {
    deliveries: Vec<Line>,
}

/// A delivery, as the page shows it.
struct Line {
    at: Timestamp,
    time: String,
    event: String,
    about: String,
    sender: String,
    became: String,
    tone: &'static str,
    id: String,
}

pub(super) async fn deliveries(State(state): State<PageState>) -> Result<Response, PageError> {
    let rows = state.store.recent_deliveries(SHOWN).await?;
    let looked = state.readiness.last_look_age().is_some();
    let mut lines: Vec<Line> = rows
        .into_iter()
        .map(|row| {
            let look = match () {
                () if !state.inbox.is_looked_after(&row.repository) => Followed::Never,
                () if looked && !state.inbox.waits_for_look(&row.repository, row.received_at) => {
                    Followed::Yes
                }
                () => Followed::NotYet,
            };
            stored(row, look)
        })
        .chain(state.inbox.outcomes().remembered().into_iter().map(not_stored))
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(SHOWN as usize);
    page(&DeliveriesPage { deliveries: lines })
}

/// Whether a look followed a delivery.
#[derive(Debug, Clone, Copy)]
enum Followed {
    Yes,
    NotYet,
    /// Nobody looks after its repository, any more or so far.
    Never,
}

fn stored(row: DeliveryRow, look: Followed) -> Line {
    let about = match row.issue {
        Some(issue) => format!("{}#{issue}", row.repository),
        None => row.repository,
    };
    let what = match (row.repeats, row.has_payload) {
        (Some(first), _) => format!("stored; the payload is that of {first}, and counts once"),
        (None, true) => "stored whole".to_owned(),
        (None, false) => "stored".to_owned(),
    };
    let (look, tone) = match look {
        Followed::Yes => ("a look followed", "good"),
        Followed::NotYet => ("waits for a look", "waits"),
        Followed::Never => ("the repository is not looked after", "aside"),
    };
    Line {
        at: row.received_at,
        time: time(row.received_at),
        event: [row.event, row.action]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        about,
        sender: row.sender,
        became: format!("{what}; {look}"),
        tone,
        id: row.id,
    }
}

fn not_stored(one: Remembered) -> Line {
    let (became, tone) = match one.refused {
        Some(why) => (format!("refused: {why}"), "bad"),
        None => ("stored before; nothing was done again".to_owned(), "aside"),
    };
    Line {
        at: one.at,
        time: time(one.at),
        event: one.event,
        about: String::new(),
        sender: String::new(),
        became,
        tone,
        id: one.id,
    }
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

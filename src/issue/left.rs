//! What an earlier run left in a text: read when a store that knows nothing of the issue meets a status block of ours.
//!
//! A block proves nothing, since anybody can copy or forge one. So what is read here is only ever used to ask a person
//! first, to hold versions back, and to keep rows of our own table; nothing is done because of it.

use super::marks;
use crate::forge::PullNumber;
use crate::merge::Hold;
use crate::wording;
use checklist::Document;

/// More than this is not taken over.
const MOST: usize = 500;

/// What an earlier run left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// The id of the run, as its status block gives it; may be empty.
    pub(crate) run: String,
    /// The rows of our own table of changes, line by line.
    pub(crate) rows: Vec<String>,
    /// Versions that it held, with the pull request that brought each.
    pub(crate) holds: Vec<(PullNumber, Hold)>,
    /// Whether it had ended: its closing report is there.
    pub(crate) closed: bool,
}

/// What an earlier run left in a text; `None` where it holds no whole status block of ours.
pub(crate) fn left_behind(body: &str) -> Option<Left> {
    let document = Document::parse(body).ok()?;
    let own = marks::own_blocks(&document);
    let inside = |name: &str| {
        own.iter().find(|(found, _)| found == name).map(|(_, span)| &document.text()[span.clone()])
    };
    let status = inside("status")?;
    let run = status.lines().find_map(wording::run_of_status_foot).unwrap_or_default();
    Some(Left {
        run: run.to_owned(),
        rows: inside("changes").map(rows).unwrap_or_default(),
        holds: status.lines().filter_map(hold).take(MOST).collect(),
        closed: inside("closing").is_some(),
    })
}

/// The rows of a table behind its header.
fn rows(block: &str) -> Vec<String> {
    let lines = block.lines().map(str::trim_end).filter(|line| line.starts_with('|'));
    lines.skip(2).take(MOST).map(str::to_owned).collect()
}

/// A line of the held versions: `package` `version` in `file` (#N): why; or without its file. One that was cut is none.
fn hold(line: &str) -> Option<(PullNumber, Hold)> {
    let parts: Vec<&str> = line.strip_prefix("- `")?.split('`').collect();
    let (package, version, file, rest) = match parts[..] {
        [package, " ", version, " in ", file, rest, ..] if !file.is_empty() => (package, version, file, rest),
        [package, " ", version, rest, ..] => (package, version, "", rest),
        _ => return None,
    };
    let number = rest.strip_prefix(" (#")?.split_once("):")?.0.parse().ok()?;
    if package.is_empty()
        || version.is_empty()
        || [package, version, file].iter().any(|part| part.ends_with('…'))
    {
        return None;
    }
    let hold = Hold { package: package.to_owned(), file: file.to_owned(), version: version.to_owned() };
    Some((PullNumber(number), hold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::issue::{Desired, apply};

    const STATUS: &str = "## caretaker\n\nRunning.\n\n### Held versions\n\n- `grafana` `9.5.0` in `apps/grafana/Chart.yaml` \
                          (#7): it made the layers worse (since 2026-11-21 14:30 UTC)\n- `a` `1` in `long/pa…` (#8): why\n\
                          - `b` `2` (#9): `c` failed\n\n\
                          *Written by caretaker, run 12. What stands between its markers is written anew; everything \
                          else is yours.*\n";

    #[test]
    fn what_a_run_left_is_read_from_whole_blocks_alone() {
        let text = "# T\n\n- [ ] Fix a\n";
        let body = apply(text, &Desired { status: Some(STATUS.to_owned()), ..Desired::default() });
        let left = left_behind(&body).expect("a status of ours");
        assert_eq!(left.run, "12");
        let hold = Hold {
            package: "grafana".to_owned(),
            file: "apps/grafana/Chart.yaml".to_owned(),
            version: "9.5.0".to_owned(),
        };
        // A change of lock files alone has no file.
        let anywhere = Hold { package: "b".to_owned(), file: String::new(), version: "2".to_owned() };
        assert_eq!(
            left.holds,
            [(PullNumber(7), hold), (PullNumber(9), anywhere)],
            "what was cut is not known"
        );
        assert!(!left.closed && left.rows.is_empty());
        assert_eq!(left_behind(text), None);
        assert_eq!(left_behind(&body.replace("9.5.0", "9.9.9")), None, "somebody changed it");
        let forged = format!("<!-- caretaker:status -->\n{STATUS}<!-- /caretaker:status -->\n\n{text}");
        assert_eq!(left_behind(&forged), None, "without its sum it is nobody's");
        let closed = Desired {
            status: Some(STATUS.to_owned()),
            closing_report: Some("# RESOLVED\n".to_owned()),
            ..Desired::default()
        };
        assert!(left_behind(&apply(text, &closed)).expect("a status of ours").closed);
    }
}

use super::*;

fn window(text: &str) -> SyncWindow {
    // `deny 0 8 * * 1-5 | 10h | Europe/Berlin | manual`
    let mut parts = text.split('|').map(str::trim);
    let (kind, schedule) = parts.next().and_then(|first| first.split_once(' ')).expect("kind and schedule");
    let duration = parts.next().expect("a duration").to_owned();
    let rest: Vec<&str> = parts.collect();
    SyncWindow {
        kind: if kind == "deny" { Kind::Deny } else { Kind::Allow },
        schedule: schedule.to_owned(),
        duration,
        zone: rest.iter().find(|part| part.contains('/')).copied().unwrap_or_default().to_owned(),
        manual: rest.contains(&"manual"),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

#[test]
fn what_closes_and_when_it_opens() {
    // A Friday. By itself, and by hand: `-` is open, `never` is not within the days that are looked ahead.
    type Case = (&'static [&'static str], &'static str, &'static str, &'static str);
    let cases: [Case; 22] = [
        (&[], "2026-11-27T12:00Z", "-", "-"),
        (&["deny 0 8 * * * | 10h"], "2026-11-27T07:59Z", "-", "-"),
        (&["deny 0 8 * * * | 10h"], "2026-11-27T08:00Z", "2026-11-27T18:00Z", "2026-11-27T18:00Z"),
        (&["deny 0 8 * * * | 10h"], "2026-11-27T17:59Z", "2026-11-27T18:00Z", "2026-11-27T18:00Z"),
        (&["deny 0 8 * * * | 10h"], "2026-11-27T18:00Z", "-", "-"),
        (&["deny 0 8 * * * | 10h | manual"], "2026-11-27T12:00Z", "2026-11-27T18:00Z", "-"),
        // Over midnight, and over the end of the week.
        (&["deny 0 22 * * 5 | 60h"], "2026-11-29T12:00Z", "2026-11-30T10:00Z", "2026-11-30T10:00Z"),
        (&["allow 0 22 * * * | 6h"], "2026-11-27T23:00Z", "-", "-"),
        (&["allow 0 22 * * * | 6h"], "2026-11-28T03:59Z", "-", "-"),
        (&["allow 0 22 * * * | 6h"], "2026-11-27T12:00Z", "2026-11-27T22:00Z", "2026-11-27T22:00Z"),
        (&["allow 0 22 * * * | 6h | manual"], "2026-11-27T12:00Z", "2026-11-27T22:00Z", "-"),
        // By hand only where every closed one lets it pass.
        (
            &["allow 0 22 * * * | 6h | manual", "allow 0 20 * * * | 1h"],
            "2026-11-27T12:00Z",
            "2026-11-27T20:00Z",
            "2026-11-27T20:00Z",
        ),
        // A deny is stronger than an allow, and one of two opens nothing while the other is there.
        (
            &["allow 0 10 * * * | 8h", "deny 0 12 * * * | 1h"],
            "2026-11-27T12:30Z",
            "2026-11-27T13:00Z",
            "2026-11-27T13:00Z",
        ),
        (
            &["deny 0 8 * * * | 4h", "deny 0 11 * * * | 4h | manual"],
            "2026-11-27T09:00Z",
            "2026-11-27T15:00Z",
            "2026-11-27T12:00Z",
        ),
        // The end of a deny is not the beginning of an allow.
        (
            &["allow 0 22 * * * | 6h", "deny 0 8 * * * | 2h"],
            "2026-11-27T09:00Z",
            "2026-11-27T22:00Z",
            "2026-11-27T22:00Z",
        ),
        // By the clock of its zone; an unknown one is UTC.
        (
            &["deny 0 8 * * * | 1h | Europe/Berlin"],
            "2026-11-27T07:30Z",
            "2026-11-27T08:00Z",
            "2026-11-27T08:00Z",
        ),
        (&["deny 0 8 * * * | 1h | Middle/Earth"], "2026-11-27T07:30Z", "-", "-"),
        // For ever, by windows that follow on one another, and by one that lasts.
        (&["deny * * * * * | 1m"], "2026-11-27T12:00Z", "never", "never"),
        (&["deny 0 0 1 11 * | 2400h"], "2026-11-27T12:00Z", "never", "never"),
        (&["allow 0 0 1 1 * | 1h"], "2026-11-27T12:00Z", "never", "never"),
        // What Argo CD cannot read closes, whatever else is there.
        (&["deny @daily | 1h | manual", "allow * * * * * | 1h"], "2026-11-27T12:00Z", "never", "never"),
        (&["allow 0 8 * * * | forever"], "2026-11-27T12:00Z", "never", "never"),
    ];
    for (texts, now, by_itself, by_hand) in cases {
        let windows: Vec<SyncWindow> = texts.iter().map(|text| window(text)).collect();
        for (by, expected) in [(By::Itself, by_itself), (By::Hand, by_hand)] {
            let told = match shut("default", &windows, by, at(now)) {
                None => "-".to_owned(),
                Some(Shut { opens: None, .. }) => "never".to_owned(),
                Some(Shut { opens: Some(opens), .. }) => opens.strftime("%Y-%m-%dT%H:%MZ").to_string(),
            };
            assert_eq!(told, expected, "{texts:?} at {now}, {by:?}");
        }
    }
}

#[test]
fn a_closed_window_is_named_with_its_project_and_its_opening() {
    let said = |text: &str| {
        let shut = shut("apps", &[window(text)], By::Itself, at("2026-11-27T12:00Z"));
        shut.expect("closed").to_string()
    };
    assert_eq!(
        said("deny 0 8 * * * | 10h | Europe/Berlin"),
        "the sync window `deny 0 8 * * *` (10h, Europe/Berlin) of project apps is closed until 2026-11-27 17:00 UTC"
    );
    assert_eq!(
        said("deny * * * * * | 1h"),
        "the sync window `deny * * * * *` (1h) of project apps does not open within 8 days"
    );
    assert_eq!(
        said("allow 7 | 1h"),
        "the sync window `allow 7` (1h) of project apps cannot be read, so Argo CD syncs nothing"
    );
}

#[test]
fn durations_are_read_as_go_writes_them() {
    for (text, seconds) in [
        ("1h", Some(3600)),
        ("1h30m", Some(5400)),
        ("1.5h", Some(5400)),
        ("90s", Some(90)),
        ("2000ms", Some(2)),
        ("0h", Some(0)),
        ("", None),
        ("1d", None),
        ("90", None),
        ("h", None),
        ("1 h", None),
        ("1..5h", None),
    ] {
        assert_eq!(go_duration(text).map(|lasts| lasts.as_secs()), seconds, "{text}");
    }
}

use super::*;

#[test]
fn ids_come_from_the_list_or_not_at_all() {
    let listed = r#"[{"crash_id": "2026-11-20T01:02:03.4Z_ab", "entity_name": "mgr.a"}]"#;
    assert_eq!(crash_ids(listed).expect("ids"), ["2026-11-20T01:02:03.4Z_ab"]);
    assert!(crash_ids("[]").expect("none").is_empty());
    for bad in ["", "{}", "[{}]", r#"[{"crash_id": "--all"}]"#, r#"[{"crash_id": "a b"}]"#] {
        assert!(crash_ids(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_summary_is_one_short_line_without_secrets() {
    let report = r#"{"entity_name": "mgr.a", "mgr_module": "devicehealth",
        "assert_msg": "at rados://user:pass@host\n key=AQB", "backtrace": ["x"]}"#;
    let summary = summary("id", report);
    assert_eq!(
        summary,
        "id, entity_name mgr.a, mgr_module devicehealth, assert_msg at [redacted] [redacted]"
    );
    let long = format!(r#"{{"assert_msg": "{}"}}"#, "x".repeat(1_000));
    assert_eq!(super::summary("id", &long).chars().count(), LINE);
    assert_eq!(super::summary("id", "not json"), "id");
}

#[test]
fn what_crashes_again_within_a_day_after_it_was_archived_has_come_back() {
    let report = |id: &str, fields: &[(&str, &str)]| {
        let mut report = serde_json::json!({"crash_id": id});
        for (name, value) in fields {
            report[*name] = (*value).into();
        }
        report
    };
    let new =
        [("entity_name", "mgr.a"), ("mgr_module", "devicehealth"), ("timestamp", "2026-11-20T12:00:00.5Z")];
    let (id, old) = ("2026-11-20T12:00:00.5Z_b", "2026-11-20T06:00:00.0Z_a");
    let seen = ("archived", "2026-11-20 06:00:00.123456");
    for (fields, expected, what) in [
        (&[("entity_name", "mgr.a"), seen][..], true, "six hours ago"),
        (&[("entity_name", "mgr.a"), ("archived", "2026-11-19T11:00:00.0Z")], false, "more than a day ago"),
        (&[("entity_name", "mgr.b"), seen], false, "another daemon"),
        (&[("entity_name", "mgr.a"), ("mgr_module", "rook"), seen], false, "another module"),
        (
            &[
                ("entity_name", "mgr.a"),
                ("mgr_module", "devicehealth"),
                ("timestamp", "2026-11-19T12:00:00.0Z"),
                ("archived", "2026-11-20 08:00:00.123456"),
            ],
            true,
            "each noon, and archived each morning",
        ),
        (
            &[
                ("entity_name", "mgr.a"),
                ("timestamp", "2026-11-20T11:00:00.0Z"),
                ("archived", "2026-11-20T13:00:00.0Z"),
            ],
            false,
            "seen together with this one",
        ),
        (&[("entity_name", "mgr.a"), ("archived", "some time")], true, "nobody knows when"),
        (&[seen], false, "nobody knows of what"),
        // It was not in the list of new ones yet, and nobody has archived it.
        (&[("entity_name", "mgr.a"), ("timestamp", "2026-11-20T11:51:00.0Z")], false, "posted meanwhile"),
    ] {
        let listed = serde_json::json!([report(old, fields), report(id, &new)]).to_string();
        let ids = [id.to_owned()];
        let back = came_back(&listed, &ids).expect("readable");
        assert_eq!(back, expected.then(|| (id.to_owned(), old.to_owned())), "{what}");
    }
    assert!(came_back("{}", &[]).is_err());
}

#[test]
fn what_looks_like_a_secret_is_not_shown() {
    for (said, shown) in [
        (
            "Read-only file system: '/data/shop.db' token=abc",
            "Read-only file system: '/data/shop.db' [redacted]",
        ),
        ("password: hunter2 for shop", "[redacted] [redacted] for shop"),
        ("PASSWORD= hunter2", "[redacted] [redacted]"),
        (r#"{"token":"abc"}"#, "[redacted]"),
        (r#"{"token": "abc", "id": 1}"#, r#"[redacted] [redacted] "id": 1}"#),
        (
            "got 401 for Authorization: Bearer eyJ0 of web",
            "got 401 for [redacted] [redacted] [redacted] of web",
        ),
        ("Authorization: Basic YTpi", "[redacted] [redacted] [redacted]"),
        ("sent bearer eyJ0", "sent bearer [redacted]"),
        ("basic checks failed:  no token", "basic checks failed: no token"),
        ("postgres://shop:abc@db/shop", "[redacted]"),
        ("", ""),
    ] {
        assert_eq!(redacted(said), shown, "{said}");
    }
}

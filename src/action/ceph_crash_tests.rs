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

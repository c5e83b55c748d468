//! What fills up: a line through what was seen of it.
//!
//! The line is that of least squares over all samples that are kept, so that one night on which a backup lay there moves it
//! little. It says nothing after a few days, and nothing of what a cleanup has just emptied: what is asked for is where it
//! goes, not where it jumped.

use crate::store::UsageSample;
use jiff::{SignedDuration, Timestamp};

/// Samples from less than so many days say nothing.
const SHORTEST: SignedDuration = SignedDuration::from_hours(14 * 24);
/// What is full later than so is told later.
const FARTHEST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So many samples at least.
const FEWEST: usize = 7;
/// What was not seen for so long is gone, or not looked at any more.
const NEWEST: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Where something goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trend {
    /// When it reaches its limit.
    pub(super) full_at: Timestamp,
    /// How much more it is each day, in bytes.
    pub(super) bytes_a_day: f64,
    /// How full it is now, in percent.
    pub(super) percent: u64,
}

/// Where the samples of one thing, oldest first, lead, if they lead to its limit (in percent of its size) within the time that
/// is looked ahead.
pub(super) fn trend(samples: &[UsageSample], limit_percent: u8, now: Timestamp) -> Option<Trend> {
    let (first, last) = (samples.first()?, samples.last()?);
    let is_gone = now.duration_since(last.at) > NEWEST;
    if is_gone || samples.len() < FEWEST || last.at.duration_since(first.at) < SHORTEST || last.total == 0 {
        return None;
    }
    let days = |at: Timestamp| at.duration_since(first.at).as_secs_f64() / 86_400.0;
    #[expect(clippy::cast_precision_loss, reason = "a trend of bytes is no count of them")]
    let bytes = |count: u64| count as f64;
    #[expect(clippy::cast_precision_loss, reason = "there are a few hundred")]
    let count = samples.len() as f64;
    let mean_x = samples.iter().map(|one| days(one.at)).sum::<f64>() / count;
    let mean_y = samples.iter().map(|one| bytes(one.used)).sum::<f64>() / count;
    let (mut above, mut below) = (0.0, 0.0);
    for one in samples {
        let x = days(one.at) - mean_x;
        above += x * (bytes(one.used) - mean_y);
        below += x * x;
    }
    let slope = above / below;
    if !slope.is_finite() || slope <= 0.0 {
        return None;
    }
    let left = bytes(last.total) * f64::from(limit_percent) / 100.0 - bytes(last.used);
    // What has reached its limit is a finding of its own.
    if left <= 0.0 || left / slope * 86_400.0 > FARTHEST.as_secs_f64() {
        return None;
    }
    let full_at = now.checked_add(SignedDuration::try_from_secs_f64(left / slope * 86_400.0).ok()?).ok()?;
    let percent = u64::try_from(u128::from(last.used) * 100 / u128::from(last.total)).ok()?;
    Some(Trend { full_at, bytes_a_day: slope, percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn at(day: i64) -> Timestamp {
        "2026-11-01T06:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day)
    }

    fn samples(used: impl Fn(i64) -> u64, days: i64) -> Vec<UsageSample> {
        (0..days).map(|day| UsageSample { at: at(day), used: used(day) * GIB, total: 100 * GIB }).collect()
    }

    fn grows(day: i64) -> u64 {
        50 + day.unsigned_abs()
    }

    #[test]
    fn what_grows_is_full_on_a_day() {
        // 50 GiB and one more a day: 78 on day 28, 85 seven days later.
        let found = trend(&samples(grows, 29), 85, at(28)).unwrap();
        assert_eq!(found.full_at, at(35));
        assert!((found.bytes_a_day - 1_073_741_824.0).abs() < 1.0, "{found:?}");
        assert_eq!(found.percent, 78);
    }

    #[test]
    fn what_does_not_grow_or_nobody_knows_for_long_is_nothing() {
        for (name, samples) in [
            ("none", Vec::new()),
            ("too few days", samples(grows, 14)),
            ("too few samples", samples(grows, 29).into_iter().step_by(5).collect()),
            ("stays", samples(|_| 50, 29)),
            ("shrinks", samples(|day| 80 - day.unsigned_abs(), 29)),
            ("slowly", samples(|day| 50 + day.unsigned_abs() / 14, 29)),
            ("is there already", samples(|day| 70 + day.unsigned_abs(), 29)),
            (
                "has no size",
                samples(grows, 29).into_iter().map(|one| UsageSample { total: 0, ..one }).collect(),
            ),
        ] {
            assert_eq!(trend(&samples, 85, at(28)), None, "{name}");
        }
        assert!(trend(&samples(grows, 15), 85, at(14)).is_some(), "two weeks are enough");
        assert!(trend(&samples(grows, 15), 85, at(17)).is_some(), "it was not looked at for a while");
        assert_eq!(trend(&samples(grows, 15), 85, at(18)), None, "it is gone");
    }

    #[test]
    fn one_full_night_does_not_turn_the_line() {
        let found = trend(&samples(|day| if day == 12 { 84 } else { 50 }, 29), 85, at(28));
        assert_eq!(found, None);
    }
}

//! The ids of what was found: made from what makes a finding this one, and nothing else.
//!
//! Nobody keeps a list of them, so the same finding has the same id wherever it is looked at, and whatever else is found there. Ids have
//! the form that the reader knows (`F-4821.731`): seven digits of a hash. Texts of before hold some of four: they count where
//! one finding alone may be meant. What Ceph says by its operator's object and by its command is one matter, and has one id.

use super::propose::{is_of_ceph, is_one_matter};
use crate::forge::PullNumber;
use crate::health::{Finding, FindingId, Probe};
use crate::issue::{Kind, TaskKey, identity};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What tells a finding from others in a text: `4821.731`, or `4821` in one of before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct FindingTag(String);

/// So many digits of the hash there are, and so many of them were shown where that was enough.
const DIGITS: usize = 7;
const SHORT: usize = 4;

impl FindingTag {
    /// As people write it.
    pub(crate) fn id(&self) -> String {
        format!("F-{}", self.0)
    }

    /// Of some digits.
    fn short(digits: &str) -> Self {
        Self(digits[..SHORT].to_owned())
    }

    fn long(digits: &str) -> Self {
        Self(format!("{}.{}", &digits[..SHORT], &digits[SHORT..]))
    }

    /// That of a finding.
    fn of(id: &FindingId) -> Self {
        Self::long(&digits(id))
    }

    /// Those that a finding may have in a text of before.
    fn former(id: &FindingId) -> Vec<Self> {
        let mut former = vec![Self::short(&digits(id))];
        if is_of_ceph(id) {
            let before = own_digits(id);
            former.extend([Self::long(&before), Self::short(&before)]);
        }
        former
    }

    /// As people write it: `F-4821`, `F-4821.731`.
    pub(crate) fn of_id(id: &str) -> Option<Self> {
        let tag = id.strip_prefix("F-").or_else(|| id.strip_prefix("f-"))?;
        match Own::of_block(&format!("finding-{}", tag.replace('.', "-")))? {
            Own::Finding(tag) => Some(tag),
            Own::Update(_) => None,
        }
    }

    /// Whether it may be the tag of this finding.
    fn fits(&self, id: &FindingId) -> bool {
        *self == Self::of(id) || Self::former(id).contains(self)
    }
}

/// By its operator's object and by its command Ceph tells one thing: what makes it this one is the check.
fn digits(id: &FindingId) -> String {
    if is_of_ceph(id) {
        return hashed([Probe::Ceph.word(), &id.rule, "", &id.object.namespace, ""]);
    }
    own_digits(id)
}

/// By everything that makes a finding this one and no other.
fn own_digits(id: &FindingId) -> String {
    let FindingId { probe, rule, object } = id;
    hashed([probe.word(), rule, &object.kind, &object.namespace, &object.name])
}

fn hashed(parts: [&str; 5]) -> String {
    let hash = Sha256::digest(parts.join("\n").as_bytes());
    let number = hash[..8].iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{:0width$}", number % 10_u64.pow(7), width = DIGITS)
}

/// The tags of the findings of one look: no two matters share one. One that has nothing of its own even in all its digits has none.
pub(crate) fn tags<'a>(findings: impl Iterator<Item = &'a FindingId>) -> BTreeMap<&'a FindingId, FindingTag> {
    let findings: BTreeSet<&FindingId> = findings.collect();
    let mut taken: BTreeMap<FindingTag, &FindingId> = BTreeMap::new();
    let tag = |id: &'a FindingId| {
        let tag = FindingTag::of(id);
        is_one_matter(taken.entry(tag.clone()).or_insert(id), id).then_some((id, tag))
    };
    findings.into_iter().filter_map(tag).collect()
}

/// The finding of a look that a tag stands for; `None` where it stands for none, or for several. Of what Ceph says twice that of
/// its command, which is the newer.
pub(crate) fn resolve<'a>(
    tag: &FindingTag,
    findings: impl Iterator<Item = &'a Finding>,
) -> Option<&'a Finding> {
    let fitting: Vec<&Finding> = findings.filter(|finding| tag.fits(&finding.id)).collect();
    let first = fitting.first()?;
    let by_command = fitting.iter().find(|finding| finding.id.probe == Probe::CephTools);
    fitting.iter().all(|other| is_one_matter(&other.id, &first.id)).then_some(by_command.unwrap_or(first))
}

/// The tags of before under which a text may name each finding of a look, and no other of it.
pub(crate) fn former_tags<'a>(
    findings: impl Iterator<Item = &'a FindingId>,
) -> BTreeMap<&'a FindingId, Vec<FindingTag>> {
    let findings: BTreeSet<&FindingId> = findings.collect();
    // Whose each of them is; `None` where it may be of several.
    let mut named: BTreeMap<FindingTag, Option<&FindingId>> = BTreeMap::new();
    for &id in &findings {
        for tag in FindingTag::former(id) {
            let known = named.entry(tag).or_insert(Some(id));
            *known = known.filter(|known| is_one_matter(known, id));
        }
    }
    let of = |id| {
        let is_its_own = |tag: &FindingTag| named.get(tag).is_some_and(Option::is_some);
        (id, FindingTag::former(id).into_iter().filter(is_its_own).collect())
    };
    findings.iter().map(|id| of(*id)).collect()
}

/// What a block of our own asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Own {
    /// That what was found is gone.
    Finding(FindingTag),
    /// That a pull request of Renovate's is merged.
    Update(PullNumber),
}

impl Own {
    /// The id of its task.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Finding(tag) => tag.id(),
            // An id has four digits at most, and three behind a point.
            Self::Update(PullNumber(number)) if *number > 9_999 => {
                format!("R-{}.{:03}", number / 1_000, number % 1_000)
            }
            Self::Update(number) => format!("R-{number}"),
        }
    }

    /// The name of its block.
    pub(crate) fn block(&self) -> String {
        match self {
            Self::Finding(tag) => format!("finding-{}", tag.0.replace('.', "-")),
            Self::Update(number) => format!("update-{number}"),
        }
    }

    /// What the block of this name asks for; `None` for any other block.
    pub(crate) fn of_block(name: &str) -> Option<Self> {
        let is_digits =
            |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(number) = name.strip_prefix("update-") {
            let number: u64 = number.parse().ok().filter(|number| (1..10_000_000).contains(number))?;
            let own = Self::Update(PullNumber(number));
            return (own.block() == name).then_some(own);
        }
        let tag = name.strip_prefix("finding-")?;
        match tag.split_once('-') {
            None => is_digits(tag, SHORT).then(|| Self::Finding(FindingTag(tag.to_owned()))),
            Some((short, more)) => (is_digits(short, SHORT) && is_digits(more, DIGITS - SHORT))
                .then(|| Self::Finding(FindingTag(format!("{short}.{more}")))),
        }
    }

    /// What kind of work it is.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Finding(tag) => Kind::Finding { tag: tag.clone() },
            Self::Update(pull) => Kind::Merge { pull: *pull },
        }
    }
}

/// The key of the task that a block asks for: of what it is about, whatever its words are.
pub(crate) fn key_of(own: &Own) -> TaskKey {
    identity::key(&own.kind(), "", &own.id(), 0)
}

//! Where the simulator is meant to differ from the recordings, each with its reason. A difference that is not listed
//! fails the suite, and so does one that is listed and no longer occurs.

pub(crate) struct Deviation {
    pub(crate) scenario: &'static str,
    pub(crate) index: usize,
    /// What the difference begins with.
    pub(crate) difference: &'static str,
    pub(crate) reason: &'static str,
}

pub(crate) const DEVIATIONS: &[Deviation] = &[Deviation {
    scenario: "issue_lifecycle",
    index: 27,
    difference: "$.message: recorded \"[]: invalid character",
    reason: "the words of Go's JSON parser are not imitated; status and shape of the refusal are",
}];

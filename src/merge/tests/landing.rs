use super::samples::sha;
use crate::forge::{Commit, CommitSha, MergeStyle};
use crate::merge::landing::Asked;

const STEP: &str = "x\n\nCaretaker-Step: 7-3\n";

fn commit(digit: char, parents: &[char], message: &str) -> Commit {
    Commit {
        sha: sha(digit),
        parents: parents.iter().map(|one| sha(*one)).collect(),
        message: message.to_owned(),
    }
}

/// Two commits of Renovate's, `2` on `1`, which were made on an older base.
fn own() -> Vec<Commit> {
    vec![commit('2', &['1'], "second\n"), commit('1', &['0'], "first\n")]
}

/// The head is `2`, the permit's base is `b`.
fn asked<'a>(
    style: MergeStyle,
    head: &'a CommitSha,
    own: &'a [Commit],
    tries: &'a [(String, CommitSha)],
) -> Asked<'a> {
    Asked { style, head, own, tries }
}

/// What, the style, the branch (newest first), which commit it is, whether it is proven.
type Row = (&'static str, MergeStyle, Vec<Commit>, Option<char>, bool);

#[test]
fn each_way_of_merging_is_found_on_the_branch_and_proven_by_its_parents() {
    use MergeStyle::{FastForwardOnly, Merge, Rebase, RebaseMerge, Squash};
    let squashed =
        "x\n\nCaretaker-Step: 7-3\n\nCo-authored-by: a <a@example.org>\nCo-committed-by: a <a@example.org>\n";
    let base = || commit('b', &['a'], "base");
    let foreign = || commit('f', &['b'], "foreign");
    let table: Vec<Row> = vec![
        ("a merge", Merge, vec![commit('c', &['b', '2'], STEP), base()], Some('c'), true),
        ("a merge of another head", Merge, vec![commit('c', &['b', '3'], STEP), base()], Some('c'), false),
        (
            "a merge after a push",
            Merge,
            vec![commit('c', &['f', '2'], STEP), foreign(), base()],
            Some('c'),
            false,
        ),
        ("somebody else's merge", Merge, vec![commit('c', &['b', '2'], "x\n\nno step"), base()], None, false),
        (
            "another step's merge",
            Merge,
            vec![commit('c', &['b', '2'], "x\n\nCaretaker-Step: 7-33"), base()],
            None,
            false,
        ),
        ("a squash", Squash, vec![commit('c', &['b'], STEP), base()], Some('c'), true),
        (
            "a squash with the forge's own trailers",
            Squash,
            vec![commit('c', &['b'], squashed), base()],
            Some('c'),
            true,
        ),
        (
            "a squash after a push",
            Squash,
            vec![commit('c', &['f'], STEP), foreign(), base()],
            Some('c'),
            false,
        ),
        ("a rebase and a merge", RebaseMerge, vec![commit('c', &['b', 'e'], STEP), base()], Some('c'), true),
        (
            "the same after a push",
            RebaseMerge,
            vec![commit('c', &['f', 'e'], STEP), foreign(), base()],
            Some('c'),
            false,
        ),
        (
            "a rebase",
            Rebase,
            vec![commit('d', &['c'], "second"), commit('c', &['b'], "first"), base()],
            Some('d'),
            true,
        ),
        (
            "a rebase after a push",
            Rebase,
            vec![commit('d', &['c'], "second"), commit('c', &['f'], "first"), foreign(), base()],
            None,
            false,
        ),
        (
            "a rebase with a push between",
            Rebase,
            vec![
                commit('d', &['f'], "second"),
                commit('f', &['c'], "foreign"),
                commit('c', &['b'], "first"),
                base(),
            ],
            None,
            false,
        ),
        ("a rebase of one of two", Rebase, vec![commit('c', &['b'], "first"), base()], None, false),
        (
            "a head that stood on its base already",
            Rebase,
            vec![commit('2', &['1'], "second"), commit('1', &['b'], "first"), base()],
            Some('2'),
            true,
        ),
        (
            "a fast-forward",
            FastForwardOnly,
            vec![commit('2', &['1'], "second"), commit('1', &['b'], "first"), base()],
            Some('2'),
            true,
        ),
        (
            "a fast-forward over a foreign commit",
            FastForwardOnly,
            vec![commit('2', &['1'], "second"), commit('1', &['f'], "first"), foreign(), base()],
            Some('2'),
            false,
        ),
        ("nothing", FastForwardOnly, vec![base()], None, false),
    ];
    let head = sha('2');
    let tries = [("7-3".to_owned(), sha('b'))];
    for (what, style, branch, found, proven) in table {
        let own = own();
        let asked = asked(style, &head, &own, &tries);
        let landed = asked.find(&branch);
        assert_eq!(landed.map(|commit| commit.sha.clone()), found.map(sha), "{what}");
        assert_eq!(landed.is_some_and(|commit| asked.is_proven(commit, &branch)), proven, "{what}");
    }
}

#[test]
fn a_rebase_that_the_pull_request_names_is_proven_by_its_count_alone() {
    let (own, head) = (own(), sha('2'));
    let tries = [("7-3".to_owned(), sha('b'))];
    let asked = asked(MergeStyle::Rebase, &head, &own, &tries);
    // The forge may have written the last message anew.
    let branch =
        [commit('d', &['c'], "by a template"), commit('c', &['b'], "first"), commit('b', &['a'], "base")];
    assert!(asked.is_proven(&branch[0], &branch));
    let one_more = [
        commit('d', &['c'], "second"),
        commit('c', &['f'], "first"),
        commit('f', &['b'], "foreign"),
        commit('b', &['a'], "base"),
    ];
    assert!(!asked.is_proven(&one_more[0], &one_more));
    let merged =
        [commit('d', &['c', 'f'], "second"), commit('c', &['b'], "first"), commit('b', &['a'], "base")];
    assert!(!asked.is_proven(&merged[0], &merged));
    let unknown = Asked { own: &[], ..asked };
    assert!(!unknown.is_proven(&branch[0], &branch), "without its own commits nothing is known");
}

#[test]
fn a_second_try_is_held_against_its_own_base() {
    let head = sha('2');
    let tries = [("7-3".to_owned(), sha('b')), ("7-5".to_owned(), sha('f'))];
    let asked = asked(MergeStyle::Merge, &head, &[], &tries);
    let second = [commit('c', &['f', '2'], "x\n\nCaretaker-Step: 7-5")];
    assert!(asked.find(&second).is_some_and(|commit| asked.is_proven(commit, &second)));
    let first_on_the_second_base = [commit('c', &['f', '2'], STEP)];
    assert!(!asked.is_proven(&first_on_the_second_base[0], &first_on_the_second_base));
}

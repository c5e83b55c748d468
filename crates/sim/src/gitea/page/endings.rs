//! The ends of lines of an edited text. A browser sends every line of a form with CRLF, whatever the text had.

/// The new text with the ends that its lines had before: lines in front of the edit and behind it keep theirs, edited ones
/// get the end that most lines have.
pub(super) fn restored(old: &str, sent: &str) -> String {
    let before: Vec<&str> = old.split_inclusive('\n').collect();
    let crlf = before.iter().filter(|line| line.ends_with("\r\n")).count();
    let ends = before.iter().filter(|line| line.ends_with('\n')).count();
    let usual = if crlf * 2 > ends { "\r\n" } else { "\n" };
    let sent = sent.replace("\r\n", "\n");
    let after: Vec<&str> = sent.split_inclusive('\n').collect();
    let same = |old: &&str, new: &&str| old.trim_end_matches(['\r', '\n']) == new.trim_end_matches('\n');
    let front = before.iter().zip(&after).take_while(|(old, new)| same(old, new)).count();
    let room = before.len().min(after.len()) - front;
    let back = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take(room)
        .take_while(|(old, new)| same(old, new) && old.ends_with('\n') == new.ends_with('\n'))
        .count();
    let mut text = String::with_capacity(sent.len());
    for (at, line) in after.iter().enumerate() {
        let known = if at < front {
            before.get(at)
        } else if at >= after.len() - back {
            before.get(before.len() - (after.len() - at))
        } else {
            None
        };
        match known {
            Some(old) if old.ends_with('\n') == line.ends_with('\n') => text += old,
            _ => match line.strip_suffix('\n') {
                Some(words) => {
                    text += words;
                    text += usual;
                }
                None => text += line,
            },
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::restored;

    #[test]
    fn lines_that_were_not_edited_keep_their_ends() {
        let sent = |text: &str| text.replace("\r\n", "\n").replace('\n', "\r\n");
        for (old, new) in [
            ("a\nb\n", "a\nB\n"),
            ("a\r\nb\r\n", "a\r\nB\r\n"),
            ("a\r\nb\nc\r\nd\n", "a\r\nb\nx\nc\r\nd\n"),
            ("a\r\nb\nc\r\n", "a\r\nb\nc\r\n"),
            ("a\nb", "a\nb\n"),
            ("a\nb\n", "a\nb"),
            ("a\r\nb", "a\r\nb\r\nc"),
            ("", "a\n"),
            ("a\n", ""),
            ("a\n\na\n", "a\n\na\n\na\n"),
        ] {
            assert_eq!(restored(old, &sent(new)), new, "{old:?}");
        }
    }
}

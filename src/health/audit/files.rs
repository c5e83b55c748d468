//! Secrets in Git that anybody can read who reads the repository.
//!
//! Only where the manifest itself holds the values: what SOPS encrypts, what a sealed or external secret stands for and
//! what is filled in later (templates, substitutions) is none; what SOPS was not told to encrypt is. Not seen are Secrets within a `List`. A file is looked through line by line, since one that is
//! no whole YAML (a template) may hold one as well. No value is ever kept or shown, only the path and the line.

/// Whether a path can hold manifests.
pub(crate) fn is_manifest(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".yaml", ".yml"].iter().any(|end| path.ends_with(end))
}

/// The lines, counted from one, on which a Secret with readable values begins.
pub(crate) fn plain_secrets(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut document = Document::default();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("---") {
            found.extend(document.plain());
            document = Document::default();
        } else {
            document.take(number + 1, line.trim_end());
        }
    }
    found.extend(document.plain());
    found
}

/// What is known of the document so far.
#[derive(Debug, Default)]
struct Document {
    /// The line that says that it is a Secret.
    secret: Option<usize>,
    /// Whether the lines that follow are values.
    in_values: bool,
    /// Whether one of them can be read.
    readable: bool,
}

impl Document {
    fn take(&mut self, number: usize, line: &str) {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        if content.len() < line.len() {
            self.readable |= self.in_values && is_readable(content);
            return;
        }
        let (key, value) = content.split_once(':').unwrap_or((content, ""));
        let value = value.split(" #").next().unwrap_or_default().trim();
        let key = key.trim_matches(['"', '\'']);
        if key == "kind" && value.trim_matches(['"', '\'']) == "Secret" {
            self.secret = Some(number);
        }
        self.in_values = matches!(key, "data" | "stringData");
        // `data: {password: hunter2}`
        if self.in_values
            && let Some(flow) = value.strip_prefix('{')
        {
            let entries = flow.trim_end_matches('}').split(',');
            self.readable |= entries.into_iter().any(is_readable);
        }
    }

    fn plain(&self) -> Option<usize> {
        self.secret.filter(|_| self.readable)
    }
}

/// Whether an entry holds a value that is no placeholder.
fn is_readable(entry: &str) -> bool {
    // The lines of a longer value have no key.
    let value = entry.split_once(':').map_or(entry, |(_, value)| value);
    let value = value.trim().trim_matches(['"', '\'']).trim();
    let stands_for_something = ["ENC[", "${", "{{", "<", "$("].iter().any(|start| value.starts_with(start));
    // What follows `|` or `>` stands on the next lines.
    !value.is_empty()
        && !value.starts_with(['|', '>'])
        && !stands_for_something
        && value != "null"
        && value != "~"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_plain_where_a_value_can_be_read() {
        let begin = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\n";
        for (rest, expected) in [
            ("stringData:\n  password: hunter2\n", vec![2]),
            ("data:\n  password: aHVudGVyMg==\n", vec![2]),
            ("data: {password: aHVudGVyMg==}\n", vec![2]),
            ("stringData:\n  file: |\n    user = shop\n", vec![2]),
            ("stringData:\n  # password: hunter2\n", vec![]),
            ("stringData: {}\n", vec![]),
            ("data:\n  password: \"\"\n", vec![]),
            ("type: Opaque\n", vec![]),
            ("stringData:\n  password: ${PASSWORD}\n", vec![]),
            ("stringData:\n  password: <path:secret/shop#password>\n", vec![]),
            ("stringData:\n  password: {{ .Values.password }}\n", vec![]),
            ("stringData:\n  password: ENC[AES256_GCM,data:x]\nsops:\n  version: 3.9.0\n", vec![]),
            (
                "data:\n  password: ENC[AES256_GCM,data:x]\nstringData:\n  other: hunter2\nsops:\n  version: 3.9.0\n",
                vec![2],
            ),
            ("\"stringData\":\n  password: hunter2\n", vec![2]),
            ("immutable: true\n  password: hunter2\n", vec![]),
        ] {
            assert_eq!(plain_secrets(&format!("{begin}{rest}")), expected, "{rest}");
        }
    }

    #[test]
    fn each_document_of_a_file_is_one_of_its_own() {
        let text = "kind: ConfigMap\ndata:\n  a: b\n---\nstringData:\n  a: b\nkind: \"Secret\"\n---\r\nkind: Secret\r\ndata:\r\n  a: Yg==\r\n";
        assert_eq!(plain_secrets(text), [7, 9]);
        assert_eq!(plain_secrets(""), Vec::<usize>::new());
        assert_eq!(plain_secrets("kind: SealedSecret\nspec:\n  data:\n    a: b\n"), Vec::<usize>::new());
    }

    #[test]
    fn manifests_are_known_by_their_ending() {
        for (path, expected) in
            [("apps/shop/secret.yaml", true), ("A.YML", true), ("README.md", false), ("yaml", false)]
        {
            assert_eq!(is_manifest(path), expected, "{path}");
        }
    }
}

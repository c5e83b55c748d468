//! Secrets in Git that anybody can read who reads the repository.
//!
//! Only where the manifest itself holds the values: what SOPS encrypts, what a sealed or external secret stands for and
//! what is filled in later (templates, substitutions) is none; what SOPS was not told to encrypt is. The items of a `List` count
//! like documents, those of a list within it too; not seen is a list written in braces. A file is looked through line by line,
//! since one that is no whole YAML (a template) may hold one as well. No value is ever kept or shown, only the path and the line.

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

/// What is known of a document so far: the object that it is, and the items of lists that are open in it, each within the one
/// before.
#[derive(Debug, Default)]
struct Document {
    open: Vec<Object>,
}

/// An object: a document, or an item of a list.
#[derive(Debug, Default)]
struct Object {
    /// How far its keys are indented.
    indent: usize,
    /// Its kind, and the line that says so.
    kind: Option<String>,
    line: usize,
    /// Whether the lines that follow are values.
    in_values: bool,
    /// Whether one of them can be read.
    readable: bool,
    /// Whether the lines that follow are items.
    in_items: bool,
    /// What was found in those.
    found: Vec<usize>,
}

impl Document {
    fn take(&mut self, number: usize, line: &str) {
        let mut content = line.trim_start();
        if content.is_empty() || content.starts_with('#') {
            return;
        }
        if self.open.is_empty() {
            self.open.push(Object::default());
        }
        let mut indent = line.len() - content.len();
        self.close_beyond(indent);
        let is_item = content == "-" || content.starts_with("- ");
        if is_item && self.open.last().is_some_and(|object| object.in_items) {
            let rest = content[1..].trim_start();
            indent += content.len() - rest.len();
            content = rest;
            if content.is_empty() || content.starts_with('#') {
                // Its keys come on lines of their own, further in.
                indent = line.len() - line.trim_start().len() + 2;
            }
            self.open.push(Object { indent, line: number, ..Object::default() });
        }
        if let Some(object) = self.open.last_mut() {
            object.take(number, indent, content);
        }
    }

    /// Ends what is indented further than what comes.
    fn close_beyond(&mut self, indent: usize) {
        while self.open.len() > 1 && self.open.last().is_some_and(|object| object.indent > indent) {
            self.close();
        }
    }

    fn close(&mut self) {
        let Some(object) = self.open.pop() else { return };
        if let Some(list) = self.open.last_mut() {
            list.found.extend(object.plain());
        } else {
            self.open.push(object);
        }
    }

    fn plain(&mut self) -> Vec<usize> {
        self.close_beyond(0);
        while self.open.len() > 1 {
            self.close();
        }
        self.open.pop().map(Object::plain).unwrap_or_default()
    }
}

impl Object {
    fn take(&mut self, number: usize, indent: usize, content: &str) {
        if indent > self.indent {
            self.readable |= self.in_values && is_readable(content);
            return;
        }
        let (key, value) = content.split_once(':').unwrap_or((content, ""));
        let value = value.split(" #").next().unwrap_or_default().trim();
        let key = key.trim_matches(['"', '\'']);
        if key == "kind" {
            self.kind = Some(value.trim_matches(['"', '\'']).to_owned());
            self.line = number;
        }
        self.in_values = matches!(key, "data" | "stringData");
        self.in_items = key == "items";
        // `data: {password: hunter2}`
        if self.in_values
            && let Some(flow) = value.strip_prefix('{')
        {
            let entries = flow.trim_end_matches('}').split(',');
            self.readable |= entries.into_iter().any(is_readable);
        }
    }

    /// The lines on which it, or one of its items, says that it is a Secret.
    fn plain(mut self) -> Vec<usize> {
        match self.kind.as_deref() {
            Some("List" | "SecretList") => std::mem::take(&mut self.found),
            Some("Secret") if self.readable => vec![self.line],
            _ => Vec::new(),
        }
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
    fn the_items_of_a_list_are_objects_of_their_own() {
        let secret = |indent: usize, dash: &str| {
            let pad = " ".repeat(indent);
            format!(
                "{pad}{dash}apiVersion: v1\n{pad}  kind: Secret\n{pad}  stringData:\n{pad}    a: hunter2\n"
            )
        };
        let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems:\n{items}");
        for (text, expected) in [
            (list(&secret(0, "- ")), vec![5]),
            (list(&secret(2, "- ")), vec![5]),
            (list(&format!("{}{}", secret(2, "- "), secret(2, "- "))), vec![5, 9]),
            (list("  - kind: ConfigMap\n    data:\n      a: b\n"), vec![]),
            (list("  - kind: Secret\n    data:\n      a: ENC[x]\n"), vec![]),
            // The kind comes last, of the item and of the list.
            ("items:\n- data:\n    a: Yg==\n  kind: Secret\nkind: List\n".to_owned(), vec![4]),
            // The values of one are not those of the next.
            (list("- kind: Secret\n- kind: ConfigMap\n  data:\n    a: b\n"), vec![]),
            (list("-\n  kind: Secret\n  data:\n    a: Yg==\n"), vec![5]),
            // A list in a list, and what comes after it.
            (list(&format!("- kind: List\n  items:\n{}{}", secret(2, "- "), secret(0, "- "))), vec![7, 11]),
            // Of no list: what a controller is told of Secrets is none.
            ("kind: Policy\nitems:\n- kind: Secret\n  data:\n    a: b\n".to_owned(), vec![]),
            ("kind: HelmRelease\nspec:\n  valuesFrom:\n  - kind: Secret\n    name: a\n".to_owned(), vec![]),
            // A text within a value is a text.
            (
                list(
                    "- kind: ConfigMap\n  data:\n    file: |\n      kind: Secret\n      data:\n        a: b\n",
                ),
                vec![],
            ),
        ] {
            assert_eq!(plain_secrets(&text), expected, "{text}");
        }
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

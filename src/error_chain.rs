//! An error in one line, for logs and for people: most of them say what failed, and only their causes say why.

/// An error with its causes. What one of them says already is not said again.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("{said}")]
    struct Layer {
        said: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn every_cause_is_named_once() {
        let layers = ["no route", "connect failed", "connect failed", "the forge failed"];
        let error = layers.into_iter().fold(None, |source, said| Some(Box::new(Layer { said, source })));
        assert_eq!(chain(&*error.expect("an error")), "the forge failed: connect failed: no route");
    }
}

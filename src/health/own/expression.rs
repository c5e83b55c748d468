//! A CEL expression of the settings.
//!
//! The language has no end of its own for names that do not exist: it finds them where they are evaluated, and `a || b`
//! may never come to them. So they are looked for when the settings load.

use crate::health::probes::age;
use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr};
use cel::{Context, ExecutionError, IdedExpr, Program, Value};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What an expression may name.
const OBJECT: &str = "object";

/// What it may call, besides operators: what the language has, and `age`.
const FUNCTIONS: [&str; 12] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "dyn",
    AGE,
];

/// How many seconds ago a time was, as a whole number; 0 for what lies ahead of our clock.
const AGE: &str = "age";

/// A longer or more deeply nested expression is refused: it is evaluated down to where it is nested, and the stack of a
/// thread of the service bears 48 levels even in a debug build.
const LONGEST: usize = 1_000;
const DEEPEST: usize = 48;

/// The stack on which expressions are read: the parser goes down many times for each level, and ends by itself long before
/// this is used up.
const STACK: usize = 64 << 20;

/// An expression that was read, and names nothing but what is there.
#[derive(Clone)]
pub(crate) struct Expression {
    text: String,
    program: Arc<Program>,
}

impl Expression {
    /// Reads an expression; the error is a sentence for whoever wrote it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let program = compile(text)?;
        names(program.expression(), &mut vec![OBJECT], 0).map_err(|said| format!("`{text}` {said}"))?;
        Ok(Self { text: text.to_owned(), program: Arc::new(program) })
    }

    /// The expression as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn value(&self, object: &Value, now: Timestamp) -> Result<Value, ExecutionError> {
        let mut context = Context::default();
        context.add_variable_from_value(OBJECT, object.clone());
        // A function of that name is declared once for each context.
        let declared = context.add_function(AGE, move |time: Arc<String>| {
            let then: Timestamp = time
                .parse()
                .map_err(|_| ExecutionError::function_error(AGE, format!("`{time}` is no time")))?;
            Ok::<i64, ExecutionError>(i64::try_from(age(now, then).as_secs()).unwrap_or(i64::MAX))
        });
        if let Err(error) = declared {
            return Err(ExecutionError::function_error(AGE, error));
        }
        self.program.execute(&context)
    }

    /// Whether it is true of an object; the error says why there is no answer.
    pub(super) fn holds(&self, object: &Value, now: Timestamp) -> Result<bool, String> {
        match self.value(object, now) {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(other) => Err(format!("`{}` gives {} and not true or false", self.text, other.type_of())),
            Err(error) => Err(format!("`{}`: {error}", self.text)),
        }
    }

    /// The text that it gives for an object.
    pub(super) fn words(&self, object: &Value, now: Timestamp) -> Result<String, String> {
        match self.value(object, now) {
            Ok(Value::String(text)) => Ok(text.to_string()),
            Ok(other) => Err(format!("`{}` gives {} and not a text", self.text, other.type_of())),
            Err(error) => Err(format!("`{}`: {error}", self.text)),
        }
    }
}

fn compile(text: &str) -> Result<Program, String> {
    if text.len() > LONGEST {
        let begins: String = text.chars().take(40).collect();
        return Err(format!("`{begins}...` is too long: an expression has {LONGEST} characters at most"));
    }
    let owned = text.to_owned();
    let reading = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || Program::compile(&owned))
        .map_err(|error| format!("`{text}` cannot be read: {error}"))?;
    let read = reading.join().map_err(|_| format!("`{text}` cannot be read"))?;
    read.map_err(|error| {
        let first = error.errors.first().map_or_else(|| error.to_string(), |first| first.msg.clone());
        format!("`{text}` is no CEL expression: {first}")
    })
}

/// Whether everything that is named is there: `object`, what a macro such as `exists` binds, and the known functions.
fn names<'e>(expression: &'e IdedExpr, bound: &mut Vec<&'e str>, level: usize) -> Result<(), String> {
    if level > DEEPEST {
        return Err(format!("is too deeply nested: {DEEPEST} levels at most"));
    }
    let level = level + 1;
    let mut each =
        |parts: Vec<&'e IdedExpr>| parts.into_iter().try_for_each(|part| names(part, bound, level));
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) => Ok(()),
        Expr::Ident(name) => {
            // What a macro makes for itself begins with `@`.
            let known = name.starts_with('@') || bound.contains(&name.as_str());
            known.then_some(()).ok_or_else(|| format!("names `{name}`; there is `{OBJECT}` and nothing else"))
        }
        Expr::Call(call) => {
            let name = call.func_name.as_str();
            let is_operator = name.contains(|c: char| !c.is_ascii_alphabetic());
            if !is_operator && !FUNCTIONS.contains(&name) {
                return Err(format!("calls `{name}`; the functions are {}", FUNCTIONS.join(", ")));
            }
            each(call.target.iter().map(|target| &**target).chain(&call.args).collect())
        }
        Expr::Select(select) => each(vec![&select.operand]),
        Expr::List(list) => each(list.elements.iter().collect()),
        Expr::Map(map) => each(parts(&map.entries)),
        Expr::Struct(made) => each(parts(&made.entries)),
        Expr::Comprehension(all) => {
            each(vec![&all.iter_range, &all.accu_init])?;
            let own = bound.len();
            bound.extend([all.iter_var.as_str(), all.accu_var.as_str()]);
            bound.extend(all.iter_var2.as_deref());
            let within = [&all.loop_cond, &all.loop_step, &all.result]
                .into_iter()
                .try_for_each(|part| names(part, bound, level));
            bound.truncate(own);
            within
        }
    }
}

fn parts(entries: &[IdedEntryExpr]) -> Vec<&IdedExpr> {
    fn of_one(entry: &IdedEntryExpr) -> Vec<&IdedExpr> {
        match &entry.expr {
            EntryExpr::StructField(field) => vec![&field.value],
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        }
    }
    entries.iter().flat_map(of_one).collect()
}

impl fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Expression").field(&self.text).finish()
    }
}

/// Two expressions are the same where they are written the same.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::probes::testing::now;
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        cel::to_value(json!({
            "metadata": {"name": "nightly", "annotations": {"a/b": "x"}},
            "spec": {"n": 3, "f": 2.5, "none": null},
            "status": {
                "at": "2026-11-21T11:00:00Z",
                "ahead": "2026-11-21T13:00:00Z",
                "conditions": [{"type": "Ready", "status": "False"}],
            },
        }))
        .expect("JSON is a value")
    }

    #[test]
    fn what_names_nothing_that_is_there_is_refused_when_it_is_read() {
        for (text, said) in [
            ("", "no CEL expression"),
            ("object.", "no CEL expression"),
            ("1 +", "no CEL expression"),
            ("object.status.phase = 'x'", "no CEL expression"),
            ("pod.status.phase == 'Failed'", "names `pod`"),
            ("true || nobody", "names `nobody`"),
            ("object.list.all(one, other.ok)", "names `other`"),
            ("object.list.all(one, one.ok) && one.ok", "names `one`"),
            ("{'a': nobody}.a", "names `nobody`"),
            ("[nobody].size() > 0", "names `nobody`"),
            ("ago(object.status.at) > 1", "calls `ago`"),
            ("true || object.a.nothing()", "calls `nothing`"),
        ] {
            let error = Expression::new(text).expect_err(text);
            assert!(error.contains(said) && error.contains(text), "{text}: {error}");
        }
        for deep in [
            format!("{}1{}", "[".repeat(80), "]".repeat(80)),
            format!("{}1{}", "(".repeat(400), ")".repeat(400)),
            format!("{}1", "!(true) ? 1 : ".repeat(60)),
            format!("{}1", "1+".repeat(100)),
            format!("{}1", "1==".repeat(100)),
            format!("object{}", ".a".repeat(100)),
            format!("object{}", ".size()".repeat(100)),
            "x".repeat(LONGEST + 1),
        ] {
            assert!(Expression::new(&deep).is_err(), "{deep}");
        }
        // What is as deep as it may be is evaluated on the stack of a thread.
        for (deep, expected) in [
            (format!("1{} == 41", "+1".repeat(40)), true),
            (format!("{}true{}", "(".repeat(40), ")".repeat(40)), true),
            (format!("false{}", "||true".repeat(160)), true),
        ] {
            let expression = Expression::new(&deep).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(expression.holds(&object(), now()), Ok(expected), "{deep}");
        }
    }

    #[test]
    fn every_function_that_is_allowed_is_there() {
        for (text, expected) in [
            ("object.status.conditions.exists(one, one.type == 'Ready' && one.status != 'True')", true),
            ("object.status.conditions.all(one, one.status == 'True')", false),
            ("object.status.conditions.exists_one(one, one.type == 'Ready')", true),
            ("object.status.conditions.filter(one, one.type == 'Ready').size() == 1", true),
            ("object.status.conditions.map(one, one.type)[0].contains('ead')", true),
            ("has(object.spec.nothing)", false),
            ("has(object.spec.n) && object.spec.n > 2", true),
            ("object.spec.n == 3 && object.spec.f > 2.0 && object.spec.none == null", true),
            ("object.metadata.annotations['a/b'] == 'x'", true),
            ("object.metadata.name.startsWith('night') && object.metadata.name.endsWith('ly')", true),
            ("object.metadata.name.matches('^n.*y$')", true),
            ("string(object.spec.n) == '3' && int('4') == 4 && uint('4') == 4u && double('1.5') > 1.0", true),
            ("bool('true') && dyn(true)", true),
            ("age(object.status.at) == 3600 && age(object.status.ahead) == 0", true),
        ] {
            let expression = Expression::new(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(expression.holds(&object(), now()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_answer_says_so() {
        for (text, said) in [
            ("object.spec.nothing == 1", "nothing"),
            ("object.spec.n", "int"),
            ("age(object.metadata.name) > 1", "no time"),
            ("object.spec.n.startsWith('a')", "startsWith"),
        ] {
            let error =
                Expression::new(text).expect("an expression").holds(&object(), now()).expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
        let words = |text: &str| Expression::new(text).expect("an expression").words(&object(), now());
        assert_eq!(words("object.metadata.name + ' failed'"), Ok("nightly failed".to_owned()));
        assert!(words("1").is_err());
    }
}

//! A CEL expression of the settings.
//!
//! The language has no end of its own for names that do not exist: it finds them where they are evaluated, and `a || b`
//! may never come to them. So they are looked for when the settings load. Nor has it an end for time: `all` within `all`
//! within `all` over a long list takes days. So each step of a comprehension asks first whether it may ([`Budget`]).

use crate::health::probes::{age, shortened};
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, LiteralValue, operators,
};
use cel::{Context, ExecutionError, IdedExpr, Program, Value};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

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

/// What each step of a comprehension asks. Nobody can write it: no name begins with `@`.
const STEP: &str = "@step";

/// A longer or more deeply nested expression is refused: it is evaluated down to where it is nested, and the stack of a
/// thread of the service bears 48 levels even in a debug build.
const LONGEST: usize = 1_000;
const DEEPEST: usize = 48;

/// The stack on which expressions are read: the parser goes down many times for each level, and ends by itself long before
/// this is used up.
const STACK: usize = 64 << 20;

/// What the expressions of a check may take for one object. Once it is used up nothing that they gave counts, since CEL
/// lets `error || true` be true.
#[derive(Debug)]
pub(super) struct Budget {
    until: Instant,
    steps: u64,
    taken: AtomicU64,
    used_up: AtomicBool,
}

impl Budget {
    pub(super) fn new(until: Instant, steps: u64) -> Self {
        Self { until, steps, taken: AtomicU64::new(0), used_up: AtomicBool::new(false) }
    }

    /// Takes a step, if there is one left and time for it.
    fn step(&self) -> Result<bool, ExecutionError> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.steps || Instant::now() >= self.until {
            self.used_up.store(true, Ordering::Relaxed);
        }
        if self.is_used_up() { Err(ExecutionError::function_error(STEP, "too long")) } else { Ok(true) }
    }

    fn is_used_up(&self) -> bool {
        self.used_up.load(Ordering::Relaxed)
    }
}

/// An expression that was read, and names nothing but what is there.
#[derive(Clone)]
pub(crate) struct Expression {
    text: String,
    program: Arc<IdedExpr>,
}

impl Expression {
    /// Reads an expression; the error is a sentence for whoever wrote it.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let read = compile(text)?;
        let check = |program: &IdedExpr| {
            names(program, &mut vec![OBJECT], 0).map_err(|said| format!("`{text}` {said}"))
        };
        check(read.expression())?;
        let mut program = read.expression().clone();
        limit(&mut program);
        // It is deeper now.
        check(&program)?;
        Ok(Self { text: text.to_owned(), program: Arc::new(program) })
    }

    /// The expression as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn value(&self, object: &Value, now: Timestamp, budget: &Arc<Budget>) -> Result<Value, String> {
        let value = self.evaluate(object, now, budget);
        if budget.is_used_up() {
            return Err(format!("`{}` takes too long: a list is too large for it", self.text));
        }
        value.map_err(|error| shortened(&format!("`{}`: {error}", self.text)))
    }

    fn evaluate(
        &self,
        object: &Value,
        now: Timestamp,
        budget: &Arc<Budget>,
    ) -> Result<Value, ExecutionError> {
        let mut context = Context::default();
        context.add_variable_from_value(OBJECT, object.clone());
        // A function of that name is declared once for each context.
        let declared = context.add_function(AGE, move |time: Arc<String>| {
            let then: Timestamp = time
                .parse()
                .map_err(|_| ExecutionError::function_error(AGE, format!("`{time}` is no time")))?;
            Ok::<i64, ExecutionError>(i64::try_from(age(now, then).as_secs()).unwrap_or(i64::MAX))
        });
        let budget = Arc::clone(budget);
        let declared = declared.and_then(|()| context.add_function(STEP, move || budget.step()));
        if let Err(error) = declared {
            return Err(ExecutionError::function_error(AGE, error));
        }
        Value::resolve(&self.program, &context)
    }

    /// Whether it is true of an object; the error says why there is no answer.
    pub(super) fn holds(&self, object: &Value, now: Timestamp, budget: &Arc<Budget>) -> Result<bool, String> {
        match self.value(object, now, budget)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(format!("`{}` gives {} and not true or false", self.text, other.type_of())),
        }
    }

    /// The text that it gives for an object.
    pub(super) fn words(
        &self,
        object: &Value,
        now: Timestamp,
        budget: &Arc<Budget>,
    ) -> Result<String, String> {
        match self.value(object, now, budget)? {
            Value::String(text) => Ok(text.to_string()),
            other => Err(format!("`{}` gives {} and not a text", self.text, other.type_of())),
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

/// Lets each step of each comprehension ask whether it may be taken.
fn limit(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| limit(target));
            call.args.iter_mut().for_each(limit);
        }
        Expr::Select(select) => limit(&mut select.operand),
        Expr::List(list) => list.elements.iter_mut().for_each(limit),
        Expr::Map(map) => map.entries.iter_mut().for_each(limit_entry),
        Expr::Struct(made) => made.entries.iter_mut().for_each(limit_entry),
        Expr::Comprehension(all) => {
            for part in [
                &mut all.iter_range,
                &mut all.accu_init,
                &mut all.loop_cond,
                &mut all.loop_step,
                &mut all.result,
            ] {
                limit(part);
            }
            limit_steps(all);
        }
    }
}

fn limit_entry(entry: &mut IdedEntryExpr) {
    match &mut entry.expr {
        EntryExpr::StructField(field) => limit(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            limit(&mut entry.key);
            limit(&mut entry.value);
        }
    }
}

/// The condition of a loop is evaluated at each step. Where a loop only appends to its list (`map`, `filter`) the language
/// does so in place as long as its condition is a literal: there what is appended asks, or what decides on it.
fn limit_steps(all: &mut ComprehensionExpr) {
    let gives_list = matches!(&all.result.expr, Expr::Ident(name) if *name == all.accu_var);
    match &mut all.loop_step.expr {
        Expr::Call(step) if gives_list && step.func_name == operators::CONDITIONAL => {
            step.args.iter_mut().take(1).for_each(ask_first);
        }
        Expr::Call(step) if gives_list && step.func_name == operators::ADD => {
            for appended in step.args.iter_mut().skip(1) {
                match &mut appended.expr {
                    Expr::List(list) => list.elements.iter_mut().for_each(ask_first),
                    _ => ask_first(appended),
                }
            }
        }
        _ => ask_first(&mut all.loop_cond),
    }
}

/// `@step() ? expression : null`, of which the second never comes about: what may not be is an error.
fn ask_first(expression: &mut IdedExpr) {
    let call = |name: &str, args: Vec<IdedExpr>| {
        let call = CallExpr { func_name: name.to_owned(), target: None, args };
        IdedExpr { id: 0, expr: Expr::Call(call) }
    };
    let null = IdedExpr { id: 0, expr: Expr::Literal(LiteralValue::Null) };
    let asked = std::mem::replace(expression, null.clone());
    *expression = call(operators::CONDITIONAL, vec![call(STEP, Vec::new()), asked, null]);
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

    fn enough() -> Arc<Budget> {
        Arc::new(Budget::new(Instant::now() + std::time::Duration::from_mins(10), 1_000_000))
    }

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
            assert_eq!(expression.holds(&object(), now(), &enough()), Ok(expected), "{deep}");
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
            assert_eq!(expression.holds(&object(), now(), &enough()), Ok(expected), "{text}");
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
            let error = Expression::new(text)
                .expect("an expression")
                .holds(&object(), now(), &enough())
                .expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
        let words =
            |text: &str| Expression::new(text).expect("an expression").words(&object(), now(), &enough());
        assert_eq!(words("object.metadata.name + ' failed'"), Ok("nightly failed".to_owned()));
        assert!(words("1").is_err());
    }

    #[test]
    fn what_would_take_days_has_no_answer_and_is_given_up_soon() {
        let many = cel::to_value(json!({"list": (0..2_000).collect::<Vec<_>>()})).expect("a value");
        let nested = |within: &str| format!("object.list.{within}");
        for text in [
            nested("all(a, object.list.all(b, object.list.all(c, true)))"),
            // What gives an answer all the same, since an error beside it does not count in CEL.
            nested("all(a, object.list.all(b, object.list.all(c, true))) || true"),
            nested("exists(a, object.list.exists(b, object.list.exists(c, false)))"),
            nested("map(a, object.list.map(b, object.list.map(c, c))).size() > 0"),
            nested(
                "filter(a, object.list.filter(b, object.list.filter(c, false).size() > 0).size() > 0) == []",
            ),
            nested("exists_one(a, object.list.exists_one(b, object.list.exists_one(c, c == b)))"),
        ] {
            let expression = Expression::new(&text).unwrap_or_else(|error| panic!("{error}"));
            let budget = Arc::new(Budget::new(Instant::now() + std::time::Duration::from_mins(10), 5_000));
            let error = expression.holds(&many, now(), &budget).expect_err(&text);
            assert!(error.contains("takes too long"), "{text}: {error}");
            let late = Arc::new(Budget::new(Instant::now(), u64::MAX));
            assert!(expression.holds(&many, now(), &late).is_err(), "{text}: no time is left");
        }
        // As many steps as there are elements, and one more for none of them.
        for (text, steps, expected) in [
            ("object.list.all(a, a >= 0)", 2_000, true),
            ("object.list.map(a, [a]).size() == 2000", 2_000, true),
            ("object.list.filter(a, a > 1000).size() == 999", 2_000, true),
            ("object.list.exists_one(a, a == 7)", 2_000, true),
            ("object.list.size() == 2000", 0, true),
        ] {
            let expression = Expression::new(text).unwrap_or_else(|error| panic!("{error}"));
            let budget =
                |steps| Arc::new(Budget::new(Instant::now() + std::time::Duration::from_mins(10), steps));
            assert_eq!(expression.holds(&many, now(), &budget(steps)), Ok(expected), "{text}");
            if steps > 0 {
                assert!(expression.holds(&many, now(), &budget(steps - 1)).is_err(), "{text}");
            }
        }
    }
}

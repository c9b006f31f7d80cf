//! CEL expressions over JSON, compiled once.

mod roots;

use std::sync::Arc;

use cel::{Context, ExecutionError, Program};
use serde_json::Value;
use thiserror::Error;

use super::near::near;

/// An expression that cannot be read or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ExpressionError {
    message: String,
}

impl ExpressionError {
    /// An error in words.
    pub fn new(message: impl ToString) -> Self {
        Self { message: message.to_string() }
    }
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    program: Arc<Program>,
}

/// The variables of expressions; made once for all expressions over the same values.
pub struct Variables<'p>(Context<'p, 'static>);

impl std::fmt::Debug for Variables<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variables")
    }
}

impl Variables<'_> {
    /// These variables and one more.
    pub fn with(&self, name: &str, value: &Value) -> Result<Variables<'_>, ExpressionError> {
        let mut inner = self.0.new_inner_scope();
        inner.add_variable(name, value.clone()).map_err(ExpressionError::new)?;
        Ok(Variables(inner))
    }
}

impl Variables<'static> {
    /// Variables by name.
    pub fn new<'v>(variables: impl IntoIterator<Item = (&'v str, &'v Value)>) -> Result<Self, ExpressionError> {
        let mut context = Context::default();
        for (name, value) in variables {
            context.add_variable(name, value.clone()).map_err(ExpressionError::new)?;
        }
        Ok(Self(context))
    }
}

impl Expression {
    /// Compiles an expression over variables of these names; the error tells the position. A name that nothing has would fail
    /// at every event, so it is refused here.
    pub fn compile(source: &str, known: &[&str]) -> Result<Self, ExpressionError> {
        let program = Program::compile(source).map_err(ExpressionError::new)?;
        match roots::unknown(program.expression(), known) {
            None => Ok(Self { program: Arc::new(program) }),
            Some(stranger) => {
                let offset = program.source_info().offset_for(stranger.id).map_or(0, |(start, _)| start as usize);
                let (line, column) = roots::position(source, offset);
                let end = near(stranger.name, known.iter().copied()).map_or_else(|| ".".to_owned(), |name| format!("; did you mean {name}?"));
                let (name, known) = (stranger.name, known.join(", "));
                Err(ExpressionError::new(format!("<input>:{line}:{column}: nothing is called {name}{end} An expression here sees {known}.")))
            }
        }
    }

    /// The value; `None` where the expression names a member that is not there.
    pub fn evaluate(&self, variables: &Variables<'_>) -> Result<Option<Value>, ExpressionError> {
        match self.program.execute(&variables.0) {
            Ok(value) => value.json().map(Some).map_err(ExpressionError::new),
            Err(ExecutionError::NoSuchKey(_)) => Ok(None),
            Err(error) => Err(ExpressionError::new(error)),
        }
    }
}

//! CEL expressions over JSON, compiled once.

use std::sync::Arc;

use cel::{Context, ExecutionError, Program};
use serde_json::Value;
use thiserror::Error;

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
    /// Compiles; the error tells the position.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        Ok(Self { program: Arc::new(Program::compile(source).map_err(ExpressionError::new)?) })
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

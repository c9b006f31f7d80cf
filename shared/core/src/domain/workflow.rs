//! Filters: CEL expressions over an event, compiled once.

use std::sync::Arc;

use cel::{Context, Program};
use serde_json::Value;
use thiserror::Error;

/// A filter that cannot be read or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct FilterError {
    message: String,
}

/// A compiled filter.
#[derive(Debug, Clone)]
pub struct Filter {
    program: Arc<Program>,
}

impl Filter {
    /// Compiles; the error tells the position.
    pub fn compile(source: &str) -> Result<Self, FilterError> {
        let program = Program::compile(source).map_err(|error| FilterError { message: error.to_string() })?;
        Ok(Self { program: Arc::new(program) })
    }

    /// Whether the event passes. `context` is an object whose members become variables.
    pub fn passes(&self, context: &Value) -> Result<bool, FilterError> {
        let mut variables = Context::default();
        for (name, value) in context.as_object().into_iter().flatten() {
            let added = variables.add_variable(name.as_str(), value.clone());
            added.map_err(|error| FilterError { message: error.to_string() })?;
        }
        match self.program.execute(&variables) {
            Ok(cel::Value::Bool(passes)) => Ok(passes),
            Ok(_) => Err(FilterError { message: "The filter must give true or false.".to_owned() }),
            Err(error) => Err(FilterError { message: error.to_string() }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_choose_events() {
        let context = json!({"project": {"id": "a"}, "data": {"seconds": 20}});
        for (source, want) in [("true", true), ("project.id == 'a'", true), ("data.seconds > 30", false), ("project.id in ['b', 'c']", false)] {
            assert_eq!(Filter::compile(source).unwrap().passes(&context), Ok(want), "{source}");
        }
        assert!(Filter::compile("project.id").unwrap().passes(&context).is_err());
        assert!(Filter::compile("data.absent == 1").unwrap().passes(&context).is_err());
        assert!(Filter::compile("a ==").is_err());
    }
}

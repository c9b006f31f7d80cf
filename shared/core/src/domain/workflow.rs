//! Filters: CEL expressions over an event, compiled once.

use serde_json::Value;

use super::event::CONTEXT;
use super::expression::{Expression, ExpressionError, Variables};

/// A compiled filter.
#[derive(Debug, Clone)]
pub struct Filter(Expression);

/// A filter that cannot be read or evaluated.
pub type FilterError = ExpressionError;

impl Filter {
    /// Compiles; the error tells the position.
    pub fn compile(source: &str) -> Result<Self, FilterError> {
        Expression::compile(source, &CONTEXT).map(Self)
    }

    /// Whether the event passes. `context` is an object whose members become variables.
    pub fn passes(&self, context: &Value) -> Result<bool, FilterError> {
        let members = context.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value));
        match self.0.evaluate(&Variables::new(members)?)? {
            Some(Value::Bool(passes)) => Ok(passes),
            Some(_) => Err(FilterError::new("The filter must give true or false.")),
            None => Err(FilterError::new("The filter names what the event does not have; write has(…) around it.")),
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
        assert!(Filter::compile("projet.id == 'a'").is_err_and(|error| error.to_string().contains("did you mean project?")));
        for (source, want) in [("true", true), ("project.id == 'a'", true), ("data.seconds > 30", false), ("project.id in ['b', 'c']", false)] {
            assert_eq!(Filter::compile(source).unwrap().passes(&context), Ok(want), "{source}");
        }
        assert!(Filter::compile("project.id").unwrap().passes(&context).is_err());
        assert!(Filter::compile("data.absent == 1").unwrap().passes(&context).is_err());
        assert!(Filter::compile("a ==").is_err());
    }
}

//! Texts with placeholders: subjects, descriptions, times. Jinja syntax, without any access to the outside.

use std::{collections::BTreeSet, sync::Arc};

use minijinja::{Environment, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;
use thiserror::Error;

/// A template that cannot be read or filled.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TemplateError {
    message: String,
}

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        let place = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
        let detail = error.detail().map(|d| format!(": {d}")).unwrap_or_default();
        Self { message: format!("{}{detail}{place}", error.kind()) }
    }
}

/// A compiled template.
#[derive(Debug, Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
}

impl Template {
    /// Compiles; the error tells the line.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);

        environment.set_recursion_limit(20);
        environment.add_template_owned("text", source.to_owned())?;
        Ok(Self { environment: Arc::new(environment) })
    }

    /// The dotted paths that the template looks at.
    #[must_use]
    pub fn variables(&self) -> BTreeSet<String> {
        let template = self.environment.get_template("text");
        template.map(|template| template.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
    }

    /// Fills the template. What is absent is written as nothing.
    pub fn render<S: Serialize>(&self, context: &S) -> Result<String, TemplateError> {
        Ok(self.environment.get_template("text")?.render(Serde(context))?.trim().to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_loops_and_absent_values() {
        let context = json!({"project": {"name": "Salon"}, "pages": [1, 16]});
        for (source, want) in [
            ("[KAYO] Capture sur {{ project.name }}", "[KAYO] Capture sur Salon"),
            ("{% for p in pages %}\n- {{ loop.index }}: {{ p }}\n{% endfor %}", "- 1: 1\n- 2: 16"),
            ("{{ nobody.home }}", ""),
        ] {
            assert_eq!(Template::compile(source).unwrap().render(&context).unwrap(), want);
        }
    }

    #[test]
    fn a_broken_template_tells_its_line() {
        let error = Template::compile("one\n{{ two").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}

//! Takes over the rules that the customer's people have made, at the start or later.

use super::Org;
use super::rules::{Assignment, Duplicates, Validation};
use crate::schema::ObjectNo;
use crate::seed::{AssignmentRule, RuleSet, Seed, SeedError};
use crate::soql::Condition;

type Built<T> = Result<T, SeedError>;

impl Org {
    /// Adds rules to those the org has.
    ///
    /// # Errors
    /// When a rule names what the org does not have.
    pub fn add_rules(&mut self, rules: &RuleSet) -> Built<()> {
        for rule in &rules.field_security {
            self.set_field_access(rule)?;
        }
        let rules = rules.clone();
        self.adopt_rules(&Seed {
            validation_rules: rules.validation_rules,
            rewrites: rules.rewrites,
            duplicate_rules: rules.duplicate_rules,
            assignment_rules: rules.assignment_rules,
            tracked_fields: rules.tracked_fields,
            ..Seed::default()
        })
    }

    pub(super) fn adopt_rules(&mut self, seed: &Seed) -> Built<()> {
        for rule in &seed.validation_rules {
            let object = self.seed_object(&rule.sobject)?;
            let validation =
                Validation { object, condition: self.condition(object, &rule.condition)?, message: rule.message.clone(), field: rule.field.clone() };
            self.rules.validation.push(validation);
            self.definition.validation_rules.push(rule.clone());
        }
        for rewrite in &seed.rewrites {
            let key = self.seed_field(&rewrite.sobject, &rewrite.field)?;
            self.rules.rewrites.entry(key).or_default().push(rewrite.kind);
            self.definition.rewrites.push(rewrite.clone());
        }
        for rule in &seed.duplicate_rules {
            let other = rule.against.as_ref().unwrap_or(&rule.sobject);
            let mut fields = Vec::new();
            for field in &rule.match_fields {
                let (_, own) = self.seed_field(&rule.sobject, field)?;
                let (_, theirs) = self.seed_field(other, field)?;
                fields.push((own, theirs));
            }
            let duplicates = Duplicates {
                name: rule.name.clone(),
                object: self.seed_object(&rule.sobject)?,
                against: self.seed_object(other)?,
                fields,
                action: rule.action,
                message: rule.message.clone(),
                on_update: rule.on_update,
            };
            self.rules.duplicates.push(duplicates);
            self.definition.duplicate_rules.push(rule.clone());
        }
        self.adopt_assignment(seed)?;
        for path in &seed.tracked_fields {
            let key = self.field_key(path).ok_or_else(|| SeedError::Unknown { what: "the field", name: path.clone() })?;
            self.rules.tracked.insert(key);
            self.definition.tracked_fields.push(path.clone());
        }
        Ok(())
    }

    fn adopt_assignment(&mut self, seed: &Seed) -> Built<()> {
        for rule in &seed.assignment_rules {
            let object = self.seed_object(&rule.sobject)?;
            let condition = match &rule.condition {
                Some(text) => Some(self.condition(object, text)?),
                None => None,
            };
            let owner = self.seed_owner(&rule.owner)?;
            self.rules.assignment.push(Assignment { object, condition, owner });
            self.definition.assignment_rules.push(AssignmentRule { owner: owner.to_string(), ..rule.clone() });
        }
        Ok(())
    }

    fn condition(&self, object: ObjectNo, text: &str) -> Built<Condition> {
        Condition::compile(self, object, text).map_err(|error| SeedError::Invalid { what: "condition", text: text.to_owned(), why: error.message })
    }

    fn seed_field(&self, sobject: &str, field: &str) -> Built<(ObjectNo, crate::schema::FieldNo)> {
        let path = format!("{sobject}.{field}");
        self.field_key(&path).ok_or(SeedError::Unknown { what: "the field", name: path })
    }
}

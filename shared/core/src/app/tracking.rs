//! Which fields' histories the org keeps: asked together with the descriptions, for the fields where the time of a value may decide.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    adapters::salesforce::{
        ApiVersion, Sub,
        composite::CompositeAnswer,
        soql::{self, Row},
    },
    domain::{
        engine::Engine,
        ids::{FieldName, ObjectName},
        schema::{ObjectSchema, Schemas},
    },
};

/// The objects that have such fields.
const OBJECTS: [&str; 2] = ["Lead", "Contact"];
/// The name of the question within its call.
const NAME: &str = "tracked";

/// The fields that exist, seen or not, by object and name, with whether their history is kept.
pub(super) type Definitions = BTreeMap<(String, String), bool>;

/// Asks for the definitions of fields. They can be asked for by object only; of hundreds of fields it asks for the first ones.
pub(super) fn definitions_query(objects: &[&str], fields: &BTreeSet<String>) -> String {
    let list = |values: &mut dyn Iterator<Item = &str>| values.map(soql::text).collect::<Vec<_>>().join(",");
    let (objects, fields) = (list(&mut objects.iter().copied()), list(&mut fields.iter().map(String::as_str).take(150)));
    format!(
        "SELECT EntityDefinitionId, QualifiedApiName, IsFieldHistoryTracked FROM FieldDefinition \
         WHERE EntityDefinitionId IN ({objects}) AND QualifiedApiName IN ({fields})"
    )
}

/// The answer; `None` where the org refused it. It has no more than a page.
pub(super) fn definitions(answer: &CompositeAnswer, name: &str) -> Option<Definitions> {
    let page = soql::parse_sub(answer.get(name).ok()?).ok()?;
    Some(page.records.iter().filter_map(definition).collect())
}

fn definition(row: &Row) -> Option<((String, String), bool)> {
    let key = (row.text("EntityDefinitionId")?.to_owned(), row.text("QualifiedApiName")?.to_owned());
    Some((key, row.get("IsFieldHistoryTracked").and_then(Value::as_bool).unwrap_or(false)))
}

/// The question that goes with the descriptions; `None` where no rule goes by time.
pub(super) fn question(version: &ApiVersion, engine: &Engine) -> Option<Sub> {
    let fields: BTreeSet<String> = OBJECTS.into_iter().flat_map(|object| engine.dated_fields(object)).map(FieldName::to_string).collect();
    (!fields.is_empty()).then(|| soql::query(version, NAME, &definitions_query(&OBJECTS, &fields)))
}

/// Notes the answer with the descriptions.
pub(super) fn take(engine: &Engine, answer: &CompositeAnswer, described: &mut BTreeMap<ObjectName, Option<ObjectSchema>>) {
    mark(engine, definitions(answer, NAME).as_ref(), described);
}

/// Notes with the descriptions what is known of histories. Where the org does not tell, there are none: the record's time decides then.
pub(super) fn mark(engine: &Engine, known: Option<&Definitions>, described: &mut BTreeMap<ObjectName, Option<ObjectSchema>>) {
    for (object, schema) in described.iter_mut().filter_map(|(object, schema)| Some((object.as_str(), schema.as_mut()?))) {
        for name in engine.dated_fields(object) {
            let tracked = known.and_then(|known| known.get(&(object.to_owned(), name.to_string()))).copied();
            if let Some(field) = schema.fields.get_mut(name) {
                field.tracked = Some(tracked.unwrap_or(false));
            }
        }
    }
}

/// Whether descriptions tell it for every field that the document asks it of.
pub(super) fn is_known(engine: &Engine, schemas: &Schemas) -> bool {
    OBJECTS.into_iter().all(|object| {
        let fields = schemas.object(object).map(|schema| &schema.fields);
        engine.dated_fields(object).into_iter().filter_map(|name| fields?.get(name)).all(|field| field.tracked.is_some())
    })
}

//! What the table holds, read past the code under test: DynamoDB's items as plain JSON.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::world::World;

/// An item, by the names of its attributes.
pub type Item = Map<String, Value>;

/// Every item of the table, in no order that means anything.
///
/// # Errors
/// When the embedded database fails.
pub fn all(world: &World) -> Result<Vec<Item>> {
    let (mut items, mut request) = (Vec::new(), json!({"TableName": passerelle_local::TABLE}));
    loop {
        let page = serde_json::to_value(world.database.scan(serde_json::from_value(request.clone())?)?)?;
        for item in page["Items"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            items.push(item.iter().map(|(name, value)| Ok((name.clone(), plain(value)?))).collect::<Result<_>>()?);
        }
        match page.get("LastEvaluatedKey").filter(|key| !key.is_null()) {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return Ok(items),
        }
    }
}

/// The partition key and the sort key of an item.
#[must_use]
pub fn key(item: &Item) -> (&str, &str) {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    (text("pk"), text("sk"))
}

/// A value as DynamoDB writes it, `{"S": …}`, without its type.
fn plain(value: &Value) -> Result<Value> {
    let (kind, inner) = value.as_object().and_then(|typed| typed.iter().next()).context("a value has a type")?;
    let each = || inner.as_array().into_iter().flatten();
    Ok(match kind.as_str() {
        "N" => serde_json::from_str(inner.as_str().context("a number is a text")?)?,
        "NULL" => Value::Null,
        "L" => each().map(plain).collect::<Result<_>>()?,
        "M" => {
            let members = inner.as_object().into_iter().flatten();
            Value::Object(members.map(|(name, value)| Ok((name.clone(), plain(value)?))).collect::<Result<_>>()?)
        }
        _ => inner.clone(),
    })
}

//! The items of a collection's answer and the rules for a list of records.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::http::context::Context;
use crate::http::reply::Failure;
use crate::id::Id;

/// The most records of one call.
pub const MAX_RECORDS: usize = 200;
/// The most changes of type from one record to the next, and one.
const MAX_CHUNKS: usize = 10;

/// What became of one record.
pub struct Item {
    /// Its id, where the write succeeded.
    pub id: Option<Id>,
    /// Whether an upsert made it.
    pub created: Option<bool>,
    /// What is wrong with it.
    pub errors: Vec<ApiError>,
}

impl Item {
    /// A written record.
    pub fn done(id: Id) -> Item {
        Item { id: Some(id), created: None, errors: Vec::new() }
    }

    /// A refused record.
    pub fn failed(errors: Vec<ApiError>) -> Item {
        Item { id: None, created: None, errors }
    }

    /// A record refused for one reason.
    pub fn refused(error: ApiError) -> Item {
        Item::failed(vec![error])
    }

    fn succeeded(&self) -> bool {
        self.errors.is_empty()
    }

    fn to_json(&self) -> Value {
        let errors: Vec<Value> = self.errors.iter().map(ApiError::to_collection_json).collect();
        let mut value = json!({"success": self.succeeded(), "errors": errors});
        if let Some(object) = value.as_object_mut() {
            if let Some(id) = self.id {
                object.insert("id".to_owned(), json!(id));
            }
            if let Some(created) = self.created {
                object.insert("created".to_owned(), json!(created));
            }
        }
        value
    }
}

/// Writes each record and answers for each; all or none where asked.
pub fn each<T>(context: &mut Context<'_>, all_or_none: bool, inputs: &[T], mut write: impl FnMut(&mut Context<'_>, &T) -> Item) -> Value {
    let savepoint = context.world.org.savepoint();
    let mut items: Vec<Item> = inputs.iter().map(|input| write(context, input)).collect();
    if all_or_none && !items.iter().all(Item::succeeded) {
        context.world.org.rollback(savepoint);
        for item in items.iter_mut().filter(|item| item.succeeded()) {
            let text = "Record rolled back because not all records were valid and the request was using AllOrNone header";
            let error = ApiError::new(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", text).about::<_, String>([]);
            *item = Item { created: item.created.map(|_| false), ..Item::refused(error) };
        }
    } else {
        context.world.org.release(savepoint);
    }
    Value::Array(items.iter().map(Item::to_json).collect())
}

/// 400 for more records than a call may have.
///
/// # Errors
/// `EXCEEDED_ID_LIMIT` as recorded.
pub fn check_count(count: usize, max: usize) -> Result<(), Failure> {
    if count <= max {
        return Ok(());
    }
    Err(Failure::one(400, "EXCEEDED_ID_LIMIT", format!("record limit reached. cannot submit more than {max} records into this call")))
}

/// 400 for records whose types change too often.
///
/// # Errors
/// As the server words it.
pub fn check_chunks<'a>(types: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut chunks = 0;
    let mut last = None;
    for name in types {
        if last != Some(name) {
            chunks += 1;
            last = Some(name);
        }
    }
    if chunks <= MAX_CHUNKS {
        return Ok(());
    }
    let text = format!("Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please rearrange the data to reduce chunking.");
    Err(Failure::one(400, "LIMIT_EXCEEDED", text))
}

/// Places whose key has come before in the list.
pub fn repeats<'a>(keys: impl Iterator<Item = Option<&'a str>>) -> HashSet<usize> {
    let mut seen = HashSet::new();
    keys.enumerate().filter(|(_, key)| key.is_some_and(|key| !seen.insert(key))).map(|(place, _)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_counted_by_changes_of_type() {
        let alternating = |count: usize| (0..count).map(|n| if n % 2 == 0 { "A" } else { "C" });
        assert!(check_chunks(alternating(10)).is_ok());
        assert!(check_chunks(alternating(11)).is_err());
        assert!(check_chunks((0..200).map(|_| "A")).is_ok());
    }

    #[test]
    fn only_later_ones_repeat() {
        let keys = [Some("a"), None, Some("b"), Some("a"), None];
        assert_eq!(repeats(keys.into_iter()), HashSet::from([3]));
    }
}

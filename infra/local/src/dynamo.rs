//! The embedded DynamoDB and the definition of the state table in it. Owns what `template.yaml` says of the table for
//! AWS; a test holds the two together.

use std::path::Path;

use dynoxide::{
    Database,
    actions::{
        create_table::CreateTableRequest, describe_table::DescribeTableRequest, describe_time_to_live::DescribeTimeToLiveRequest,
        update_time_to_live::UpdateTimeToLiveRequest,
    },
    errors::DynoxideError,
};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::served::Stop;

/// What can go wrong with the embedded DynamoDB.
#[derive(Debug, Error)]
pub enum DynamoError {
    /// The database cannot be opened, or failed.
    #[error("The embedded database failed.")]
    Database(#[from] DynoxideError),
    /// The path of the database file is no text.
    #[error("The path of the database file is not valid UTF-8. Choose another directory.")]
    Path,
    /// A table of that name is there with another definition.
    #[error("The table {name} was made by another version of Passerelle: its {part} differs. Choose another directory.")]
    OtherTable {
        /// The table.
        name: String,
        /// The part of the definition that differs.
        part: &'static str,
    },
    /// Our own definition is refused: a mistake in this module.
    #[error("The definition of the table is refused.")]
    Definition(#[from] serde_json::Error),
}

/// Whether the table was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It has been made now.
    Now,
    /// It was there.
    Before,
}

/// Opens the database: in the file `path`, or in memory.
///
/// # Errors
/// When the file cannot be opened.
pub fn open(path: Option<&Path>) -> Result<Database, DynamoError> {
    match path {
        Some(path) => Ok(Database::new(path.to_str().ok_or(DynamoError::Path)?)?),
        None => Ok(Database::memory()?),
    }
}

/// The state table as the parameters of `CreateTable`, without its name.
#[must_use]
pub fn definition() -> Value {
    let attributes = ["pk", "sk", "due_pk", "due_at", "person_pk", "occurred_at", "day_pk", "status", "people_pk", "changed_at"];
    let attributes = attributes.map(|name| json!({ "AttributeName": name, "AttributeType": "S" }));
    json!({
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes,
        "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            { "IndexName": "due", "KeySchema": keys("due_pk", "due_at"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "person", "KeySchema": keys("person_pk", "occurred_at"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "day", "KeySchema": keys("day_pk", "status"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
            { "IndexName": "people", "KeySchema": keys("people_pk", "changed_at"), "Projection": { "ProjectionType": "KEYS_ONLY" } },
        ],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" },
    })
}

/// The attribute whose time, in seconds since 1970, ends an item's life.
pub const TTL_ATTRIBUTE: &str = "ttl";

fn keys(hash: &str, range: &str) -> Value {
    json!([{ "AttributeName": hash, "KeyType": "HASH" }, { "AttributeName": range, "KeyType": "RANGE" }])
}

/// Makes the state table `name`, unless it is there.
///
/// # Errors
/// [`DynamoError::OtherTable`] when a table of that name is there with other keys, indexes or stream.
pub fn create_table(database: &Database, name: &str) -> Result<Made, DynamoError> {
    let made = match describe(database, name)? {
        Some(standing) => {
            compare(name, &standing)?;
            Made::Before
        }
        None => {
            let mut request = definition();
            if let Some(fields) = request.as_object_mut() {
                fields.insert("TableName".to_owned(), name.into());
            }
            database.create_table(serde_json::from_value::<CreateTableRequest>(request)?)?;
            Made::Now
        }
    };
    set_ttl(database, name)?;
    Ok(made)
}

fn describe(database: &Database, name: &str) -> Result<Option<Value>, DynamoError> {
    match database.describe_table(DescribeTableRequest { table_name: name.to_owned() }) {
        Ok(answer) => Ok(Some(serde_json::to_value(answer.table)?)),
        Err(DynoxideError::ResourceNotFoundException(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A death in the middle of [`create_table`] leaves a table without its time to live; so this is asked every time.
fn set_ttl(database: &Database, name: &str) -> Result<(), DynamoError> {
    let request = DescribeTimeToLiveRequest { table_name: name.to_owned() };
    let standing = serde_json::to_value(database.describe_time_to_live(request)?)?;
    if standing.pointer("/TimeToLiveDescription/TimeToLiveStatus").and_then(Value::as_str) == Some("ENABLED") {
        return Ok(());
    }
    let request = json!({ "TableName": name, "TimeToLiveSpecification": { "AttributeName": TTL_ATTRIBUTE, "Enabled": true } });
    database.update_time_to_live(serde_json::from_value::<UpdateTimeToLiveRequest>(request)?)?;
    Ok(())
}

fn compare(name: &str, standing: &Value) -> Result<(), DynamoError> {
    let wanted = definition();
    let same = |pointer: &str| standing.pointer(pointer) == wanted.pointer(pointer);
    let indexes = |of: &Value| {
        let list = of.pointer("/GlobalSecondaryIndexes").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut list: Vec<_> = list.iter().map(|i| ["IndexName", "KeySchema", "Projection"].map(|part| i.get(part).cloned())).collect();
        list.sort_by_key(|index| format!("{index:?}"));
        list
    };
    let differs = [(same("/KeySchema"), "key"), (indexes(standing) == indexes(&wanted), "list of indexes"), (same("/StreamSpecification"), "stream")];
    match differs.into_iter().find(|(same, _)| !same) {
        Some((_, part)) => Err(DynamoError::OtherTable { name: name.to_owned(), part }),
        None => Ok(()),
    }
}

/// Serves the database as DynamoDB's HTTP API until `stop`.
pub(crate) fn serve(listener: TcpListener, database: Database, stop: &Stop) -> JoinHandle<()> {
    let asked = stop.asked();
    tokio::spawn(async move {
        if let Err(error) = dynoxide::server::serve_with_shutdown(listener, database, asked).await {
            tracing::error!(%error, "the embedded DynamoDB stopped serving");
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_table_is_made_once() {
        let database = open(None).unwrap();
        assert_eq!(create_table(&database, "state").unwrap(), Made::Now);
        assert_eq!(create_table(&database, "state").unwrap(), Made::Before);
    }

    #[test]
    fn the_table_survives_in_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("table.sqlite");
        assert_eq!(create_table(&open(Some(&path)).unwrap(), "state").unwrap(), Made::Now);
        assert_eq!(create_table(&open(Some(&path)).unwrap(), "state").unwrap(), Made::Before);
    }

    #[test]
    fn a_table_of_another_shape_is_refused() {
        let cases = [
            ("/GlobalSecondaryIndexes/0/IndexName", json!("later"), "list of indexes"),
            ("/StreamSpecification/StreamViewType", json!("NEW_IMAGE"), "stream"),
        ];
        for (pointer, value, want) in cases {
            let database = open(None).unwrap();
            let mut other = definition();
            *other.pointer_mut(pointer).unwrap() = value;
            other.as_object_mut().unwrap().insert("TableName".to_owned(), "state".into());
            database.create_table(serde_json::from_value(other).unwrap()).unwrap();
            let refusal = create_table(&database, "state").unwrap_err();
            assert!(matches!(refusal, DynamoError::OtherTable { part, .. } if part == want), "{pointer}: {refusal}");
        }
    }

    #[test]
    fn expiry_is_by_the_attribute_ttl() {
        let database = open(None).unwrap();
        create_table(&database, "state").unwrap();
        let put = |sk: &str, ttl: &str| {
            let item = json!({ "TableName": "state", "Item": { "pk": { "S": "p" }, "sk": { "S": sk }, "ttl": { "N": ttl } } });
            database.put_item(serde_json::from_value(item).unwrap()).unwrap();
        };
        put("old", "1700000000");
        put("new", "4100000000");
        assert_eq!(database.sweep_ttl().unwrap(), 1);
    }
}

//! The embedded table's stream, read in order after a given place.

use dynoxide::{
    Database,
    actions::{
        describe_stream::DescribeStreamRequest, get_records::GetRecordsRequest, get_shard_iterator::GetShardIteratorRequest,
        list_streams::ListStreamsRequest,
    },
    errors::DynoxideError,
};
use jiff::Timestamp;
use serde_json::Value;

use super::instant;
use crate::dynamo::DynamoError;

/// One change of an item, as a stream event carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    event: Value,
    sequence_number: String,
    created: Timestamp,
}

impl Record {
    /// The record as a member of `Records`.
    #[must_use]
    pub fn event(&self) -> &Value {
        &self.event
    }

    /// Its place in the stream.
    #[must_use]
    pub fn sequence_number(&self) -> &str {
        &self.sequence_number
    }

    /// When the change was made, to the second.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The keys of the item that changed.
    #[must_use]
    pub fn keys(&self) -> Value {
        self.event.pointer("/dynamodb/Keys").cloned().unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn numbered(number: u32) -> Self {
        Self { event: Value::Null, sequence_number: format!("{number:021}"), created: Timestamp::UNIX_EPOCH }
    }
}

/// A table's stream; its one shard is never closed.
pub(super) struct Source {
    database: Database,
    stream: String,
    shard: String,
}

impl Source {
    /// The stream of `table`.
    pub fn open(database: Database, table: &str) -> Result<Self, DynamoError> {
        let request = ListStreamsRequest { table_name: Some(table.to_owned()), ..ListStreamsRequest::default() };
        let absent = || DynoxideError::ResourceNotFoundException(format!("The table {table} has no stream."));
        let stream = database.list_streams(request)?.streams.into_iter().next().ok_or_else(absent)?.stream_arn;
        let request = DescribeStreamRequest { stream_arn: stream.clone(), ..DescribeStreamRequest::default() };
        let shards = database.describe_stream(request)?.stream_description.shards;
        let shard = shards.into_iter().next().ok_or_else(absent)?.shard_id;
        Ok(Self { database, stream, shard })
    }

    /// Up to 1,000 records after a sequence number, or from the oldest on.
    pub async fn after(&self, sequence_number: Option<&str>) -> Result<Vec<Record>, DynamoError> {
        let kind = if sequence_number.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
        let request = GetShardIteratorRequest {
            stream_arn: self.stream.clone(),
            shard_id: self.shard.clone(),
            shard_iterator_type: kind.to_owned(),
            sequence_number: sequence_number.map(str::to_owned),
        };
        let (database, stream) = (self.database.clone(), self.stream.clone());
        let read = move || {
            let shard_iterator = database.get_shard_iterator(request)?.shard_iterator.unwrap_or_default();
            let records = database.get_records(GetRecordsRequest { shard_iterator, limit: None })?.records;
            records.into_iter().map(|record| parse(record, &stream)).collect()
        };
        // The database blocks.
        let read = tokio::task::spawn_blocking(read).await;
        read.unwrap_or_else(|_| Err(DynoxideError::InternalServerError("The read of the stream was broken off.".to_owned()).into()))
    }
}

fn parse(record: dynoxide::actions::get_records::Record, stream: &str) -> Result<Record, DynamoError> {
    let sequence_number = record.dynamodb.sequence_number.clone();
    let created = instant(record.dynamodb.approximate_creation_date_time);
    let mut event = serde_json::to_value(record)?;
    if let Some(members) = event.as_object_mut() {
        // What GetRecords does not say and a function is told.
        members.insert("eventSourceARN".to_owned(), stream.into());
    }
    Ok(Record { event, sequence_number, created })
}

//! The indexes of the table. They carry keys only and may lag: what must be right is read from the items afterwards.

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};

use super::{Item, Key, StateError, Table};
use crate::planted::{self, Bug};

/// An index of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Work and deliveries that are due, and those that are not any more: `due_pk`, `due_at`.
    Due,
    /// The events of a person: `person_pk`, `occurred_at`.
    Person,
    /// The events received on a day: `day_pk`, `status`.
    Day,
    /// A connection's people by their last change: `people_pk`, `changed_at`.
    People,
}

impl Index {
    /// The index's name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Index::Due => "due",
            Index::Person => "person",
            Index::Day => "day",
            Index::People => "people",
        }
    }

    /// The attribute that partitions it.
    #[must_use]
    pub fn partition(self) -> &'static str {
        match self {
            Index::Due => "due_pk",
            Index::Person => "person_pk",
            Index::Day => "day_pk",
            Index::People => "people_pk",
        }
    }

    /// The attribute that sorts it.
    #[must_use]
    pub fn sort(self) -> &'static str {
        match self {
            Index::Due => "due_at",
            Index::Person => "occurred_at",
            Index::Day => "status",
            Index::People => "changed_at",
        }
    }
}

impl Table {
    /// Keys from an index, oldest first: those of partition `partition` whose sort attribute is at most `until`.
    /// An index may lag: what must be right is read from the items afterwards.
    pub async fn index_keys(&self, index: Index, partition: &str, until: &str, limit: i32) -> Result<Vec<Key>, StateError> {
        let request = self.client.query().table_name(&*self.name).index_name(index.name()).limit(limit);
        let request = request.key_condition_expression("#p = :p AND #s <= :s");
        let request = request.expression_attribute_names("#p", index.partition()).expression_attribute_names("#s", index.sort());
        let request = request.expression_attribute_values(":p", AttributeValue::S(partition.to_owned()));
        let request = request.expression_attribute_values(":s", AttributeValue::S(until.to_owned()));
        let answer = request.send().await.map_err(StateError::from_sdk)?;
        answer.items.unwrap_or_default().iter().map(Key::of).collect()
    }

    /// Keys from an index with their sort attributes, oldest first, of those between two sort attributes (neither included); one page.
    pub async fn index_between(&self, index: Index, partition: &str, range: (&str, &str), limit: i32) -> Result<Vec<(Key, String)>, StateError> {
        let answer = self.between(index, partition, range).limit(limit).send().await.map_err(StateError::from_sdk)?;
        answer.items.unwrap_or_default().iter().map(|item| sorted(index, item)).collect()
    }

    /// How many an index has between two sort attributes.
    pub async fn index_count(&self, index: Index, partition: &str, range: (&str, &str)) -> Result<u64, StateError> {
        let (mut count, mut after) = (0, None);
        loop {
            let request = self.between(index, partition, range).select(Select::Count).set_exclusive_start_key(after);
            let answer = request.send().await.map_err(StateError::from_sdk)?;
            count += u64::try_from(answer.count).unwrap_or(0);
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    fn between(&self, index: Index, partition: &str, (after, until): (&str, &str)) -> QueryFluentBuilder {
        // BETWEEN takes its ends in: the least text after one is that with one more character, and ends are no places.
        let request = self.client.query().table_name(&*self.name).index_name(index.name());
        let request = request.key_condition_expression("#p = :p AND #s BETWEEN :after AND :until");
        let request = request.expression_attribute_names("#p", index.partition()).expression_attribute_names("#s", index.sort());
        let request = request.expression_attribute_values(":p", AttributeValue::S(partition.to_owned()));
        let request = request.expression_attribute_values(":after", AttributeValue::S(format!("{after} ")));
        request.expression_attribute_values(":until", AttributeValue::S(until.to_owned()))
    }

    /// Everything that an index lists in a partition, `most` at most: each key with its sort attribute. It may lag likewise.
    pub async fn index_all(&self, index: Index, partition: &str, most: usize) -> Result<Vec<(Key, String)>, StateError> {
        let request = self.client.query().table_name(&*self.name).index_name(index.name()).key_condition_expression("#p = :p");
        let request = request.expression_attribute_names("#p", index.partition());
        index_pages(index, request.expression_attribute_values(":p", AttributeValue::S(partition.to_owned())), most).await
    }

    /// The same of those between two sort attributes (neither included).
    pub async fn index_all_between(&self, index: Index, partition: &str, range: (&str, &str), most: usize) -> Result<Vec<(Key, String)>, StateError> {
        index_pages(index, self.between(index, partition, range), most).await
    }
}

/// What a query finds in an index, page by page, `most` at most.
async fn index_pages(index: Index, query: QueryFluentBuilder, most: usize) -> Result<Vec<(Key, String)>, StateError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let request = query.clone().set_exclusive_start_key(after).limit(i32::try_from(most.min(1_000)).unwrap_or(i32::MAX));
        let answer = request.send().await.map_err(StateError::from_sdk)?;
        for item in answer.items.unwrap_or_default() {
            found.push(sorted(index, &item)?);
        }
        after = answer.last_evaluated_key.filter(|_| !planted::is(Bug::LosePages));
        if after.is_none() || found.len() >= most {
            found.truncate(most);
            return Ok(found);
        }
    }
}

/// An index's entry: its key and its sort attribute.
fn sorted(index: Index, item: &Item) -> Result<(Key, String), StateError> {
    let sort = item.get(index.sort()).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
    Ok((Key::of(item)?, sort))
}

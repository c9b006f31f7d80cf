//! The state table: one DynamoDB table, spoken to through the AWS SDK everywhere.
//!
//! This module owns keys, conditions and errors; the submodules own one kind of item each. Every read is strongly
//! consistent except those of the indexes, which may lag and are therefore only ever used to *find* work.

mod alerts;
pub mod backfill;
pub mod campaigns;
pub mod connect;
pub mod connections;
pub mod deliveries;
mod error;
pub mod events;
mod index;
mod keys;
pub mod ledger;
mod org;
pub mod people;
pub mod platform_users;
pub mod problems;
pub mod runs;
pub mod schema;
pub mod tokens;
mod told;
pub mod usage;
pub mod users;
pub mod waiting;
pub mod writer;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use aws_sdk_dynamodb::{
    Client,
    config::retry::RetryConfig,
    operation::update_item::builders::UpdateItemFluentBuilder,
    types::{AttributeValue, KeysAndAttributes, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update as UpdateItem},
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};

use crate::planted::{self, Bug};

pub use error::StateError;
pub use index::Index;
pub use keys::{CONNECTIONS, Key, SHARDS};

/// One item as DynamoDB holds it.
pub type Item = HashMap<String, AttributeValue>;

/// The state table of this installation. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct Table {
    client: Client,
    name: Arc<str>,
}

/// So many days after `now`, in seconds since 1970: the form in which the table's own expiry takes it.
fn after_days(now: Timestamp, days: i64) -> i64 {
    now.as_second() + days * 86_400
}

/// A condition or update with its placeholders: `:x` values by name, `#x` names by name.
#[derive(Debug, Clone, Default)]
pub struct Expression {
    update: Option<String>,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// Only a condition.
    #[must_use]
    pub fn condition(text: &str) -> Self {
        Self { condition: Some(text.to_owned()), ..Self::default() }
    }

    /// A condition: that the item is as it was read, by a version that is raised with each change; 0 = there was none.
    #[must_use]
    pub fn unchanged_since(version: u64) -> Self {
        match version {
            0 => Self::condition("attribute_not_exists(pk)"),
            version => Self::condition("version = :v").number(":v", version),
        }
    }

    /// An update without a condition.
    #[must_use]
    pub fn update(text: &str) -> Self {
        Self { update: Some(text.to_owned()), ..Self::default() }
    }

    /// Adds the condition under which the update is made.
    #[must_use]
    pub fn only_if(mut self, text: &str) -> Self {
        self.condition = Some(text.to_owned());
        self
    }

    /// Binds `#name`.
    #[must_use]
    pub fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    /// Binds `:value` to a text.
    #[must_use]
    pub fn text(mut self, placeholder: &str, value: impl Into<String>) -> Self {
        self.values.insert(placeholder.to_owned(), AttributeValue::S(value.into()));
        self
    }

    /// Binds `:value` to a set of texts, which must not be empty.
    #[must_use]
    pub fn texts(mut self, placeholder: &str, values: impl IntoIterator<Item = String>) -> Self {
        self.values.insert(placeholder.to_owned(), AttributeValue::Ss(values.into_iter().collect()));
        self
    }

    /// Binds `:value` to a whole number.
    #[must_use]
    pub fn number(mut self, placeholder: &str, value: impl Into<i128>) -> Self {
        self.values.insert(placeholder.to_owned(), AttributeValue::N(value.into().to_string()));
        self
    }

    /// Binds `:value` to a boolean.
    #[must_use]
    pub fn flag(mut self, placeholder: &str, value: bool) -> Self {
        self.values.insert(placeholder.to_owned(), AttributeValue::Bool(value));
        self
    }

    /// Binds `:value` to anything that serialises.
    pub fn value<T: Serialize>(mut self, placeholder: &str, value: &T) -> Result<Self, StateError> {
        self.values.insert(placeholder.to_owned(), serde_dynamo::to_attribute_value(value)?);
        Ok(self)
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

impl Table {
    /// The table `name` behind `client`.
    #[must_use]
    pub fn new(client: Client, name: &str) -> Self {
        Self { client, name: name.into() }
    }

    /// Reads one item, consistently.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, StateError> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(key.item())).consistent_read(true);
        let answer = request.send().await.map_err(StateError::from_sdk)?;
        answer.item.map(|item| parse(key, item)).transpose()
    }

    /// Reads many items, consistently, in requests of 100; absent ones are left out. The order is not kept.
    pub async fn get_many<T: DeserializeOwned>(&self, keys: &[Key]) -> Result<Vec<(Key, T)>, StateError> {
        let mut found = Vec::with_capacity(keys.len());
        let mut unique: Vec<&Key> = keys.iter().collect();
        unique.sort();
        unique.dedup();
        for chunk in unique.chunks(100) {
            let mut wanted: Vec<Item> = chunk.iter().map(|key| key.item()).collect();
            while !wanted.is_empty() {
                let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build().map_err(StateError::bug)?;
                let answer = self.client.batch_get_item().request_items(&*self.name, request).send().await.map_err(StateError::from_sdk)?;
                for item in answer.responses.unwrap_or_default().into_values().flatten() {
                    let key = Key::of(&item)?;
                    let value = parse(&key, item)?;
                    found.push((key, value));
                }
                wanted = answer.unprocessed_keys.unwrap_or_default().into_values().flat_map(|rest| rest.keys).collect();
            }
        }
        Ok(found)
    }

    /// Reads many items likewise, each told by what its key stands for.
    async fn get_named<N, T: DeserializeOwned>(&self, mut named: BTreeMap<Key, N>) -> Result<Vec<(N, T)>, StateError> {
        let keys: Vec<Key> = named.keys().cloned().collect();
        let found = self.get_many::<T>(&keys).await?;
        Ok(found.into_iter().filter_map(|(key, value)| Some((named.remove(&key)?, value))).collect())
    }

    /// Writes one item whole. With a condition that fails, [`StateError::Conflict`] carries the item that stands.
    pub async fn put<T: Serialize>(&self, key: &Key, value: &T, condition: Option<Expression>) -> Result<(), StateError> {
        let condition = condition.unwrap_or_default();
        let request = self.client.put_item().table_name(&*self.name).set_item(Some(to_item(key, value)?));
        let request = request.set_condition_expression(condition.condition.clone());
        let request = request.set_expression_attribute_names(condition.names()).set_expression_attribute_values(condition.values());
        let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        request.send().await.map_err(StateError::from_sdk)?;
        Ok(())
    }

    /// Changes one item (or makes it) and answers it as it stands afterwards.
    pub async fn update<T: DeserializeOwned>(&self, key: &Key, change: Expression) -> Result<T, StateError> {
        let answer = self.updating(key, &change).send().await.map_err(StateError::from_sdk)?;
        parse(key, answer.attributes.unwrap_or_default())
    }

    /// The same in one try, for a change that adds: the SDK repeats a call whose answer is lost, and it would add twice.
    pub async fn update_once<T: DeserializeOwned>(&self, key: &Key, change: Expression) -> Result<T, StateError> {
        let once = aws_sdk_dynamodb::Config::builder().retry_config(RetryConfig::disabled());
        let answer = self.updating(key, &change).customize().config_override(once).send().await.map_err(StateError::from_sdk)?;
        parse(key, answer.attributes.unwrap_or_default())
    }

    fn updating(&self, key: &Key, change: &Expression) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(&*self.name).set_key(Some(key.item()));
        let request = request.set_update_expression(change.update.clone()).set_condition_expression(change.condition.clone());
        let request = request.set_expression_attribute_names(change.names()).set_expression_attribute_values(change.values());
        request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).return_values(ReturnValue::AllNew)
    }

    /// Deletes one item and answers whether it was there.
    pub async fn delete(&self, key: &Key, condition: Option<Expression>) -> Result<bool, StateError> {
        let condition = condition.unwrap_or_default();
        let request = self.client.delete_item().table_name(&*self.name).set_key(Some(key.item()));
        let request = request.set_condition_expression(condition.condition.clone());
        let request = request.set_expression_attribute_names(condition.names()).set_expression_attribute_values(condition.values());
        let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let answer = request.return_values(ReturnValue::AllOld).send().await.map_err(StateError::from_sdk)?;
        Ok(answer.attributes.is_some_and(|old| !old.is_empty()))
    }

    /// One page of a partition, in key order: the items whose sort key begins with `prefix`, after the key `after`.
    pub async fn page<T: DeserializeOwned>(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&Key>,
        limit: i32,
    ) -> Result<(Vec<(Key, T)>, Option<Key>), StateError> {
        self.page_in(Order::FirstToLast, pk, prefix, after, limit).await
    }

    /// The same to its end, `most` items at most.
    pub async fn pages<T: DeserializeOwned>(&self, pk: &str, prefix: &str, most: usize) -> Result<Vec<(Key, T)>, StateError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = self.page(pk, prefix, after.as_ref(), 100).await?;
            found.extend(page);
            after = next;
            if after.is_none() || found.len() >= most {
                found.truncate(most);
                return Ok(found);
            }
        }
    }

    /// One page likewise, in either order.
    async fn page_in<T: DeserializeOwned>(
        &self,
        order: Order,
        pk: &str,
        prefix: &str,
        after: Option<&Key>,
        limit: i32,
    ) -> Result<(Vec<(Key, T)>, Option<Key>), StateError> {
        let request = self.client.query().table_name(&*self.name).consistent_read(true).limit(limit);
        let request = request.set_scan_index_forward((order == Order::LastToFirst).then_some(false));
        let request = request.key_condition_expression(if prefix.is_empty() { "pk = :pk" } else { "pk = :pk AND begins_with(sk, :sk)" });
        let request = request.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        let request = if prefix.is_empty() { request } else { request.expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned())) };
        let answer = request.set_exclusive_start_key(after.map(Key::item)).send().await.map_err(StateError::from_sdk)?;
        let next = answer.last_evaluated_key.as_ref().filter(|_| !planted::is(Bug::LosePages)).map(Key::of).transpose()?;
        let items = answer.items.unwrap_or_default().into_iter().map(|item| {
            let key = Key::of(&item)?;
            parse(&key, item).map(|value| (key, value))
        });
        Ok((items.collect::<Result<_, _>>()?, next))
    }

    /// Writes several items together or none. `token` makes a repeat of the same transaction harmless for ten minutes.
    pub async fn transact(&self, writes: Vec<Write>, token: &str) -> Result<(), StateError> {
        let items: Vec<TransactWriteItem> = writes.into_iter().map(|write| write.build(&self.name)).collect::<Result<_, _>>()?;
        let request = self.client.transact_write_items().set_transact_items(Some(items)).client_request_token(token);
        request.send().await.map_err(StateError::from_sdk)?;
        Ok(())
    }
}

/// In which order the items of a partition are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    FirstToLast,
    LastToFirst,
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub enum Write {
    /// Put the item whole, under a condition.
    Put(Key, Item, Option<Expression>),
    /// Change the item.
    Update(Key, Expression),
}

impl Write {
    /// Puts `value` under `key`.
    pub fn put<T: Serialize>(key: Key, value: &T, condition: Option<Expression>) -> Result<Self, StateError> {
        let item = to_item(&key, value)?;
        Ok(Self::Put(key, item, condition))
    }

    fn build(self, table: &str) -> Result<TransactWriteItem, StateError> {
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        match self {
            Write::Put(_, item, condition) => {
                let condition = condition.unwrap_or_default();
                let put = Put::builder().table_name(table).set_item(Some(item)).set_condition_expression(condition.condition.clone());
                let put = put.set_expression_attribute_names(condition.names()).set_expression_attribute_values(condition.values());
                let put = put.return_values_on_condition_check_failure(old).build().map_err(StateError::bug)?;
                Ok(TransactWriteItem::builder().put(put).build())
            }
            Write::Update(key, change) => {
                let update = UpdateItem::builder().table_name(table).set_key(Some(key.item()));
                let update = update.set_update_expression(change.update.clone()).set_condition_expression(change.condition.clone());
                let update = update.set_expression_attribute_names(change.names()).set_expression_attribute_values(change.values());
                let update = update.return_values_on_condition_check_failure(old).build().map_err(StateError::bug)?;
                Ok(TransactWriteItem::builder().update(update).build())
            }
        }
    }
}

fn to_item<T: Serialize>(key: &Key, value: &T) -> Result<Item, StateError> {
    let mut item: Item = serde_dynamo::to_item(value)?;
    item.extend(key.item());
    Ok(item)
}

fn parse<T: DeserializeOwned>(key: &Key, item: Item) -> Result<T, StateError> {
    serde_dynamo::from_item(item).map_err(|source| StateError::Corrupt { key: key.clone(), source: Box::new(source) })
}

//! AWS's SDK and the core's table against the embedded DynamoDB.

use passerelle_core::{
    adapters::state::{Expression, Index, Key, StateError, Write},
    domain::ids::{ConnectionId, EventId},
};
use serde::{Deserialize, Serialize};

use crate::support::{StandingClock, quiet_stack};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_pk: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<String>,
}

fn item(version: u64) -> Item {
    Item { version, due_pk: None, due_at: None }
}

fn acme() -> ConnectionId {
    ConnectionId::parse("acme").unwrap()
}

#[tokio::test]
async fn a_condition_that_fails_shows_the_item_that_stands() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let (table, key) = (stack.ports().table, Key::meta(&acme()));
    let absent = || Some(Expression::condition("attribute_not_exists(pk)"));
    table.put(&key, &item(1), absent()).await.unwrap();
    let conflict = table.put(&key, &item(2), absent()).await.unwrap_err();
    assert_eq!(conflict.standing().unwrap()["version"].as_n().unwrap(), "1");
    assert_eq!(table.get::<Item>(&key).await.unwrap(), Some(item(1)));
    let change = Expression::update("SET version = version + :one").only_if("version = :seen").number(":one", 1).number(":seen", 1);
    assert_eq!(table.update::<Item>(&key, change.clone()).await.unwrap(), item(2));
    assert!(matches!(table.update::<Item>(&key, change).await, Err(StateError::Conflict { .. })));
    assert!(table.delete(&key, None).await.unwrap());
    assert!(!table.delete(&key, None).await.unwrap());
}

#[tokio::test]
async fn a_transaction_is_whole_or_not_at_all() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let table = stack.ports().table;
    let (first, second) = (Key::config(&acme(), 1), Key::meta(&acme()));
    table.put(&second, &item(7), None).await.unwrap();
    let writes = |seen: i32| {
        let condition = Expression::condition("version = :seen").number(":seen", seen);
        vec![Write::put(first.clone(), &item(1), None).unwrap(), Write::put(second.clone(), &item(8), Some(condition)).unwrap()]
    };
    let conflict = table.transact(writes(6), "a-first-token").await.unwrap_err();
    assert_eq!(conflict.standing().unwrap()["version"].as_n().unwrap(), "7");
    assert_eq!(table.get::<Item>(&first).await.unwrap(), None);
    table.transact(writes(7), "a-second-token").await.unwrap();
    // The same token again is the same transaction, though its condition would now fail.
    table.transact(writes(7), "a-second-token").await.unwrap();
    assert_eq!(table.get::<Item>(&second).await.unwrap(), Some(item(8)));
}

#[tokio::test]
async fn the_due_index_gives_what_is_due_oldest_first() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let table = stack.ports().table;
    let key = |id: &str| Key::event(&acme(), &EventId::parse(id).unwrap());
    let partition = Key::due_partition(&acme(), 0);
    for (id, due) in [("late", Some("2026-11-23T09")), ("second", Some("2026-11-23T08")), ("first", Some("2026-11-23T07")), ("done", None)] {
        let due_pk = due.map(|_| partition.clone());
        table.put(&key(id), &Item { version: 1, due_pk, due_at: due.map(str::to_owned) }, None).await.unwrap();
    }
    let due = table.index_keys(Index::Due, &partition, "2026-11-23T08", 10).await.unwrap();
    assert_eq!(due, [key("first"), key("second")]);
}

#[tokio::test]
async fn more_items_than_one_request_takes_are_read() {
    let stack = quiet_stack(&StandingClock::new()).await;
    let table = stack.ports().table;
    let keys: Vec<_> = (0..120).map(|version| Key::config(&acme(), version)).collect();
    for key in &keys {
        table.put(key, &item(1), None).await.unwrap();
    }
    assert_eq!(table.get_many::<Item>(&keys).await.unwrap().len(), 120);
    let (page, next) = table.page::<Item>(&Key::connection_partition(&acme()), "CONFIG#", None, 100).await.unwrap();
    assert_eq!((page.len(), next.as_ref()), (100, Some(&keys[99])));
    let (page, next) = table.page::<Item>(&Key::connection_partition(&acme()), "CONFIG#", next.as_ref(), 100).await.unwrap();
    assert_eq!((page.len(), next), (20, None));
}

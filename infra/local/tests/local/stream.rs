//! The table's stream as an event source mapping: nothing lost, whatever the function does.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use dynoxide::{Database, storage_backend::ManualClock};
use jiff::SignedDuration;
use passerelle_core::ports::Cause;
use passerelle_local::{
    Stop, Stopper, dynamo,
    handler::EventFunction,
    stream::{Condition, Mapping, StreamOptions},
};
use serde_json::{Value, json};

use crate::support::{StandingClock, event, start};

/// A table in memory whose stream is written at the tests' instant.
fn table() -> Database {
    let clock = ManualClock::new(start().as_second().unsigned_abs());
    let database = Database::memory_with_clock(Arc::new(clock)).unwrap();
    dynamo::create_table(&database, "state").unwrap();
    database
}

fn put(database: &Database, pk: &str, sk: &str) {
    let item = json!({ "TableName": "state", "Item": { "pk": { "S": pk }, "sk": { "S": sk } } });
    database.put_item(serde_json::from_value(item).unwrap()).unwrap();
}

fn put_events(database: &Database, numbers: impl IntoIterator<Item = u32>) {
    numbers.into_iter().for_each(|number| put(database, &number.to_string(), "EVENT"));
}

/// The numbers of the events in a call, in order.
fn numbers(call: &Value) -> Vec<u32> {
    call["Records"].as_array().unwrap().iter().map(|record| record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().parse().unwrap()).collect()
}

fn failed_at(call: &Value, number: u32) -> Value {
    let index = numbers(call).iter().position(|n| *n == number).unwrap();
    json!({ "batchItemFailures": [{ "itemIdentifier": call["Records"][index]["dynamodb"]["SequenceNumber"] }] })
}

type Calls = Arc<Mutex<Vec<Value>>>;

/// A mapping to a function that notes its calls.
fn mapping(
    database: &Database,
    clock: &StandingClock,
    options: StreamOptions,
    function: impl Fn(&Value) -> Result<Value, Cause> + Send + Sync + 'static,
) -> (Mapping, Calls) {
    let calls = Calls::default();
    let noted = Arc::clone(&calls);
    let handler = event(move |call| {
        noted.lock().unwrap().push(call.clone());
        function(&call)
    });
    let clock = Arc::new(clock.clone());
    let function = EventFunction::new(handler, clock.clone(), Duration::from_secs(60));
    (Mapping::new(database.clone(), "state", function, clock, options).unwrap(), calls)
}

fn calls_of(calls: &Calls) -> Vec<Vec<u32>> {
    calls.lock().unwrap().iter().map(numbers).collect()
}

/// Works the stream until it is empty.
async fn drain(mapping: &mut Mapping, stop: &Stop) {
    while mapping.step(stop).await.unwrap() > 0 {}
}

#[tokio::test(start_paused = true)]
async fn a_function_is_sent_new_events_as_lambda_sends_them() {
    let database = table();
    put(&database, "p", "PERSON");
    put_events(&database, [1]);
    put_events(&database, [1]);
    put_events(&database, [2]);
    let (mut mapping, calls) = mapping(&database, &StandingClock::new(), StreamOptions::default(), |_| Ok(Value::Null));
    let (_stopper, stop) = Stopper::new();
    drain(&mut mapping, &stop).await;
    // Neither the person nor the second write of event 1.
    assert_eq!(calls_of(&calls), [vec![1, 2]]);
    let record = calls.lock().unwrap()[0]["Records"][0].clone();
    assert_eq!(record["dynamodb"]["Keys"], json!({ "pk": { "S": "1" }, "sk": { "S": "EVENT" } }));
    for (member, want) in [("eventName", "INSERT"), ("eventSource", "aws:dynamodb"), ("eventVersion", "1.1")] {
        assert_eq!(record[member], want);
    }
    assert!(record["eventSourceARN"].as_str().unwrap().contains(":table/state/stream/"));
    assert_eq!((&record["dynamodb"]["StreamViewType"], record["dynamodb"].get("NewImage")), (&json!("KEYS_ONLY"), None));
    let read: aws_lambda_events::dynamodb::Event = serde_json::from_value(calls.lock().unwrap()[0].clone()).unwrap();
    assert_eq!((read.records.len(), read.records[0].event_name.as_str()), (2, "INSERT"));
    assert_eq!(read.records[0].change.approximate_creation_date_time.timestamp(), start().as_second());
}

#[tokio::test(start_paused = true)]
async fn batches_hold_at_most_what_the_mapping_says() {
    let database = table();
    put_events(&database, 1..=230);
    let options = StreamOptions { batch_size: 100, ..StreamOptions::default() };
    let (mut mapping, calls) = mapping(&database, &StandingClock::new(), options, |_| Ok(json!({ "batchItemFailures": [] })));
    let (_stopper, stop) = Stopper::new();
    drain(&mut mapping, &stop).await;
    let sent = calls_of(&calls);
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 30]);
    assert_eq!(sent.concat(), (1..=230).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_batch_goes_on_from_the_record_that_failed() {
    let database = table();
    put_events(&database, 1..=6);
    let failed = Mutex::new(false);
    let function = move |call: &Value| {
        let first = !std::mem::replace(&mut *failed.lock().unwrap(), true);
        Ok(if first { failed_at(call, 4) } else { Value::Null })
    };
    let (mut mapping, calls) = mapping(&database, &StandingClock::new(), StreamOptions::default(), function);
    let (_stopper, stop) = Stopper::new();
    drain(&mut mapping, &stop).await;
    assert_eq!(calls_of(&calls), [vec![1, 2, 3, 4, 5, 6], vec![4, 5, 6]]);
    assert_eq!(mapping.failures().list(), []);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_always_fails_is_given_up_alone() {
    let database = table();
    put_events(&database, 1..=20);
    let function = |call: &Value| Ok(if numbers(call).contains(&7) { failed_at(call, 7) } else { Value::Null });
    let (mut mapping, calls) = mapping(&database, &StandingClock::new(), StreamOptions::default(), function);
    let (_stopper, stop) = Stopper::new();
    drain(&mut mapping, &stop).await;
    put_events(&database, [21]);
    drain(&mut mapping, &stop).await;
    let given_up = mapping.failures().list();
    assert_eq!(given_up.len(), 1);
    assert_eq!((given_up[0].condition, given_up[0].attempts), (Condition::RetryAttemptsExhausted, 4));
    assert_eq!(given_up[0].keys["pk"]["S"], "7");
    // Each other record has been in a call whose answer took it for worked, in order, once.
    assert_eq!(worked(&calls, 7), (1..=21).filter(|number| *number != 7).collect::<Vec<_>>());
    assert_eq!(calls_of(&calls).iter().filter(|call| **call == [7]).count(), 4);
}

/// The records taken for worked by a function that fails at `bad` and nowhere else.
fn worked(calls: &Calls, bad: u32) -> Vec<u32> {
    calls_of(calls).into_iter().flat_map(|call| call.into_iter().take_while(move |number| *number != bad)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_function_that_breaks_on_one_record_loses_that_record_only() {
    for broken in ["fails", "panics"] {
        let database = table();
        put_events(&database, 1..=10);
        let done = Arc::new(Mutex::new(BTreeMap::<u32, u32>::new()));
        let noted = Arc::clone(&done);
        let function = move |call: &Value| {
            if numbers(call).contains(&3) {
                assert_eq!(broken, "fails", "the function panics");
                return Err("out of order".into());
            }
            for number in numbers(call) {
                *noted.lock().unwrap().entry(number).or_default() += 1;
            }
            Ok(Value::Null)
        };
        let (mut mapping, _) = mapping(&database, &StandingClock::new(), StreamOptions::default(), function);
        let (_stopper, stop) = Stopper::new();
        drain(&mut mapping, &stop).await;
        assert_eq!(mapping.failures().list().len(), 1, "{broken}");
        let want: BTreeMap<_, _> = (1..=10).filter(|number| *number != 3).map(|number| (number, 1)).collect();
        assert_eq!(*done.lock().unwrap(), want, "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn records_older_than_an_hour_are_not_sent() {
    let (database, clock) = (table(), StandingClock::new());
    put_events(&database, [1, 2]);
    let (mut mapping, calls) = mapping(&database, &clock, StreamOptions::default(), |_| Ok(Value::Null));
    clock.advance(SignedDuration::from_secs(3601));
    let (_stopper, stop) = Stopper::new();
    drain(&mut mapping, &stop).await;
    assert_eq!(calls_of(&calls), [] as [Vec<u32>; 0]);
    let given_up = mapping.failures().list();
    assert_eq!(given_up.iter().map(|d| d.condition).collect::<Vec<_>>(), [Condition::MaximumRecordAgeExceeded; 2]);
}

#[tokio::test(start_paused = true)]
async fn the_place_in_the_stream_survives() {
    let directory = tempfile::tempdir().unwrap();
    let options = |path: &Path| StreamOptions { checkpoint: Some(path.join("stream.json")), ..StreamOptions::default() };
    let database = table();
    put_events(&database, 1..=5);
    // Stopped in the middle: 1 and 2 are worked, the rest waits for a retry that never comes.
    let (stopper, stop) = Stopper::new();
    let stopping = Mutex::new(Some(stopper));
    let function = move |call: &Value| {
        drop(stopping.lock().unwrap().take());
        Ok(failed_at(call, 3))
    };
    let (mut first, calls) = mapping(&database, &StandingClock::new(), options(directory.path()), function);
    first.step(&stop).await.unwrap();
    assert_eq!(calls_of(&calls), [vec![1, 2, 3, 4, 5]]);
    let (mut second, calls) = mapping(&database, &StandingClock::new(), options(directory.path()), |_| Ok(Value::Null));
    let (_stopper, stop) = Stopper::new();
    drain(&mut second, &stop).await;
    assert_eq!(calls_of(&calls), [vec![3, 4, 5]]);
}

//! DynamoDB and Secrets Manager behind the AWS SDK, without sockets: a connector that calls the embedded services, and what goes
//! wrong between.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_smithy_async::{rt::sleep::TokioSleep, time::TimeSource};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, errors::DynoxideError};
use jiff::SignedDuration;
use passerelle_local::REGION;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Time, World, process::Life};
use crate::fault::Fault;

/// What AWS is known to have, so that lags can be made.
#[derive(Debug, Default)]
pub struct Shadow {
    /// The indexes as they are seen, where they lag: the table as it was a while ago.
    replica: Option<Replica>,
    /// Which process last wrote each item, and when.
    written: BTreeMap<(String, String), (u32, Duration)>,
    /// New events in the order of their writing: the stream.
    pub stream: Vec<(String, String)>,
    /// The versions of each secret, with their times.
    versions: BTreeMap<String, Vec<(String, Duration)>>,
    /// How far an index may be behind.
    pub index_lag: Duration,
    /// How far Secrets Manager may be behind.
    pub secret_lag: Duration,
    /// How many items a page has at most.
    pub page: Option<u64>,
}

/// A copy of the table to which every write comes later.
struct Replica {
    database: Database,
    waiting: VecDeque<(Duration, String, Value)>,
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Replica")
    }
}

impl Shadow {
    /// Lets the indexes lag from now on behind an empty table.
    pub fn lag_behind(&mut self, database: Database) {
        self.replica = Some(Replica { database, waiting: VecDeque::new() });
    }
}

/// The SDK's clients of one process.
pub(super) fn connect(world: &Arc<World>, life: &Arc<Life>) -> (aws_sdk_dynamodb::Client, aws_sdk_secretsmanager::Client) {
    let (wire, time) = (Wire { world: Arc::clone(world), life: Arc::clone(life) }, SdkTime(world.time));
    let credentials = Credentials::new("simulated", "simulated", None, None, "passerelle-simulation");
    // The SDK's own bucket is the process's, and would carry one run's failures into the next.
    let partition = || RetryPartition::custom("run").token_bucket(TokenBucket::default()).build();
    macro_rules! config {
        ($sdk:ident) => {
            $sdk::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new(REGION))
                .credentials_provider(credentials.clone())
                .http_client(wire.clone())
                .time_source(time.clone())
                .sleep_impl(TokioSleep::new())
                .retry_partition(partition())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .build()
        };
    }
    (aws_sdk_dynamodb::Client::from_conf(config!(aws_sdk_dynamodb)), aws_sdk_secretsmanager::Client::from_conf(config!(aws_sdk_secretsmanager)))
}

#[derive(Debug, Clone)]
struct SdkTime(Time);

impl TimeSource for SdkTime {
    fn now(&self) -> SystemTime {
        self.0.now(SignedDuration::ZERO).into()
    }
}

#[derive(Debug, Clone)]
struct Wire {
    world: Arc<World>,
    life: Arc<Life>,
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let wire = self.clone();
        HttpConnectorFuture::new(async move { wire.exchange(&request).await })
    }
}

/// Status and body of an answer.
type Answer = (u16, String);

impl Wire {
    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let body = request.body().bytes().unwrap_or_default();
        self.world.before(&self.life).await;
        let (status, answer) = match target.split_once('.') {
            Some(("secretsmanager", operation)) => self.secret(operation, body)?,
            Some((_, operation)) => self.table(operation, body)?,
            None => return Err(ConnectorError::user("a call without a target".into())),
        };
        self.world.after(&self.life).await;
        let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
        Ok(HttpResponse::new(status, SdkBody::from(answer)))
    }

    fn table(&self, operation: &str, body: &[u8]) -> Result<Answer, ConnectorError> {
        let world = &self.world;
        let request: Value = serde_json::from_slice(body).map_err(|error| ConnectorError::user(error.into()))?;
        let writes = written(operation, &request);
        let what = writes.first().map_or_else(|| subject(&request), |(pk, sk)| format!("{pk} {sk}"));
        let told = |how: &str| world.note(format_args!("{} {operation} {what}: {how}", self.life));
        if world.strikes_at(&self.life, Fault::TableThrottle) {
            told("throttled");
            return Ok(refusal("ProvisionedThroughputExceededException", "Slow down."));
        }
        if !writes.is_empty() && world.strikes_at(&self.life, Fault::TableConflict) {
            told("conflict");
            return Ok(conflict(operation, writes.len()));
        }
        let (status, answer) = match operation {
            "Query" => self.query(&request),
            _ => dispatch(&world.database, operation, &request),
        };
        if answer.contains("ConditionalCheckFailed") && self.was_overtaken(&writes) {
            world.count(Fault::TableRace);
        }
        told(if status == 200 { "ok" } else { answer.split('"').nth(3).unwrap_or("refused") });
        let has_effect = status == 200 && !writes.is_empty();
        if has_effect {
            self.note_calls(&request, &writes);
            self.remember(operation, &request, writes);
        }
        if !self.life.is_spared() && world.draws(Fault::TableLost) {
            world.state().counts.add(Fault::TableLost, u64::from(has_effect));
            told("the answer is lost");
            return Err(ConnectorError::io("the connection broke".into()));
        }
        Ok((status, if request.get("IndexName").is_some() { self.lagging(&request, answer) } else { answer }))
    }

    /// Notes that calls were added to those of a tenant's day.
    fn note_calls(&self, request: &Value, writes: &[(String, String)]) {
        let calls = request.pointer("/ExpressionAttributeValues/:n/N").and_then(Value::as_str).and_then(|calls| calls.parse().ok());
        for (pk, _) in writes.iter().filter(|(_, sk)| sk.starts_with("USAGE#")) {
            self.world.counted(pk.trim_start_matches("CONN#"), &self.life, calls.unwrap_or_default());
        }
    }

    /// Whether another process has written one of these items while this one was at its call.
    fn was_overtaken(&self, writes: &[(String, String)]) -> bool {
        let state = self.world.state();
        let since = self.life.since();
        writes.iter().filter_map(|key| state.shadow.written.get(key)).any(|(process, at)| *process != self.life.number() && *at >= since)
    }

    /// A query ends where a page does, even if more was asked for.
    fn query(&self, request: &Value) -> Answer {
        let world = &self.world;
        let (page, wanted) = (world.state().shadow.page, request["Limit"].as_u64());
        let Some(page) = page.filter(|page| wanted.is_none_or(|wanted| wanted > *page)) else {
            return dispatch(&world.database, "Query", request);
        };
        let mut shorter = request.clone();
        shorter["Limit"] = json!(page);
        let (status, answer) = dispatch(&world.database, "Query", &shorter);
        world.state().counts.add(Fault::ShortPage, u64::from(answer.contains("LastEvaluatedKey")));
        (status, answer)
    }

    fn remember(&self, operation: &str, request: &Value, writes: Vec<(String, String)>) {
        let now = self.world.time.passed();
        let shadow = &mut self.world.state().shadow;
        if let Some(replica) = &mut shadow.replica {
            replica.waiting.push_back((now, operation.to_owned(), request.clone()));
        }
        for key in writes {
            if operation == "PutItem" && key.1 == "EVENT" && request.get("ConditionExpression").is_some() {
                shadow.stream.push(key.clone());
            }
            shadow.written.insert(key, (self.life.number(), now));
        }
    }

    /// What an index shows: not yet what was just written, and still what is no more.
    fn lagging(&self, request: &Value, answer: String) -> String {
        let world = &self.world;
        let now = world.time.passed();
        let mut state = world.state();
        let (lag, shows_old) = (state.shadow.index_lag, state.rates.strikes(Fault::IndexOld));
        let (false, Some(replica)) = (lag.is_zero(), &mut state.shadow.replica) else { return answer };
        while replica.waiting.front().is_some_and(|(at, ..)| *at + lag < now) {
            let Some((_, operation, request)) = replica.waiting.pop_front() else { break };
            dispatch(&replica.database, &operation, &request);
        }
        let (_, shown) = dispatch(&replica.database, "Query", request);
        let keys = |page: &Value| page["Items"].as_array().into_iter().flatten().map(key_of).collect::<BTreeSet<_>>();
        let (Ok(whole), Ok(mut page)) = (serde_json::from_str::<Value>(&answer), serde_json::from_str::<Value>(&shown)) else { return answer };
        let (there, seen) = (keys(&whole), keys(&page));
        if let Some(items) = page.get_mut("Items").and_then(Value::as_array_mut).filter(|_| !shows_old) {
            items.retain(|item| there.contains(&key_of(item)));
        }
        state.counts.add(Fault::IndexLag, u64::from(!there.is_subset(&seen)));
        state.counts.add(Fault::IndexOld, u64::from(shows_old && !seen.is_subset(&there)));
        page.to_string()
    }

    fn secret(&self, operation: &str, body: &[u8]) -> Result<Answer, ConnectorError> {
        let (world, mut request) = (&self.world, serde_json::from_slice::<Value>(body).unwrap_or_default());
        let name = request["SecretId"].as_str().or(request["Name"].as_str()).unwrap_or_default().to_owned();
        let told = |how: &str| world.note(format_args!("{} {operation} {name}: {how}", self.life));
        if world.strikes_at(&self.life, Fault::SecretThrottle) {
            told("throttled");
            return Ok(refusal("ThrottlingException", "Rate exceeded"));
        }
        if operation == "GetSecretValue" {
            match self.behind(&name, request["VersionId"].as_str()) {
                Some(Behind::Unknown) => {
                    told("not there yet");
                    return Ok(refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret."));
                }
                Some(Behind::Former(version)) => request["VersionId"] = json!(version),
                None => {}
            }
        }
        let (status, answer) = world.secrets.call(operation, request.to_string().as_bytes());
        told(if status.is_success() { "ok" } else { answer["__type"].as_str().unwrap_or("refused") });
        let text = request["SecretString"].as_str().unwrap_or_default();
        world.keep_secrets(&serde_json::from_str(text).unwrap_or_default());
        if operation == "PutSecretValue" && status.is_success() {
            world.grant_stored(&name, &self.life);
            let (version, now) = (request["ClientRequestToken"].as_str().unwrap_or_default().to_owned(), world.time.passed());
            let mut state = world.state();
            let versions = state.shadow.versions.entry(name.clone()).or_default();
            if versions.iter().all(|(known, _)| *known != version) {
                versions.push((version, now));
            }
        }
        if operation != "GetSecretValue" && status.is_success() && world.strikes_at(&self.life, Fault::SecretLost) {
            told("the answer is lost");
            return Err(ConnectorError::io("the connection broke".into()));
        }
        Ok((status.as_u16(), answer.to_string()))
    }

    /// How a read is behind, if it is.
    fn behind(&self, name: &str, version: Option<&str>) -> Option<Behind> {
        let mut state = self.world.state();
        let (now, lag) = (self.world.time.passed(), state.shadow.secret_lag);
        let versions = state.shadow.versions.get(name)?;
        let fresh = |at: Duration| !lag.is_zero() && at + lag > now;
        let behind = match version {
            Some(asked) => versions.iter().any(|(known, at)| known == asked && fresh(*at)).then_some(Behind::Unknown),
            None => match versions.as_slice() {
                [.., (former, _), (_, at)] if fresh(*at) => Some(Behind::Former(former.clone())),
                [(_, at)] if fresh(*at) => Some(Behind::Unknown),
                _ => None,
            },
        };
        state.counts.add(Fault::SecretBehind, u64::from(behind.is_some()));
        behind
    }
}

enum Behind {
    Unknown,
    Former(String),
}

/// The keys that a request writes.
fn written(operation: &str, request: &Value) -> Vec<(String, String)> {
    match operation {
        "PutItem" => vec![key_of(&request["Item"])],
        "UpdateItem" | "DeleteItem" => vec![key_of(&request["Key"])],
        "TransactWriteItems" => {
            let parts = request["TransactItems"].as_array().into_iter().flatten().filter_map(|part| part.as_object()?.values().next());
            parts.map(|part| key_of(part.get("Item").or_else(|| part.get("Key")).unwrap_or(&Value::Null))).collect()
        }
        _ => Vec::new(),
    }
}

fn key_of(item: &Value) -> (String, String) {
    let text = |name: &str| item.pointer(&format!("/{name}/S")).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("pk"), text("sk"))
}

/// What a read is about, for the trace. Values of a query come in no order, so they are sorted.
fn subject(request: &Value) -> String {
    if let Some(key) = request.get("Key") {
        let (pk, sk) = key_of(key);
        return format!("{pk} {sk}");
    }
    let values = request.get("ExpressionAttributeValues").and_then(Value::as_object);
    let mut values: Vec<String> = values.into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
    values.sort();
    format!("{} {}", request["IndexName"].as_str().unwrap_or_default(), values.join(" "))
}

fn refusal(code: &str, message: &str) -> Answer {
    (400, json!({"__type": format!("com.amazonaws.simulated#{code}"), "message": message}).to_string())
}

fn conflict(operation: &str, parts: usize) -> Answer {
    if operation != "TransactWriteItems" {
        return refusal("TransactionConflictException", "Transaction is ongoing for the item");
    }
    let mut reasons = vec![json!({"Code": "None"}); parts];
    if let Some(first) = reasons.first_mut() {
        *first = json!({"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"});
    }
    let message = "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]";
    let body = json!({"__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message": message, "CancellationReasons": reasons});
    (400, body.to_string())
}

/// The operations of DynamoDB that Passerelle uses.
fn dispatch(database: &Database, operation: &str, request: &Value) -> Answer {
    match operation {
        "GetItem" => run(request, |r| database.get_item(r)),
        "BatchGetItem" => run(request, |r| database.batch_get_item(r)),
        "PutItem" => run(request, |r| database.put_item(r)),
        "UpdateItem" => run(request, |r| database.update_item(r)),
        "DeleteItem" => run(request, |r| database.delete_item(r)),
        "Query" => run(request, |r| database.query(r)),
        "TransactWriteItems" => run(request, |r| database.transact_write_items(r)),
        other => refusal("UnknownOperationException", other),
    }
}

fn run<Q: DeserializeOwned, A: Serialize>(request: &Value, work: impl FnOnce(Q) -> Result<A, DynoxideError>) -> Answer {
    let worked = match serde_json::from_value(request.clone()) {
        Ok(request) => work(request),
        Err(error) => return refusal("SerializationException", &error.to_string()),
    };
    match worked.map(|answer| serde_json::to_string(&answer)) {
        Ok(Ok(answer)) => (200, answer),
        Ok(Err(error)) => refusal("InternalServerError", &error.to_string()),
        Err(error) => (error.status_code(), error.to_json()),
    }
}

//! Calls of the functions: deliveries to intake, batches and sweeps to upsert, and what follows from how they end.

use std::{collections::VecDeque, pin::Pin, sync::Arc, time::Duration};

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use standardwebhooks::Webhook;

use super::{Job, Run};
use crate::{
    admin,
    fault::Fault,
    history::{TENANTS, What},
    report::Promise,
    world::{
        EPOCH, World,
        process::{Ended, Process},
    },
};

/// How long a function may take, as the template has it.
pub(super) const TIMEOUT: Duration = Duration::from_secs(300);
/// How long intake may take.
const INTAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an administrator waits for an org to be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(120);
/// So often a platform tries again to deliver.
const DELIVERIES: u32 = 200;

/// What a call of a function led to.
pub(super) enum Done {
    Intake { process: Arc<Process>, tenant: usize, events: Vec<usize>, tries: u32, accepted: bool },
    Upsert { process: Arc<Process>, batch: Option<(Vec<Value>, u32)> },
    Reconcile { process: Arc<Process> },
    Connect { tenant: usize, connected: bool },
}

pub(super) type Call = Pin<Box<dyn Future<Output = Done>>>;

/// How long a call may take, and how long it is told that it may.
#[derive(Clone, Copy)]
struct CallTime {
    told: Duration,
    has: Duration,
}

impl CallTime {
    fn deadline(self, process: &Process) -> Timestamp {
        process.life.be_short_of_time(self.told < TIMEOUT);
        process.now() + SignedDuration::try_from(self.told).unwrap_or_default()
    }

    /// Counts a call that was killed before the time that it was told.
    fn count<T>(self, world: &World, ended: &Ended<T>) {
        world.state().counts.add(Fault::Killed, u64::from(matches!(ended, Ended::TimedOut) && self.has < self.told));
    }
}

/// Whether an answer tells of no failure.
fn has_worked(answer: &Value) -> bool {
    answer["failed"].as_u64().is_none_or(|failed| failed == 0) && answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty)
}

impl Run<'_> {
    fn process(pool: &mut VecDeque<Arc<Process>>, world: &Arc<World>, number: &mut u32) -> Arc<Process> {
        pool.pop_front().unwrap_or_else(|| {
            *number += 1;
            Arc::new(Process::start(world, *number))
        })
    }

    /// The platform delivers, signed as it signs.
    pub(super) fn deliver(&mut self, tenant: usize, events: Vec<usize>, tries: u32) -> Result<()> {
        let process = Self::process(&mut self.intakes, &self.world, &mut self.processes);
        let bodies: Vec<&Value> = events.iter().map(|event| &self.plan.history.said[*event].body).collect();
        let (body, source) = (serde_json::to_string(&bodies)?, TENANTS[tenant]);
        self.deliveries += 1;
        let id = format!("msg_{}", self.deliveries);
        let at = self.world.time.now(self.plan.history.platform_skew).as_second();
        self.world.state().counts.add(Fault::SkewPlatform, u64::from(!self.plan.history.platform_skew.is_zero()));
        let signature = Webhook::new(self.keys[tenant].expose_secret())?.sign(&id, at, body.as_bytes())?;
        let request = serde_json::from_value(json!({
            "version": "2.0", "rawPath": format!("/v1/hooks/{source}"), "rawQueryString": "", "pathParameters": {"source": source},
            "headers": {"webhook-id": id, "webhook-timestamp": at.to_string(), "webhook-signature": signature, "content-type": "application/json"},
            "requestContext": {"domainName": "passerelle.example", "http": {"method": "POST", "path": format!("/v1/hooks/{source}")}},
            "isBase64Encoded": false, "body": body,
        }))?;
        let world = Arc::clone(&self.world);
        world.note(format_args!("{} is sent {id} of {source}: {} events", process.life, events.len()));
        self.calls.push(Box::pin(async move {
            let call = passerelle_trigger_intake::handle(process.ports(), &process.readers, request);
            let accepted = match process.serve(Box::pin(call), INTAKE_TIMEOUT).await {
                Ended::Answered(answer) => {
                    world.note(format_args!("{} answers {id}: {}", process.life, answer.status_code));
                    world.state().answers.push(format!("{answer:?}"));
                    answer.status_code == 202
                }
                Ended::Died | Ended::TimedOut => false,
            };
            Done::Intake { process, tenant, events, tries, accepted }
        }));
        Ok(())
    }

    /// Sends upsert a batch of the stream, or a sweep.
    pub(super) fn upsert(&mut self, event: Value, batch: Option<(Vec<Value>, u32)>) {
        let process = Self::process(&mut self.upserts, &self.world, &mut self.processes);
        for key in batch.iter().flat_map(|(records, _)| records).filter_map(|record| record.pointer("/dynamodb/Keys/pk/S")?.as_str()) {
            *self.told.entry(key.to_owned()).or_default() += 1;
        }
        let time = self.time();
        let world = Arc::clone(&self.world);
        world.note(format_args!(
            "{} is sent {}",
            process.life,
            batch.as_ref().map_or("a sweep".to_owned(), |(records, _)| format!("{} records", records.len()))
        ));
        self.upserting += 1;
        self.calls.push(Box::pin(async move {
            let call = passerelle_upsert::handle(process.ports(), &process.bench, event, time.deadline(&process));
            let ended = process.serve(Box::pin(call), time.has).await;
            time.count(&world, &ended);
            let failed = !matches!(&ended, Ended::Answered(Ok(answer)) if has_worked(answer));
            world.ended(&process.life, failed);
            let worked = matches!(&ended, Ended::Answered(Ok(answer)) if answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty));
            world.note(format_args!("{} ends: {ended:?}", process.life));
            Done::Upsert { process, batch: batch.filter(|_| !worked) }
        }));
    }

    /// An administrator connects an org, whose grant is gone.
    pub(super) fn connect(&mut self, tenant: usize) {
        self.processes += 1;
        let (process, world) = (Process::start(&self.world, self.processes), Arc::clone(&self.world));
        world.note(format_args!("the administrator connects {} again by {}", TENANTS[tenant], process.life));
        self.calls.push(Box::pin(async move {
            let ended = process.serve(Box::pin(admin::connect_org(&world, &process, tenant)), CONNECT_TIMEOUT).await;
            world.note(format_args!("{} ends: {ended:?}", process.life));
            Done::Connect { tenant, connected: matches!(ended, Ended::Answered(Ok(()))) }
        }));
    }

    fn time(&self) -> CallTime {
        let world = &self.world;
        let told = if world.draws(Fault::Deadline) { Duration::from_secs(world.chance(|rng| rng.u64(30..60))) } else { TIMEOUT };
        // Whoever is told more time than they have is not done when it is over.
        let has = if world.draws(Fault::Killed) { Duration::from_millis(world.chance(|rng| rng.u64(50..6_000))) } else { told };
        CallTime { told, has: has.min(told) }
    }

    /// Calls the function behind the hourly schedule.
    pub(super) fn reconcile(&mut self) {
        let page = self.plan.runs.as_ref().map_or(1, |runs| runs.page);
        let process = self.reconcilers.pop_front().unwrap_or_else(|| {
            self.processes += 1;
            Arc::new(Process::start(&self.world, self.processes).with_pages_of(page))
        });
        let (time, world) = (self.time(), Arc::clone(&self.world));
        world.note(format_args!("{} is sent the hour", process.life));
        (self.upserting, self.reconciling) = (self.upserting + 1, self.reconciling + 1);
        self.calls.push(Box::pin(async move {
            let call = passerelle_reconcile::handle(process.ports(), &process.bench, json!({"due": true}), time.deadline(&process));
            let ended = process.serve(Box::pin(call), time.has).await;
            time.count(&world, &ended);
            world.ended(&process.life, !matches!(&ended, Ended::Answered(Ok(answer)) if has_worked(answer)));
            world.note(format_args!("{} ends: {ended:?}", process.life));
            Done::Reconcile { process }
        }));
    }

    pub(super) fn done(&mut self, done: Done) {
        let now = self.world.time.passed();
        match done {
            Done::Intake { process, tenant, events, tries, accepted } => {
                if process.is_alive() {
                    self.intakes.push_back(process);
                }
                if accepted {
                    events.into_iter().for_each(|event| _ = self.accepted.entry(event).or_insert(now));
                } else if tries < DELIVERIES {
                    // As platforms do: until it is accepted, or no hope is left.
                    self.schedule(now + Duration::from_secs(20), Job::Deliver { tenant, events, tries: tries + 1 });
                } else {
                    self.wrong(Promise::NothingLost, format!("intake has refused {events:?} of {} {tries} times", TENANTS[tenant]));
                }
            }
            Done::Reconcile { process } => {
                (self.upserting, self.reconciling) = (self.upserting - 1, self.reconciling - 1);
                if process.is_alive() {
                    self.reconcilers.push_back(process);
                } else {
                    self.cut();
                }
            }
            Done::Connect { tenant, connected: true } => self.world.connected(TENANTS[tenant]),
            Done::Connect { tenant, .. } => self.schedule(now + Duration::from_secs(60), Job::Act(What::Reconnect(tenant))),
            Done::Upsert { process, batch } => {
                self.upserting -= 1;
                if process.is_alive() {
                    self.upserts.push_back(process);
                } else {
                    self.cut();
                }
                if let Some((records, tries)) = batch.filter(|(_, tries)| *tries < 3) {
                    self.schedule(now + Duration::from_secs(1 << tries), Job::Batch { records, tries: tries + 1 });
                }
            }
        }
    }

    /// A process has died, whichever org it was at.
    fn cut(&self) {
        TENANTS.iter().for_each(|tenant| *self.world.state().cut.entry((*tenant).to_owned()).or_default() += 1);
    }

    /// Reads the stream, and brings what is new to upsert: as it is, twice, in parts, in another order, or not at all.
    pub(super) fn poll(&mut self, now: Duration) {
        let world = Arc::clone(&self.world);
        let new = world.state().shadow.stream[self.read..].to_vec();
        self.read += new.len();
        if new.is_empty() || world.strikes(Fault::StreamDropped) {
            return;
        }
        let mut records: Vec<Value> = new.iter().enumerate().map(|(n, key)| record(self.read - new.len() + n, key)).collect();
        if records.len() > 1 && world.strikes(Fault::StreamReordered) {
            world.chance(|rng| rng.shuffle(&mut records));
        }
        if world.strikes(Fault::StreamRepeated) {
            let later = Duration::from_secs(world.chance(|rng| rng.u64(0..120)));
            self.schedule(now + later, Job::Batch { records: records.clone(), tries: 0 });
        }
        if records.len() > 1 && world.strikes(Fault::StreamSplit) {
            let second = records.split_off(records.len() / 2);
            self.schedule(now, Job::Batch { records: second, tries: 0 });
        }
        self.schedule(now, Job::Batch { records, tries: 0 });
    }
}

/// A record of the stream.
pub(super) fn record(number: usize, (pk, sk): &(String, String)) -> Value {
    json!({
        "eventID": number.to_string(), "eventVersion": "1.1", "eventName": "INSERT", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-3",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-3:000000000000:table/passerelle/stream/1",
        "dynamodb": {
            "ApproximateCreationDateTime": EPOCH.as_second(), "SequenceNumber": format!("{number:021}"), "SizeBytes": 1, "StreamViewType": "KEYS_ONLY",
            "Keys": {"pk": {"S": pk}, "sk": {"S": sk}},
        },
    })
}

//! How much memory upsert's process needs for a whole batch: the real binary, invoked as the table's stream invokes it, over
//! the embedded AWS and the simulated org, which run in this process and not in its own.

use std::num::NonZeroU32;

use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use passerelle_core::domain::ids::{ConnectionId, EventId};
use passerelle_local::{SECRET_PREFIX, TABLE};
use passerelle_scenarios::{Scene, capture, person};
use serde_json::{Value, json};

use crate::binaries::Built;
use crate::runtime_api::{RuntimeApi, Seen};
use crate::sample::{asked, observe, peak_kib, spawn};

/// How many people the batch is about, each new to the org and with an activity.
pub const PEOPLE: usize = 200;
/// The connection, and its source.
const CONNECTION: &str = "kayo";

/// The most memory that the process held until the batch was done, in kibibytes: one figure for each round.
///
/// # Errors
/// A process that does not start or falls silent, or a batch that did not end in Salesforce.
pub fn measure(upsert: &Built, rounds: NonZeroU32) -> Result<Vec<u64>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    (0..rounds.get()).map(|_| runtime.block_on(take(upsert)).context("The batch was not measured.")).collect()
}

async fn take(upsert: &Built) -> Result<u64> {
    // The process goes by the machine's clock, so the scene must too; minutes ago, since nothing may lie in its future.
    let scene = Scene::at(Timestamp::now() - SignedDuration::from_mins(2)).await;
    let id = scene.active(CONNECTION).await;
    let events: Vec<Value> = (0..PEOPLE).map(|n| capture(&format!("e{n}"), person(n))).collect();
    scene.accept(CONNECTION, &json!({ "events": events })).await;

    let mut api = RuntimeApi::start().await?;
    let mut process = spawn(upsert, &api, &surroundings(&scene))?;
    asked(&mut api, &mut process).await?;
    api.hand_out(stream_event(&id))?;
    match observe(&mut api, &mut process).await? {
        Seen::Answered(_) => {}
        other => bail!("It was expected to answer, and did this: {other:?}."),
    }
    asked(&mut api, &mut process).await?;
    let peak = peak_kib(&process)?;
    process.kill().await?;
    verify(&scene, &id).await?;
    Ok(peak)
}

/// Where the process finds its surroundings, in place of the account that is empty.
pub fn surroundings(scene: &Scene) -> Vec<(&'static str, String)> {
    let addresses = scene.stack.addresses();
    let hosts = [Some(&addresses.salesforce.login), addresses.salesforce.instance.as_ref()];
    let hosts: Vec<&str> = hosts.into_iter().flatten().map(|url| url.trim_start_matches("http://")).collect();
    vec![
        ("AWS_ENDPOINT_URL_DYNAMODB", addresses.dynamodb.clone()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", addresses.secrets.clone()),
        ("PASSERELLE_TABLE", TABLE.to_owned()),
        ("PASSERELLE_SECRET_PREFIX", SECRET_PREFIX.to_owned()),
        ("PASSERELLE_PUBLIC_URL", addresses.gateway.clone()),
        ("PASSERELLE_ALLOWED_HOSTS", hosts.join(",")),
    ]
}

/// The new events as the table's stream tells of them: keys only.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>
fn stream_event(id: &ConnectionId) -> Value {
    let record = |n: usize| {
        json!({
            "eventID": format!("{n:032x}"),
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-3",
            "eventSourceARN": format!("arn:aws:dynamodb:eu-west-3:000000000000:table/{TABLE}/stream/2026-01-01T00:00:00.000"),
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600,
                "Keys": { "pk": { "S": format!("CONN#{id}#EVENT#e{n}") }, "sk": { "S": "EVENT" } },
                "SequenceNumber": format!("{n:021}"),
                "SizeBytes": 40,
                "StreamViewType": "KEYS_ONLY",
            },
        })
    };
    json!({ "Records": (0..PEOPLE).map(record).collect::<Vec<_>>() })
}

/// The memory of a batch that failed must not pass for that of its work.
async fn verify(scene: &Scene, id: &ConnectionId) -> Result<()> {
    let ids: Vec<EventId> = (0..PEOPLE).map(|n| format!("e{n}").parse()).collect::<Result<_, _>>()?;
    let events = scene.stack.ports().table.load_events(id, &ids).await?;
    let applied = events.iter().filter(|(_, event)| event.status == "applied").count();
    ensure!(applied == PEOPLE, "{applied} of {PEOPLE} events were applied.");
    Ok(())
}

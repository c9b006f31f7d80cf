//! `limits` and `limits/recordCount`.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::reply::{Outcome, Reply};
use super::request::Call;

/// Limits that nothing here uses up.
const UNTOUCHED: &[(&str, u64)] = &[
    ("ConcurrentAsyncGetReportInstances", 200),
    ("ConcurrentSyncReportRuns", 20),
    ("DailyAsyncApexExecutions", 250_000),
    ("DailyBulkApiBatches", 15_000),
    ("DailyBulkV2QueryFileStorageMB", 976_562),
    ("DailyBulkV2QueryJobs", 10_000),
    ("DailyDurableStreamingApiEvents", 10_000),
    ("DailyGenericStreamingApiEvents", 10_000),
    ("DailyStreamingApiEvents", 10_000),
    ("DailyWorkflowEmails", 1_000),
    ("DataStorageMB", 1_024),
    ("FileStorageMB", 1_024),
    ("HourlyAsyncReportRuns", 1_200),
    ("HourlyODataCallout", 20_000),
    ("HourlyPublishedPlatformEvents", 50_000),
    ("HourlySyncReportRuns", 500),
    ("HourlyTimeBasedWorkflow", 1_000),
    ("MassEmail", 5_000),
    ("PermissionSets", 1_500),
    ("SingleEmail", 5_000),
];

/// `GET /limits`.
pub fn limits(context: &mut Context<'_>) -> Outcome {
    let organization = context.world.org.organization();
    let (max, storage_full) = (organization.daily_api_limit, organization.data_storage_full);
    let used = context.world.usage.today(context.session.now);
    let mut body: Map<String, Value> = UNTOUCHED.iter().map(|(name, max)| ((*name).to_owned(), json!({"Max": max, "Remaining": max}))).collect();
    if storage_full {
        body.insert("DataStorageMB".to_owned(), json!({"Max": 1_024, "Remaining": 0}));
    }
    body.insert("DailyApiRequests".to_owned(), json!({"Max": max, "Remaining": max.saturating_sub(used)}));
    Ok(Reply::json(200, Value::Object(body)))
}

/// `GET /limits/recordCount?sObjects=a,b`; all objects without the parameter.
pub fn record_count(context: &mut Context<'_>, call: &Call) -> Outcome {
    let names: Vec<String> = match call.param("sObjects").filter(|list| !list.is_empty()) {
        Some(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        None => {
            let all = context.world.org.describe_global(&context.session);
            let objects = all.get("sobjects").and_then(Value::as_array).cloned().unwrap_or_default();
            objects.iter().filter_map(|object| object.get("name").and_then(Value::as_str)).map(str::to_owned).collect()
        }
    };
    let counts: Vec<Value> = names
        .iter()
        .filter_map(|name| {
            let name = context.world.org.resolve(&context.session, name).ok()?;
            let count = context.world.org.count(&name).ok()?;
            Some(json!({"count": count, "name": &*name}))
        })
        .collect();
    Ok(Reply::json(200, json!({"sObjects": counts})))
}

//! The JSON of each operation: requests parsed, answers written. Times are seconds since 1970, as in every AWS JSON
//! protocol.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    refusal::Refusal,
    store::{Details, Moment, NewVersion, Secret, Store, Tag},
    version::Content,
};

/// Works one operation on the store.
pub(super) fn dispatch(store: &mut Store, operation: &str, body: &[u8], moment: &Moment) -> Result<Value, Refusal> {
    store.bury(moment.now);
    match operation {
        "CreateSecret" => create(store, parse(body)?, moment),
        "GetSecretValue" => get(store, &parse(body)?),
        "PutSecretValue" => put(store, parse(body)?, moment.now),
        "DescribeSecret" => parse(body).and_then(|id: SecretId| Ok(describe(store.any(id.required()?)?))),
        "UpdateSecret" => update(store, parse(body)?, moment.now),
        "DeleteSecret" => delete(store, &parse(body)?, moment),
        "RestoreSecret" => parse(body).and_then(|id: SecretId| Ok(named(store.restore(id.required()?)?))),
        "ListSecretVersionIds" => list_versions(store, &parse(body)?),
        "ListSecrets" => list(store, &parse(body)?),
        _ => Err(Refusal::unknown_operation()),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|_| Refusal::serialization())
}

fn seconds(time: Timestamp) -> Value {
    // Milliseconds since 1970 fit a double exactly.
    #[allow(clippy::cast_precision_loss)]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

fn named(secret: &Secret) -> Value {
    json!({ "ARN": secret.arn, "Name": secret.name })
}

/// `named`, with further members.
fn with(secret: &Secret, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut answer = Map::from_iter([("ARN".to_owned(), json!(secret.arn)), ("Name".to_owned(), json!(secret.name))]);
    answer.extend(more.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)));
    answer.into()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretId {
    secret_id: Option<String>,
}

impl SecretId {
    fn required(&self) -> Result<&str, Refusal> {
        required(&self.secret_id)
    }
}

fn required(id: &Option<String>) -> Result<&str, Refusal> {
    let missing = "1 validation error detected: Value null at 'secretId' failed to satisfy constraint: Member must not be null";
    id.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| Refusal::validation(missing))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRequest {
    name: Option<String>,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_string: Option<SecretString>,
    secret_binary: Option<SecretString>,
    tags: Option<Vec<Tag>>,
}

fn create(store: &mut Store, request: CreateRequest, moment: &Moment) -> Result<Value, Refusal> {
    let content = Content::parse(request.secret_string, request.secret_binary)?;
    let id = content.as_ref().and(request.client_request_token.clone());
    let version = NewVersion { token: request.client_request_token, content };
    let details = Details { description: request.description, kms_key_id: request.kms_key_id };
    let name = request.name.unwrap_or_default();
    let secret = store.create(&name, details, request.tags.unwrap_or_default(), version, moment)?;
    Ok(with(secret, [("VersionId", json!(id))]))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRequest {
    secret_id: Option<String>,
    version_id: Option<String>,
    version_stage: Option<String>,
}

fn get(store: &Store, request: &GetRequest) -> Result<Value, Refusal> {
    let secret = store.live(required(&request.secret_id)?)?;
    let (id, version) = secret.version(request.version_id.as_deref(), request.version_stage.as_deref())?;
    let (member, value) = match &version.content {
        Content::Text(text) => ("SecretString", text.expose_secret()),
        Content::Binary(base64) => ("SecretBinary", base64.expose_secret()),
    };
    let stages = json!(version.stages);
    Ok(with(secret, [("VersionId", json!(id)), (member, json!(value)), ("VersionStages", stages), ("CreatedDate", seconds(version.created))]))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRequest {
    secret_id: Option<String>,
    client_request_token: Option<String>,
    secret_string: Option<SecretString>,
    secret_binary: Option<SecretString>,
    version_stages: Option<Vec<String>>,
}

fn put(store: &mut Store, request: PutRequest, now: Timestamp) -> Result<Value, Refusal> {
    let content = Content::parse(request.secret_string, request.secret_binary)?;
    let version = NewVersion { token: request.client_request_token, content };
    let (secret, id) = store.put(required(&request.secret_id)?, version, request.version_stages.unwrap_or_default(), now)?;
    Ok(with(secret, [("VersionId", json!(id)), ("VersionStages", json!(secret.versions.stages(&id)))]))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateRequest {
    secret_id: Option<String>,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_string: Option<SecretString>,
    secret_binary: Option<SecretString>,
}

fn update(store: &mut Store, request: UpdateRequest, now: Timestamp) -> Result<Value, Refusal> {
    let content = Content::parse(request.secret_string, request.secret_binary)?;
    let version = NewVersion { token: request.client_request_token, content };
    let details = Details { description: request.description, kms_key_id: request.kms_key_id };
    let (secret, id) = store.update(required(&request.secret_id)?, details, version, now)?;
    Ok(with(secret, [("VersionId", json!(id))]))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteRequest {
    secret_id: Option<String>,
    recovery_window_in_days: Option<i64>,
    force_delete_without_recovery: Option<bool>,
}

fn delete(store: &mut Store, request: &DeleteRequest, moment: &Moment) -> Result<Value, Refusal> {
    let id = required(&request.secret_id)?;
    match (request.force_delete_without_recovery.unwrap_or(false), request.recovery_window_in_days) {
        (true, Some(_)) => Err(Refusal::parameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")),
        (true, None) => {
            let (arn, name) = store.delete_at_once(id, moment)?;
            Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": seconds(moment.now) }))
        }
        (false, days) => {
            let secret = store.delete(id, days.unwrap_or(30), moment.now)?;
            Ok(with(secret, [("DeletionDate", secret.deletion.map_or(Value::Null, |deletion| seconds(deletion.due)))]))
        }
    }
}

fn describe(secret: &Secret) -> Value {
    with(secret, described(secret).into_iter().chain([("VersionIdsToStages", labelled(secret))]))
}

fn described(secret: &Secret) -> Vec<(&'static str, Value)> {
    vec![
        ("Description", json!(secret.details.description)),
        ("KmsKeyId", json!(secret.details.kms_key_id)),
        ("Tags", json!(secret.tags)),
        ("CreatedDate", seconds(secret.created)),
        ("LastChangedDate", seconds(secret.changed)),
        ("DeletedDate", secret.deletion.map_or(Value::Null, |deletion| seconds(deletion.asked))),
    ]
}

fn labelled(secret: &Secret) -> Value {
    let labelled = secret.versions.iter().filter(|(_, version)| !version.stages.is_empty());
    labelled.map(|(id, version)| (id.clone(), json!(version.stages))).collect::<Map<_, _>>().into()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListVersionsRequest {
    secret_id: Option<String>,
    include_deprecated: Option<bool>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn list_versions(store: &Store, request: &ListVersionsRequest) -> Result<Value, Refusal> {
    let secret = store.any(required(&request.secret_id)?)?;
    let all = request.include_deprecated.unwrap_or(false);
    let versions = secret.versions.iter().filter(|(_, version)| all || !version.stages.is_empty());
    let entry = |id: &String, created, stages: &_| json!({ "VersionId": id, "CreatedDate": seconds(created), "VersionStages": stages });
    let entries = versions.map(|(id, version)| entry(id, version.created, &version.stages)).collect();
    let (page, next) = page(entries, request.max_results, request.next_token.as_deref())?;
    Ok(with(secret, [("Versions", page.into()), ("NextToken", json!(next))]))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListRequest {
    max_results: Option<i64>,
    next_token: Option<String>,
    include_planned_deletion: Option<bool>,
    filters: Option<Vec<Filter>>,
    sort_order: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    key: Option<String>,
    values: Option<Vec<String>>,
}

impl Filter {
    /// Whether a secret passes: one of the values must fit. A value with `!` before it must not fit. Names and tags
    /// are told apart by case, descriptions are not.
    fn passes(&self, secret: &Secret) -> Result<bool, Refusal> {
        let begins = |text: &str, prefix: &str| text.starts_with(prefix);
        let fits = |value: &str| match self.key.as_deref() {
            Some("name") => Ok(begins(&secret.name, value)),
            Some("description") => {
                let description = secret.details.description.as_deref().unwrap_or_default().to_lowercase();
                Ok(begins(&description, &value.to_lowercase()))
            }
            Some("tag-key") => Ok(secret.tags.iter().any(|tag| begins(&tag.key, value))),
            Some("tag-value") => Ok(secret.tags.iter().any(|tag| begins(&tag.value, value))),
            _ => Err(Refusal::validation("The embedded Secrets Manager filters by name, description, tag-key and tag-value.")),
        };
        let values = self.values.as_deref().unwrap_or_default();
        let passed = values.iter().map(|value| match value.strip_prefix('!') {
            Some(value) => fits(value).map(|fits| !fits),
            None => fits(value),
        });
        Ok(passed.collect::<Result<Vec<_>, _>>()?.contains(&true))
    }
}

fn list(store: &Store, request: &ListRequest) -> Result<Value, Refusal> {
    let deleted_too = request.include_planned_deletion.unwrap_or(false);
    let mut secrets: Vec<_> = store.all().filter(|secret| deleted_too || secret.deletion.is_none()).collect();
    secrets.sort_by_key(|secret| secret.created);
    if request.sort_order.as_deref() != Some("asc") {
        secrets.reverse();
    }
    let mut entries = Vec::new();
    for secret in secrets {
        let mut passed = true;
        for filter in request.filters.as_deref().unwrap_or_default() {
            passed &= filter.passes(secret)?;
        }
        if passed {
            entries.push(with(secret, described(secret).into_iter().chain([("SecretVersionsToStages", labelled(secret))])));
        }
    }
    let (page, next) = page(entries, request.max_results, request.next_token.as_deref())?;
    Ok(json!({ "SecretList": page, "NextToken": next }))
}

/// One page of a list; the token is how many entries came before.
fn page(entries: Vec<Value>, size: Option<i64>, token: Option<&str>) -> Result<(Vec<Value>, Option<String>), Refusal> {
    let size = match size.map(usize::try_from) {
        None => 100,
        Some(Ok(size)) if (1..=100).contains(&size) => size,
        Some(_) => return Err(Refusal::validation("MaxResults must be between 1 and 100.")),
    };
    let start: usize = token.map_or(Ok(0), str::parse).map_err(|_| Refusal::next_token())?;
    let more = entries.len() > start.saturating_add(size);
    let next = more.then(|| start.saturating_add(size).to_string());
    Ok((entries.into_iter().skip(start).take(size).collect(), next))
}

//! Configuration: one versioned document per connection. Saving validates, stores a new version and tells what it did.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    backfill,
    schemas::{self, Ask, Learnt},
    webhook_keys,
};
use crate::{
    adapters::{
        platform,
        salesforce::host,
        secrets::{SecretError, SecretKind},
        state::{
            StateError,
            connections::{Meta, Source, Status, StoredConfig},
        },
    },
    domain::{
        check::{Unreached, Verdict, judge, unreached},
        config::{ConfigFault, Document, MAUTIC_URL, WEBHOOK_URL, parse_document},
        engine::{Engine, EngineError},
        event::hex,
        finding::{Finding, Severity},
        ids::ConnectionId,
        words::Sentence,
    },
    ports::Ports,
};

/// Why a document was not applied.
#[derive(Debug, Error)]
pub enum ConfigureError {
    /// It is not valid.
    #[error("The configuration is not valid.")]
    Invalid(Vec<ConfigFault>),
    /// Somebody else applied one at the same moment.
    #[error("Somebody else has just changed this configuration. Look at theirs, and apply yours again.")]
    Conflict,
    /// It cannot be made ready for use, although it is valid.
    #[error("the configuration cannot be used")]
    Engine(#[from] EngineError),
    /// The state table failed.
    #[error("the configuration could not be stored")]
    State(#[source] StateError),
    /// The secret store failed.
    #[error("the webhook's signing key could not be stored")]
    Secret(#[from] SecretError),
}

impl From<StateError> for ConfigureError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Conflict { .. } => Self::Conflict,
            other => Self::State(other),
        }
    }
}

/// What applying a document did.
#[derive(Debug)]
pub struct Applied {
    /// The connection.
    pub connection: ConnectionId,
    /// The version that is current now.
    pub version: u64,
    /// Whether it is a new one; an equal document changes nothing.
    pub changed: bool,
    /// The webhook's signing key, where it was made just now. It is shown this once.
    pub new_webhook_key: Option<SecretString>,
    /// What may get lost between types, what the org lacks yet, and whether it could not be asked.
    pub warnings: Vec<Finding>,
}

/// The signing keys of a connection's webhook, newest first.
#[derive(Serialize, Deserialize)]
pub struct WebhookKeys {
    /// Standard Webhooks keys, `whsec_…`, or whatever text the platform and Passerelle share.
    pub keys: Vec<String>,
}

impl std::fmt::Debug for WebhookKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookKeys").field("keys", &self.keys.len()).finish()
    }
}

/// Validates and stores a document. An equal one stores nothing. Where an org is connected, the rules are held against it: what
/// cannot work is refused, what may get lost is told.
pub async fn apply(ports: Ports<'_>, json: &Value) -> Result<Applied, ConfigureError> {
    apply_looked(ports, json, None).await
}

/// The same, where somebody else may have asked the org already: with what [`look`] answered, nobody is asked here.
pub async fn apply_looked(ports: Ports<'_>, json: &Value, looked: Option<Looked>) -> Result<Applied, ConfigureError> {
    let document = parse_document(json).map_err(ConfigureError::Invalid)?;
    let connection = document.connection.id.clone();
    platform_may_be_called(ports, &document)?;
    salesforce_may_be_called(ports, &document)?;
    agree_on_source(ports, &document).await?;
    let former = ports.table.load_meta(&connection).await?;
    let former_version = former.as_ref().map_or(0, |meta| meta.config_version);
    let current = load_version(ports, &connection, former_version).await?;
    let changed = current.as_ref() != Some(&document);
    let version = if changed { former_version + 1 } else { former_version };
    let engine = Engine::new(document.clone(), version)?;
    let (document, maps) = (&document, engine.maps());
    let (learnt, warnings) = check_types(ports, &engine, former.as_ref(), looked).await?;
    if changed {
        store(ports, document, former.as_ref(), version).await?;
        if backfill::is_wanted(current.as_ref(), document) {
            backfill::ask(ports, &connection).await?;
        }
    }
    schemas::cache(ports, &connection, &learnt.described).await?;
    schemas::agree(ports, &connection, document, version, maps).await?;
    feed(ports, document, former.as_ref()).await?;
    let new_webhook_key = ensure_webhook_key(ports, document).await?;
    tracing::info!(connection.id = %connection, config.version = version, config.changed = changed, "configuration applied");
    Ok(Applied { connection, version, changed, new_webhook_key, warnings })
}

/// Refuses rules that cannot work in the connected org, and answers what else is to be said. Before an org is connected there is
/// nothing to hold them against: activating does it then.
async fn check_types(
    ports: Ports<'_>,
    engine: &Engine,
    former: Option<&Meta>,
    looked: Option<Looked>,
) -> Result<(Learnt, Vec<Finding>), ConfigureError> {
    let ask = if looked.is_none() && can_tell(former) { Ask::Yes } else { Ask::No };
    let mut learnt = schemas::learn(ports, engine, ask).await?;
    learnt.unasked = learnt.unasked.or(looked.and_then(|looked| looked.unasked));
    let Verdict { refused, mut warnings } = judge(&engine.document, engine.maps(), &learnt.schemas);
    if !refused.is_empty() {
        let language = engine.document.connection.language;
        let fault = |found: Finding| ConfigFault { message: format!("{} {}", found.words.to(language), found.cure.to(language)), place: found.place };
        return Err(ConfigureError::Invalid(refused.into_iter().map(fault).collect()));
    }
    warnings.extend(learnt.unasked.as_ref().map(|why| Finding { severity: Severity::Warning, ..unreached(why) }));
    Ok((learnt, warnings))
}

/// Whether a connection has an org that could be asked.
fn can_tell(meta: Option<&Meta>) -> bool {
    matches!(meta.map(|meta| meta.status), Some(Status::Ready | Status::Active | Status::Paused))
}

/// Whether applying a document asks the connection's org. One that is not valid asks nobody.
pub async fn asks_org(ports: Ports<'_>, json: &Value) -> Result<bool, StateError> {
    let Ok(document) = parse_document(json) else { return Ok(false) };
    Ok(can_tell(ports.table.load_meta(&document.connection.id).await?.as_ref()))
}

/// That the org was asked about a document's objects. What it said is in the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// Why it could not be asked.
    pub unasked: Option<Unreached>,
}

/// Has the connected org tell about the objects of a document that is about to be applied, and keeps what it says. The document itself is stored
/// nowhere.
pub async fn look(ports: Ports<'_>, json: &Value) -> Result<Looked, ConfigureError> {
    let document = parse_document(json).map_err(ConfigureError::Invalid)?;
    salesforce_may_be_called(ports, &document)?;
    let c = document.connection.id.clone();
    let learnt = schemas::learn(ports, &Engine::new(document, 0)?, Ask::Yes).await?;
    schemas::cache(ports, &c, &learnt.described).await?;
    Ok(Looked { unasked: learnt.unasked })
}

/// The current version of a connection's document; `None` where there is none.
pub async fn load_current(ports: Ports<'_>, connection: &ConnectionId) -> Result<Option<(u64, Document)>, StateError> {
    let Some(meta) = ports.table.load_meta(connection).await? else { return Ok(None) };
    Ok(load_version(ports, connection, meta.config_version).await?.map(|document| (meta.config_version, document)))
}

/// One version of a connection's document.
pub async fn load_version(ports: Ports<'_>, connection: &ConnectionId, version: u64) -> Result<Option<Document>, StateError> {
    let Some(stored) = ports.table.load_config(connection, version).await? else { return Ok(None) };
    let corrupt =
        |source: serde_json::Error| StateError::Corrupt { key: crate::adapters::state::Key::config(connection, version), source: Box::new(source) };
    serde_json::from_str(&stored.document).map(Some).map_err(corrupt)
}

async fn store(ports: Ports<'_>, document: &Document, former: Option<&Meta>, version: u64) -> Result<(), ConfigureError> {
    let connection = &document.connection.id;
    let text = serde_json::to_string(document).unwrap_or_default();
    let stored = StoredConfig { document: text, saved_at: ports.clock.now() };
    match ports.table.save_config(connection, version, &stored).await {
        // A version that nobody made current is what an interrupted apply left behind; the same document may take its place.
        Err(StateError::Conflict { .. }) if load_version(ports, connection, version).await?.as_ref() == Some(document) => {}
        other => other?,
    }
    let meta = Meta {
        name: document.connection.name.clone(),
        status: former.map_or(Status::Draft, |meta| meta.status),
        source: document.source.id.clone(),
        config_version: version,
        resumed_version: former.map_or(0, |meta| meta.resumed_version),
        organization: former.and_then(|meta| meta.organization.clone()),
        cause: former.and_then(|meta| meta.cause.clone()),
    };
    Ok(ports.table.save_meta(connection, former, &meta).await?)
}

/// Makes the document's source feed the connection, and the former source feed it no more.
async fn feed(ports: Ports<'_>, document: &Document, former: Option<&Meta>) -> Result<(), ConfigureError> {
    let connection = &document.connection.id;
    let left = former.map(|meta| &meta.source).filter(|source| **source != document.source.id);
    if let Some(left) = left
        && let Some(mut source) = ports.table.load_source(left).await?
        && source.connections.remove(connection)
    {
        ports.table.save_source(left, &source).await?;
    }
    let former = ports.table.load_source(&document.source.id).await?.unwrap_or_default();
    let mut source = Source { hook: document.source.hook(), ..former.clone() };
    source.connections.insert(connection.clone());
    if source != former {
        ports.table.save_source(&document.source.id, &source).await?;
    }
    Ok(())
}

/// Refuses a platform within our own network. What its name leads to is looked at with each connection that is made.
fn platform_may_be_called(ports: Ports<'_>, document: &Document) -> Result<(), ConfigureError> {
    let webhook = document.platform.webhook.as_ref().map(|webhook| (WEBHOOK_URL, webhook.parse_url()));
    let mautic = document.platform.mautic.as_ref().map(|mautic| (MAUTIC_URL, mautic.parse_url()));
    let Some((place, Ok(url))) = webhook.or(mautic) else { return Ok(()) };
    platform::check(&url, &ports.settings.platform_hosts).map_err(|_| {
        let message = Sentence::new(
            "This installation calls public hosts only, by https and their name; write the platform's public address. This machine itself is called by a local stack only.",
            "Cette installation n'appelle que des hôtes publics, en https et par leur nom ; écrivez l'adresse publique de la plateforme. Seule une installation locale appelle sa propre machine.",
        );
        let fault = ConfigFault { place: place.to_owned(), message: message.to(document.connection.language).to_owned() };
        ConfigureError::Invalid(vec![fault])
    })
}

/// Refuses a host that is none of Salesforce and that the operator has not allowed, or that would be called without TLS.
fn salesforce_may_be_called(ports: Ports<'_>, document: &Document) -> Result<(), ConfigureError> {
    host::parse_origin(&document.salesforce.host.login_url(), &ports.settings.allowed_hosts).map(|_| ()).map_err(|_| {
        let message = Sentence::new(
            "This is not the address of a Salesforce server, by https. Write production, sandbox, my_domain, or an address that the operator allows.",
            "Ce n'est pas l'adresse d'un serveur de Salesforce, en https. Écrivez production, sandbox, my_domain, ou une adresse que l'exploitant autorise.",
        );
        let message = message.to(document.connection.language).to_owned();
        ConfigureError::Invalid(vec![ConfigFault { place: "salesforce.host".to_owned(), message }])
    })
}

/// All connections that a source feeds say the same of it.
async fn agree_on_source(ports: Ports<'_>, document: &Document) -> Result<(), ConfigureError> {
    let Some(source) = ports.table.load_source(&document.source.id).await? else { return Ok(()) };
    match source.connections.iter().find(|other| **other != document.connection.id) {
        Some(other) if source.hook != document.source.hook() => {
            let message = format!(
                "The source {} feeds {other} too, whose document gives it another format or signature. Give each its own source, or say the same in both.",
                document.source.id
            );
            Err(ConfigureError::Invalid(vec![ConfigFault { place: "source".to_owned(), message }]))
        }
        _ => Ok(()),
    }
}

/// Makes the webhook's signing key, unless there is one. A source that feeds other connections already keeps its key, so
/// that one signature serves them all.
async fn ensure_webhook_key(ports: Ports<'_>, document: &Document) -> Result<Option<SecretString>, ConfigureError> {
    let connection = &document.connection.id;
    match ports.secrets.read_current(connection, SecretKind::Webhook).await {
        Ok(_) => return Ok(None),
        Err(SecretError::Absent { .. }) => {}
        Err(other) => return Err(other.into()),
    }
    let source = ports.table.load_source(&document.source.id).await?.unwrap_or_default();
    for other in source.connections.iter().filter(|other| *other != connection) {
        if let Ok(secret) = ports.secrets.read_current(other, SecretKind::Webhook).await {
            ports.secrets.store(connection, SecretKind::Webhook, &fresh_version(ports), &secret.text).await?;
            return Ok(None);
        }
    }
    let key = webhook_keys::fresh(ports);
    set_webhook_key(ports, connection, &key).await?;
    Ok(Some(key))
}

/// A fresh id for a secret's version: 64 hexadecimal digits.
pub(super) fn fresh_version(ports: Ports<'_>) -> String {
    hex(&ports.ids.secret_bytes())
}

/// Takes the secret that signs in to the platform's API: a client's, or a user's password.
pub async fn set_platform_secret(ports: Ports<'_>, connection: &ConnectionId, secret: &SecretString) -> Result<(), SecretError> {
    ports.secrets.store(connection, SecretKind::Platform, &fresh_version(ports), secret).await
}

/// Takes the key that the platform made, or that both sides agreed on, in the place of the connection's webhook key. Other
/// connections that the source feeds keep theirs.
pub async fn set_webhook_key(ports: Ports<'_>, connection: &ConnectionId, key: &SecretString) -> Result<(), SecretError> {
    let text = serde_json::to_string(&WebhookKeys { keys: vec![key.expose_secret().to_owned()] }).unwrap_or_default();
    ports.secrets.store(connection, SecretKind::Webhook, &fresh_version(ports), &text.into()).await
}

/// The signing keys of a connection's webhook, newest first: what intake verifies deliveries with.
pub async fn webhook_keys(ports: Ports<'_>, connection: &ConnectionId) -> Result<Vec<SecretString>, SecretError> {
    let secret = ports.secrets.read_current(connection, SecretKind::Webhook).await?;
    let keys: Option<WebhookKeys> = serde_json::from_str(secret.text.expose_secret()).ok();
    Ok(keys.map(|keys| keys.keys.into_iter().map(SecretString::from).collect()).unwrap_or_default())
}

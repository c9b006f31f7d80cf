//! The custom fields that a document needs: which of them the org lacks, and making them with the permission that shows them.

use http::Method;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    access::{Access, AccessError},
    check::{CheckError, load_engine, why},
    schemas,
    tokens::SessionCache,
};
use crate::{
    adapters::salesforce::{
        SalesforceError, SubAnswer,
        composite::{Composite, MAX_SUBS},
        soql, tooling,
    },
    domain::{
        check::{Unreached, unreached},
        engine::Engine,
        finding::Finding,
        ids::{ConnectionId, ObjectName, RecordId},
        properties::{Property, is_shown, lacking, needed},
        sfdx::{File, PERMISSION_SET, project},
    },
    ports::Ports,
};

/// Why the fields could not be told or made.
#[derive(Debug, Error)]
pub enum FieldsError {
    /// The connection or its document.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The org could not be asked.
    #[error("{}", .0.words.en)]
    Unreached(Box<Finding>),
    /// The org refused to make something.
    #[error("Salesforce refused to make {what}: {code} {message}")]
    Refused {
        /// What was to be made.
        what: String,
        /// Salesforce's code.
        code: String,
        /// Its words, in the integration user's language.
        message: String,
    },
    /// An object of the org's own is not there.
    #[error("The org has no object {0}, or hides it. Deploy it with `passerelle fields --sfdx DIR`.")]
    NoObject(String),
    /// Nobody knows whom to give the permission.
    #[error("The stored grant names no user; connect the org again.")]
    NoUser,
}

impl From<AccessError> for FieldsError {
    fn from(error: AccessError) -> Self {
        match why(error) {
            Ok(reason) => reason.into(),
            Err(error) => Self::Check(error.into()),
        }
    }
}

impl From<Unreached> for FieldsError {
    fn from(reason: Unreached) -> Self {
        Self::Unreached(Box::new(unreached(&reason)))
    }
}

/// The custom fields of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// All that it needs.
    pub needed: Vec<Property>,
    /// Those that the org does not show.
    pub lacking: Vec<Property>,
    /// The first object of the org's own that it does not show.
    pub missing: Option<ObjectName>,
    /// An sfdx project that makes what is lacking, and the permission set for everything.
    pub project: Vec<File>,
}

/// Whether the org is described anew first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reload {
    /// It is.
    Yes,
    /// A description of less than a day will do.
    No,
}

/// The custom fields that a connection's document needs, held against its org.
pub async fn list(ports: Ports<'_>, sessions: &SessionCache, c: &ConnectionId, reload: Reload) -> Result<Fields, FieldsError> {
    let engine = load_engine(ports, c).await?;
    let mut access = Access::open(ports, sessions, &engine).await?;
    let found = look(ports, &mut access, &engine, reload).await;
    access.spend().await.map_err(AccessError::from)?;
    found
}

async fn look(ports: Ports<'_>, access: &mut Access<'_>, engine: &Engine, reload: Reload) -> Result<Fields, FieldsError> {
    let schemas = match reload {
        Reload::Yes => schemas::reload(ports, access, engine).await?,
        Reload::No => schemas::load(ports, access, engine).await?,
    };
    let (document, maps) = (&engine.document, engine.maps());
    let needed = needed(document, maps);
    let lacking = lacking(&needed, &schemas);
    let project = project(document, maps, &needed, &lacking);
    let missing = lacking.iter().find(|property| !is_shown(&property.object, &schemas)).map(|property| property.object.clone());
    Ok(Fields { needed, lacking, missing, project })
}

/// Makes what is lacking, gives the integration user's permission set the right to it, and answers how it stands afterwards.
pub async fn create(ports: Ports<'_>, sessions: &SessionCache, c: &ConnectionId) -> Result<(Vec<Property>, Fields), FieldsError> {
    let engine = load_engine(ports, c).await?;
    let mut access = Access::open(ports, sessions, &engine).await?;
    let made = make(ports, &mut access, &engine).await;
    access.spend().await.map_err(AccessError::from)?;
    made
}

async fn make(ports: Ports<'_>, access: &mut Access<'_>, engine: &Engine) -> Result<(Vec<Property>, Fields), FieldsError> {
    let before = look(ports, access, engine, Reload::Yes).await?;
    if before.lacking.is_empty() {
        return Ok((Vec::new(), before));
    }
    // Objects cannot be made by this API.
    if let Some(object) = &before.missing {
        return Err(FieldsError::NoObject(object.to_string()));
    }
    for property in &before.lacking {
        let path = tooling::custom_fields(access.version());
        match access.send(Method::POST, &path, &tooling::custom_field(property)).await {
            Ok(()) => {}
            // A field that is there and hidden lacks the permission only.
            Err(AccessError::Salesforce(error)) if error.code() == tooling::NAME_TAKEN => {}
            Err(AccessError::Salesforce(SalesforceError::Refused { errors, .. })) if !errors.is_empty() => {
                let first = errors.into_iter().next().unwrap_or_default();
                return Err(FieldsError::Refused {
                    what: format!("{}.{}", property.object, property.name),
                    code: first.code,
                    message: first.message,
                });
            }
            Err(other) => return Err(other.into()),
        }
    }
    let set = permission_set(access).await?;
    let subs: Vec<_> = before.lacking.iter().flat_map(|property| tooling::permissions(access.version(), set, property)).collect();
    for chunk in subs.chunks(MAX_SUBS) {
        let answer = access.composite(&Composite::new(chunk.to_vec())).await?;
        for sub in &answer.subs {
            // A repeat finds some of the permissions given.
            made(sub, "DUPLICATE_VALUE")?;
        }
    }
    let after = look(ports, access, engine, Reload::Yes).await?;
    tracing::info!(connection.id = %engine.document.connection.id, fields = before.lacking.len(), "fields made");
    Ok((before.lacking, after))
}

/// The integration user's permission set: ours, made and given where it is not.
async fn permission_set(access: &mut Access<'_>) -> Result<RecordId, FieldsError> {
    let user = access.user_id().ok_or(FieldsError::NoUser)?.to_owned();
    let (name, version) = (soql::text(PERMISSION_SET), access.version().clone());
    let sets = format!("SELECT Id FROM PermissionSet WHERE Name = {name}");
    let given = format!("SELECT Id FROM PermissionSetAssignment WHERE AssigneeId = {} AND PermissionSet.Name = {name}", soql::text(&user));
    let answer = access.composite(&Composite::new(vec![soql::query(&version, "sets", &sets), soql::query(&version, "given", &given)])).await?;
    let rows = |name: &str| answer.get(name).and_then(soql::parse_sub).map_err(AccessError::from);
    let (found, given) = (rows("sets")?.records.first().and_then(|row| row.id("Id")), !rows("given")?.records.is_empty());
    let set = match found {
        Some(set) => set,
        None => {
            let answer = access.composite(&Composite::new(vec![tooling::permission_set(&version)])).await?;
            let sub = answer.get("set").map_err(AccessError::from)?;
            made(sub, "")?;
            let id = sub.body.get("id").and_then(serde_json::Value::as_str).and_then(|id| RecordId::parse(id).ok());
            id.ok_or_else(|| FieldsError::Refused { what: PERMISSION_SET.to_owned(), code: "NO_ID".to_owned(), message: String::new() })?
        }
    };
    if !given {
        let answer = access.composite(&Composite::new(vec![tooling::assignment(&version, &user, set)])).await?;
        made(answer.get("assignment").map_err(AccessError::from)?, "DUPLICATE_VALUE")?;
    }
    Ok(set)
}

/// Whether something was made, or was there already by the code that says so.
fn made(sub: &SubAnswer, there: &str) -> Result<(), FieldsError> {
    match sub.errors().into_iter().find(|error| error.code != there) {
        None => Ok(()),
        Some(error) => Err(FieldsError::Refused { what: sub.reference_id.clone(), code: error.code, message: error.message }),
    }
}

//! What a command asks of a connection's org, as data: typed on the operator's machine, answered where the functions run. So an org is called from
//! the functions' addresses only, whoever asks.
//!
//! The answer is what the use case itself gives. Whoever may invoke the function may do all of it; nothing here knows who asked.

use std::error::Error;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::{
    check::{self, CheckError},
    configure::{self, ConfigureError},
    connect::{self, DeviceCode, Refused},
    connections::{self, ConnectionError},
    fields::{self, Fields, FieldsError, Reload},
    reconcile,
    sync::{self, SyncError},
    upsert::{Stopped, WorkError, Workbench},
};
use crate::{
    adapters::state::StateError,
    domain::{
        finding::Finding,
        ids::{ConnectionId, EventId, RecordId},
        properties::Property,
        run::Run,
        sfdx::{File, type_name},
    },
    ports::{Ports, causes},
};

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Connect by the JWT bearer or the client credentials flow: [`connect::Connected`].
    SignIn { connection: ConnectionId },
    /// Begin the device flow: [`DeviceCode`].
    BeginDevice { connection: ConnectionId },
    /// Ask once whether its code was typed in: [`connect::Polled`].
    PollDevice { connection: ConnectionId, code: DeviceCode },
    /// Sign in anew and call the org: [`connect::Connected`].
    Test { connection: ConnectionId },
    /// Tie the connection to another org: [`connect::Revoked`].
    ConfirmOrganization { connection: ConnectionId, organization: RecordId },
    /// Take the org away: [`connect::Revoked`].
    Disconnect { connection: ConnectionId },
    /// Hold document and org against each other: [`check::Report`].
    Verify { connection: ConnectionId },
    /// Tell the custom fields of the document: [`Told`].
    ListFields { connection: ConnectionId, reload: Reload },
    /// Make those that the org lacks: [`Made`].
    CreateFields { connection: ConnectionId },
    /// Let the connection work: warnings, as [`Finding`]s.
    Activate { connection: ConnectionId },
    /// Tell where it stands: [`connections::Standing`].
    Standing { connection: ConnectionId },
    /// Have the org tell about a document that is about to be applied: [`configure::Looked`].
    Look { document: Value },
    /// Make one step of the connection's run: [`Stepped`].
    Step { connection: ConnectionId },
    /// Work these events of a list: [`sync::Sent`].
    Work { connection: ConnectionId, events: Vec<EventId> },
}

/// One custom field, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The object.
    pub object: String,
    /// The API name.
    pub name: String,
    /// The type's name in the Metadata API.
    pub kind: String,
    /// The label.
    pub label: String,
    /// Whether the org shows it.
    pub is_there: bool,
}

impl Field {
    fn of(property: &Property, is_there: bool) -> Self {
        let kind = type_name(property.kind).to_owned();
        Self { object: property.object.to_string(), name: property.name.to_string(), kind, label: property.label.clone(), is_there }
    }
}

/// The custom fields of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// All that it needs.
    pub fields: Vec<Field>,
    /// The project that makes those that the org lacks.
    pub project: Vec<File>,
}

impl From<Fields> for Told {
    fn from(found: Fields) -> Self {
        let fields = found.needed.iter().map(|property| Field::of(property, !found.lacking.contains(property))).collect();
        Self { fields, project: found.project }
    }
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The fields that were made.
    pub made: Vec<Field>,
    /// How it stands afterwards.
    pub after: Told,
}

/// How a step of a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stepped {
    /// Why it could not do its work, if it could not.
    pub stopped: Option<Stopped>,
    /// The run that it ended.
    pub ended: Option<Run>,
}

/// Why it was not done, as whoever asked is told.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The org was not connected, or does not work, in the connection's language.
    #[error("{0}")]
    Refused(Refused),
    /// The org could not be asked, in both languages.
    #[error("{} {}", .0.words.en, .0.cure.en)]
    Unreached(Box<Finding>),
    /// Anything else, in English, with its causes.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Which kind of failure, for the log: Salesforce's code or ours where there is one.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Refused(refused) => &refused.code,
            Self::Unreached(finding) => &finding.code,
            Self::Other(_) => "refused",
        }
    }

    /// An error with all the causes behind it.
    fn other(error: &(dyn Error + 'static)) -> Self {
        Self::Other(causes(error))
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<FieldsError> for Failure {
    fn from(error: FieldsError) -> Self {
        match error {
            FieldsError::Unreached(finding) => Self::Unreached(finding),
            other => Self::other(&other),
        }
    }
}

impl From<ConfigureError> for Failure {
    fn from(error: ConfigureError) -> Self {
        Self::other(&error)
    }
}

macro_rules! others {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::other(&error)
            }
        })*
    };
}
others!(CheckError, ConnectionError, SyncError, WorkError, StateError);

/// Does what is asked for. Steps and lists stop before `deadline` and hand back the rest; everything else takes a few calls.
///
/// # Errors
/// What the use case refuses.
pub async fn answer(ports: Ports<'_>, bench: &Workbench, request: Request, deadline: Timestamp) -> Result<Value, Failure> {
    let sessions = &bench.sessions;
    // Boxed, because the layout of the nested futures is too deep for the compiler otherwise.
    match request {
        Request::SignIn { connection: c } => told(Box::pin(connect::sign_in(ports, &c)).await),
        Request::BeginDevice { connection: c } => told(Box::pin(connect::begin_device(ports, &c)).await),
        Request::PollDevice { connection: c, code } => told(Box::pin(connect::poll_device(ports, &c, &code)).await),
        Request::Test { connection: c } => told(Box::pin(connect::test(ports, &c)).await),
        Request::ConfirmOrganization { connection: c, organization } => told(Box::pin(connect::confirm_organization(ports, &c, &organization)).await),
        Request::Disconnect { connection: c } => told(Box::pin(connect::disconnect(ports, &c)).await),
        Request::Verify { connection: c } => told(Box::pin(check::verify(ports, sessions, &c)).await),
        Request::ListFields { connection: c, reload } => told(Box::pin(fields::list(ports, sessions, &c, reload)).await.map(Told::from)),
        Request::CreateFields { connection: c } => told(Box::pin(fields::create(ports, sessions, &c)).await.map(|(made, after)| Made {
            made: made.iter().map(|property| Field::of(property, !after.lacking.contains(property))).collect(),
            after: after.into(),
        })),
        Request::Activate { connection: c } => told(Box::pin(connections::activate(ports, &c)).await),
        Request::Standing { connection: c } => told(Box::pin(standing(ports, &c)).await),
        Request::Look { document } => told(Box::pin(configure::look(ports, &document)).await),
        Request::Step { connection: c } => {
            let step = Box::pin(reconcile::step(ports, bench, &c, deadline)).await;
            told(step.map(|step| Stepped { stopped: step.stopped, ended: step.ended }))
        }
        Request::Work { connection: c, events } => told(Box::pin(sync::work(ports, bench, &c, &events, deadline)).await),
    }
}

async fn standing(ports: Ports<'_>, c: &ConnectionId) -> Result<connections::Standing, ConnectionError> {
    let meta = ports.table.load_meta(c).await?.ok_or_else(|| ConnectionError::Unknown(c.clone()))?;
    connections::standing(ports, c, &meta).await
}

fn told<T: Serialize, E: Into<Failure>>(outcome: Result<T, E>) -> Result<Value, Failure> {
    let value = outcome.map_err(Into::into)?;
    serde_json::to_value(value).map_err(|error| Failure::other(&error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_read_back_and_its_code_is_not_shown() {
        let code = json!({"device_code": "dc-secret", "user_code": "AB", "verification_url": "https://x/", "interval_s": 5, "until": "2026-09-01T08:10:00Z"});
        let sent = json!({"poll_device": {"connection": "kayo", "code": code}});
        let request: Request = serde_json::from_value(sent.clone()).unwrap();
        assert_eq!(serde_json::to_value(&request).unwrap(), sent);
        assert!(!format!("{request:?}").contains("dc-secret"));
        assert!(matches!(request, Request::PollDevice { code, .. } if code.device_code.expose_secret() == "dc-secret"));
    }

    #[test]
    fn a_failure_keeps_its_kind_and_its_causes() {
        let refused = Refused { code: "invalid_client".to_owned(), cause: "So it is.".to_owned(), cure: "Do that.".to_owned() };
        let unreadable = serde_json::from_str::<u8>("x").unwrap_err();
        let words = format!("the call failed: {unreadable}");
        #[derive(Debug, Error)]
        #[error("the call failed")]
        struct Outer(#[source] serde_json::Error);
        let other = Failure::other(&Outer(unreadable));
        assert_eq!(other.to_string(), words);
        for failure in [Failure::Refused(refused), other] {
            let outcome: Result<Value, Failure> = Err(failure.clone());
            let read: Result<Value, Failure> = serde_json::from_value(serde_json::to_value(outcome).unwrap()).unwrap();
            assert_eq!(read.unwrap_err(), failure);
        }
    }
}

//! What every flow ends with: the org is the one that the connection is tied to, its tokens are stored, and its API answers.

use std::time::Duration;

use http::Method;
use secrecy::SecretString;

use super::{page::Connected, refusal::Refusal};
use crate::{
    adapters::salesforce::{
        ApiVersion, Org,
        oauth::{self, App},
        soql,
    },
    app::{
        connections,
        tokens::{self, Asked, Credentials},
    },
    domain::{
        config::Document,
        ids::{ConnectionId, RecordId},
    },
    ports::Ports,
};

/// How long the first API call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Stores what was granted, calls the API once, and lets the connection go on.
pub(super) async fn complete(
    ports: Ports<'_>,
    connection: &ConnectionId,
    document: &Document,
    app: &App,
    asked: Asked,
) -> Result<Connected, Refusal> {
    let stored = store(ports, connection, &asked).await;
    if matches!(stored, Err(Refusal::OtherOrganization { .. })) {
        give_back(ports, connection, app, &asked).await;
    }
    let held = stored?;
    let grant = asked.grant;
    let version = ApiVersion::parse(&document.salesforce.api_version).map_err(tokens::TokenError::from)?;
    let org = Org::new(ports.transport, &grant.instance_url, grant.access_token.clone(), version, std::sync::Arc::default());
    let user = call(&org, grant.user_id).await?;
    let organization = grant.organization_id.to_string();
    connections::mark_connected(ports, connection, &organization).await?;
    tracing::info!(connection.id = %connection, organization.id = %organization, "org connected");
    Ok(connected(document, organization, user, &org, &held))
}

/// What is told of an org that has answered.
pub(super) fn connected(document: &Document, organization: String, user: Option<String>, org: &Org<'_>, held: &Credentials) -> Connected {
    Connected {
        name: document.connection.name.clone(),
        organization,
        user,
        instance_url: org.instance_url().to_owned(),
        usage: org.usage().map(|usage| (usage.used, usage.max)),
        certificate_not_accepted: held.key_not_accepted().map(|key| key.id.clone()),
    }
}

/// Stores the tokens. The first org that is connected is pinned; another one's are not kept.
async fn store(ports: Ports<'_>, connection: &ConnectionId, asked: &Asked) -> Result<Credentials, Refusal> {
    let meta = ports.table.load_meta(connection).await?;
    let given = asked.grant.organization_id.to_string();
    let mut held = Credentials::default();
    let change = |former: Option<Credentials>| {
        let former = former.unwrap_or_default();
        let pinned = former.organization_id.clone().or_else(|| meta.and_then(|meta| meta.organization));
        match pinned.filter(|pinned| *pinned != given) {
            Some(pinned) => Err(Refusal::OtherOrganization { pinned, given }),
            None => {
                held = asked.kept_in(&former);
                Ok(held.clone())
            }
        }
    };
    tokens::rewrite(ports, connection, change).await?;
    Ok(held)
}

/// An org keeps five refresh tokens per user and app, so one that is not wanted is not left there. Failing is no harm.
async fn give_back(ports: Ports<'_>, connection: &ConnectionId, app: &App, asked: &Asked) {
    let token: &SecretString = asked.grant.refresh_token.as_ref().unwrap_or(&asked.grant.access_token);
    let Ok(request) = app.revoke(token) else { return };
    if let Err(error) = oauth::send_revocation(ports.transport, request).await {
        tracing::warn!(connection.id = %connection, code = error.code(), "the unwanted grant was not revoked");
    }
}

/// Proves that the API can be used, and answers the name of our user. One call that every user may make: the org's limits, for example, are
/// for those who may see its setup.
pub(super) async fn call(org: &Org<'_>, user: RecordId) -> Result<Option<String>, Refusal> {
    let query = soql::url(org.version(), &format!("SELECT Username FROM User WHERE Id = '{user}'"));
    let answer = org.send(Method::GET, &query, None, CALL_TIMEOUT).await.map_err(|error| Refusal::first_call(&error))?;
    let page = soql::parse_page(&answer.body).map_err(|error| Refusal::first_call(&error))?;
    Ok(page.records.first().and_then(|row| row.text("Username")).map(str::to_owned))
}

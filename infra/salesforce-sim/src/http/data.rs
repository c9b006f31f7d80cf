//! The data API's gate and switch: session, limits, methods; then the resource.

use http::{HeaderName, Method};
use jiff::Timestamp;

use super::context::Context;
use super::reply::{Failure, Outcome, Reply};
use super::request::{Call, HostRole};
use super::route::Data;
use super::{describe, headers, html, limits, query, replication, rows, versions};
use crate::composite::{batch, collections, graph, requests, tree};
use crate::control::RecordFault;
use crate::doubts::{MissingAuthorization, RefusedMediaType, SessionNotForApi, UnknownVersion};
use crate::error::ApiError;
use crate::id::Id;
use crate::service::World;

const LIMIT_INFO: HeaderName = HeaderName::from_static("sforce-limit-info");

/// Answers a request below `/services/data/vXX.X`.
pub(crate) fn handle(world: &mut World, call: &Call, version: &str, resource: &Data, faults: &[RecordFault], now: Timestamp) -> Reply {
    let version = match versions::parse(version) {
        Ok(version) => version,
        Err(failure) => return no_version(world, failure),
    };
    let (user, client) = match admit(world, call, now) {
        Ok(admitted) => admitted,
        Err(failure) => return failure.into_reply(),
    };
    let max = world.org.organization().daily_api_limit;
    if world.usage.today(now) >= max {
        let refusal = ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.");
        return Reply::errors(&[refusal]).with(LIMIT_INFO, format!("api-usage={}/{max}", world.usage.today(now)));
    }
    let session = headers::session(user, version, &call.headers, now);
    world.usage.count(session.client.as_deref(), resource.kind(), now);
    let used = world.usage.today(now);
    let mut context = Context { world, session, faults };
    let mut reply = dispatch(&mut context, call, resource);
    if reply.status == 415 && context.world.org.doubts().refused_media_type == RefusedMediaType::Bare {
        reply = Failure::one(415, "UNSUPPORTED_MEDIA_TYPE", "UNSUPPORTED_MEDIA_TYPE").into_reply();
    }
    let share = match context.world.org.doubts().usage_of_the_app {
        true => format!("; per-app-api-usage={used}/{max}(appName={client})"),
        false => String::new(),
    };
    reply.with(LIMIT_INFO, format!("api-usage={used}/{max}{share}"))
}

/// What a version that is retired, or that nobody has, answers.
fn no_version(world: &World, failure: Failure) -> Reply {
    let reply = failure.into_reply();
    if reply.status == 404 && world.org.doubts().unknown_version == UnknownVersion::Page {
        return html::page(404, "URL No Longer Exists", "<h1>URL No Longer Exists</h1>");
    }
    reply
}

/// Who asks and through which app, if the session is good for the data API.
fn admit(world: &mut World, call: &Call, now: Timestamp) -> Result<(Id, String), Failure> {
    let expired = || Failure::one(401, "INVALID_SESSION_ID", "Session expired or invalid");
    if call.host == HostRole::Retired {
        return Err(expired());
    }
    let unread = |code: &'static str| Failure::one(401, code, code);
    let token = call.bearer().ok_or_else(|| match (call.header("authorization"), world.org.doubts().missing_authorization) {
        (None, MissingAuthorization::InvalidSessionId) => expired(),
        (None, MissingAuthorization::InvalidHeaderType) => unread("INVALID_HEADER_TYPE"),
        _ => unread("INVALID_AUTH_HEADER"),
    })?;
    let access = world.oauth.access(token, now, true).ok_or_else(expired)?;
    let client = access.client_id.clone();
    let (user, allowed) = (access.user, access.scopes.iter().any(|scope| scope == "api" || scope == "full"));
    let user = world.org.user(&user).filter(|user| user.active).ok_or_else(expired)?;
    if world.org.organization().locked {
        return Err(Failure::one(403, "ORG_LOCKED", "The organization has been locked."));
    }
    if !world.org.organization().api_enabled {
        return Err(Failure::one(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."));
    }
    if !allowed || !user.permissions.api_enabled {
        let status = match world.org.doubts().session_not_for_api {
            SessionNotForApi::Unauthorized => 401,
            SessionNotForApi::Forbidden => 403,
        };
        return Err(Failure::one(status, "INVALID_SESSION_ID", "This session is not valid for use with the REST API"));
    }
    Ok((user.id, client))
}

/// Answers a resource; also inside composite requests.
pub(crate) fn dispatch(context: &mut Context<'_>, call: &Call, resource: &Data) -> Reply {
    match resource {
        Data::Unknown => return Reply::errors(&[ApiError::not_found()]),
        _ if wants_xml(call) => return Failure::not_built("answers as XML").into_reply(),
        Data::NotBuilt(route) => {
            return Failure::not_built(&format!("{} {route}", call.method)).into_reply();
        }
        _ if !resource.methods().contains(&call.method.as_str()) => {
            return Reply::errors(&[versions::method_not_allowed(&call.method, resource.methods())]);
        }
        _ => {}
    }
    answer(context, call, resource).unwrap_or_else(Failure::into_reply)
}

/// Whether the client takes XML and nothing else.
fn wants_xml(call: &Call) -> bool {
    let accept = call.header("accept").unwrap_or_default().to_ascii_lowercase();
    accept.contains("xml") && !accept.contains("json") && !accept.contains("*/*")
}

fn answer(context: &mut Context<'_>, call: &Call, resource: &Data) -> Outcome {
    let get = matches!(call.method, Method::GET | Method::HEAD);
    match resource {
        Data::Resources => {
            let identity = crate::oauth::answer::identity_url(context.world, context.session.user);
            versions::resources(context.session.version, &identity)
        }
        Data::Limits => limits::limits(context),
        Data::RecordCount => limits::record_count(context, call),
        Data::DescribeGlobal => describe::global(context, call),
        Data::Describe(sobject) => describe::object(context, call, sobject),
        Data::Object(sobject) if get => describe::basic(context, call, sobject),
        Data::Object(sobject) => rows::create(context, call, sobject),
        Data::Row { sobject, id } if id.eq_ignore_ascii_case("Id") => rows::create(context, call, sobject),
        Data::Row { sobject, id } => rows::row(context, call, sobject, id),
        Data::ExternalRow { sobject, field, value } => rows::external(context, call, sobject, field, value),
        Data::Updated(sobject) => replication::updated(context, call, sobject),
        Data::Deleted(sobject) => replication::deleted(context, call, sobject),
        Data::Query => query::query(context, call, crate::org::QueryScope::Live),
        Data::QueryAll => query::query(context, call, crate::org::QueryScope::All),
        Data::QueryMore(locator) => query::more(context, call, locator),
        Data::Search => crate::sosl::search(context, call),
        Data::Composite if get => requests::index(context),
        Data::Composite => requests::composite(context, call),
        Data::Batch => batch::batch(context, call),
        Data::Graph => graph::graph(context, call),
        Data::Tree(sobject) => tree::tree(context, call, sobject),
        Data::Collections => collections::collections(context, call),
        Data::CollectionsOf(sobject) => collections::retrieve(context, call, sobject),
        Data::CollectionsUpsert { sobject, field } => collections::upsert(context, call, sobject, field),
        Data::ToolingFields => crate::tooling::fields(context, call),
        Data::ToolingField(id) => crate::tooling::field(context, call, id),
        Data::ToolingQuery => crate::tooling::query(context, call),
        Data::Jobs(path) => crate::bulk::handle(context, call, path),
        Data::NotBuilt(_) | Data::Unknown => Err(ApiError::not_found().into()),
    }
}

//! OAuth as Salesforce serves it: the web server flow with its pages, JWT bearer, client credentials, device,
//! refresh with rotation, revocation, introspection, identity.
//! Owns who may act; refuses to know records.

pub mod answer;
pub mod authorize;
pub mod client;
pub mod device;
pub mod device_page;
pub mod grants;
pub mod id_token;
pub mod identity;
pub mod jwt;
pub mod login;
pub mod pages;
pub mod revoke;
pub mod store;

use http::{Method, header};
use jiff::Timestamp;
use serde_json::json;

use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::http::route::OAuth;
use crate::service::World;

/// An OAuth refusal: `{"error", "error_description"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// HTTP status.
    pub status: u16,
    /// One of Salesforce's error names.
    pub error: String,
    /// Words.
    pub description: String,
}

impl OAuthError {
    /// A refusal with status 400.
    pub fn new(error: &str, description: impl Into<String>) -> OAuthError {
        OAuthError { status: 400, error: error.to_owned(), description: description.into() }
    }

    /// The refusal as an answer.
    pub fn into_reply(self) -> Reply {
        Reply::json(self.status, json!({"error": self.error, "error_description": self.description}))
            .with(header::CACHE_CONTROL, "no-cache, no-store")
    }
}

/// Answers an OAuth request.
pub fn handle(world: &mut World, call: &Call, route: &OAuth, now: Timestamp) -> Reply {
    let get = call.method == Method::GET || call.method == Method::HEAD;
    let post = call.method == Method::POST;
    match route {
        OAuth::Authorize if get || post => authorize::authorize(world, call, now),
        OAuth::Login if post => login::login(world, call, now),
        OAuth::Approve if get => login::approval_page(world, call),
        OAuth::Approve if post => login::decide(world, call, now),
        OAuth::ErrorPage if get => pages::error(call.param("error").unwrap_or("unknown_error"), call.param("error_description").unwrap_or_default()),
        OAuth::DevicePage if get => device_page::form(call),
        OAuth::DevicePage if post => device_page::submit(world, call),
        OAuth::Token => grants::token(world, call, now),
        OAuth::Revoke if get || post => revoke::revoke(world, call),
        OAuth::Introspect if post => revoke::introspect(world, call, now),
        OAuth::UserInfo if get || post => identity::userinfo(world, call, now),
        OAuth::Identity { organization, user } if get => identity::identity(world, call, organization, user, now),
        OAuth::Metadata if get => identity::metadata(world),
        OAuth::Keys if get => id_token::keys(world),
        _ => OAuthError { status: 405, ..OAuthError::new("invalid_request", "HTTP method not allowed") }.into_reply(),
    }
}

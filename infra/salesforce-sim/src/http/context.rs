//! What every resource handler works with: the world, the session and the record faults of the request.

use http::{HeaderMap, Method};

use super::headers;
use super::reply::{Failure, Reply};
use super::request::{Body, Call};
use super::route::{Data, Route};
use super::versions;
use crate::control::RecordFault;
use crate::error::ApiError;
use crate::org::{Fields, Session};
use crate::service::World;

/// The surroundings of one data request.
pub(crate) struct Context<'a> {
    pub world: &'a mut World,
    pub session: Session,
    pub faults: &'a [RecordFault],
}

impl Context<'_> {
    /// `/services/data/vXX.X` of the request.
    pub fn base(&self) -> String {
        format!("/services/data/v{}.0", self.session.version)
    }

    /// The path of a record.
    pub fn record_url(&self, sobject: &str, id: impl std::fmt::Display) -> String {
        format!("{}/sobjects/{sobject}/{id}", self.base())
    }

    /// The injected error for a write of this record, if there is one.
    pub fn fault(&self, sobject: &str, id: Option<&str>, fields: Option<&Fields>) -> Option<ApiError> {
        self.faults.iter().find_map(|fault| fault.error(sobject, id, fields))
    }

    /// Answers a request made inside this one, in the same user's name with the headers given.
    /// `supported` says which resources may be named.
    pub fn inner(
        &mut self,
        method: Method,
        url: &str,
        inner_headers: HeaderMap,
        body: Option<serde_json::Value>,
        supported: fn(&Data) -> bool,
    ) -> Reply {
        let call = Call::inner(method, url, inner_headers, body.map_or(Body::Empty, Body::Json));
        let Route::Data { version, resource } = Route::parse(&call.segments) else {
            return Reply::errors(&[ApiError::not_found()]);
        };
        let version = match versions::parse(&version) {
            Ok(version) => version,
            Err(failure) => return failure.into_reply(),
        };
        if !supported(&resource) && !matches!(resource, Data::Unknown) {
            return Failure::one(400, "INVALID_INPUT", format!("This resource can't be used inside another request: {}", call.raw_path)).into_reply();
        }
        let outer = self.session.clone();
        self.session = headers::session(outer.user, version, &call.headers, outer.now);
        let reply = super::data::dispatch(self, &call, &resource);
        self.session = outer;
        reply
    }
}

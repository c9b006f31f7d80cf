//! The HTTP surface: requests, routes, resources, answers.

pub mod clock;
pub mod conditional;
pub mod context;
pub mod data;
pub mod describe;
pub mod gzip;
pub mod headers;
pub mod html;
pub mod limits;
pub mod query;
pub mod replication;
pub mod reply;
pub mod request;
pub mod route;
pub mod rows;
pub mod size;
pub mod unbuilt;
pub mod usage;
pub mod versions;
pub mod write;

use jiff::Timestamp;

use crate::control::RecordFault;
use crate::error::ApiError;
use crate::service::World;
use reply::{Failure, Reply};
use request::{Call, HostRole};
use route::Route;

/// Works on one request.
pub(crate) fn handle(world: &mut World, call: &Call, route: &Route, faults: &[RecordFault], now: Timestamp) -> Reply {
    match route {
        Route::OAuth(endpoint) => crate::oauth::handle(world, call, endpoint, now),
        // The login host knows no data: a client that mistakes it for the instance host finds out here.
        Route::Versions | Route::Data { .. } if call.host == HostRole::Login => not_found(),
        Route::Versions => versions::list(call),
        Route::Data { version, resource } => data::handle(world, call, version, resource, faults, now),
        Route::NotBuilt(api) => Failure::not_built(api).into_reply(),
        Route::Control | Route::Page | Route::Unknown => not_found(),
    }
}

fn not_found() -> Reply {
    Reply::errors(&[ApiError::not_found()])
}

//! A process of its own that calls a connection's org many times at once, renewing its session as functions do, and prints what became of that.
//! The stack is somebody else's: `caller DYNAMODB SECRETS ORG CONNECTION CALLS`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use passerelle_core::{
    adapters::{http, salesforce::Class},
    app::{
        configure,
        tokens::{Renewals, SessionCache, TokenError, load_session, refresh},
    },
    domain::ids::ConnectionId,
    shell::{runtime::World, settings::Settings},
};
use passerelle_local::{SECRET_PREFIX, TABLE, clients};
use serde_json::json;

/// How often a call that was refused with a new session is due again.
const SHIFTS: usize = 5;
const CALL_TIME: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dynamodb, secrets, org, connection, calls] = arguments.as_slice() else { panic!("five arguments, see the source") };
    let settings = Settings::read(|name| match name {
        "PASSERELLE_TABLE" => Some(TABLE.to_owned()),
        "PASSERELLE_SECRET_PREFIX" => Some(SECRET_PREFIX.to_owned()),
        "PASSERELLE_ALLOWED_HOSTS" => Some(org.clone()),
        _ => None,
    })
    .unwrap();
    let http = http::client(&settings.allowed_hosts).unwrap();
    let (dynamodb, secrets) = clients::connect(&http, dynamodb, secrets);
    let (world, cache) = (World::new(settings, http, dynamodb, secrets), SessionCache::default());
    let connection: ConnectionId = connection.parse().unwrap();
    let mut ended = BTreeMap::<String, usize>::new();
    for how in join_all((0..calls.parse().unwrap()).map(|_| call(&world, &cache, &connection))).await {
        *ended.entry(how).or_default() += 1;
    }
    println!("{}", json!(ended));
}

/// One call. Answers `done`, or the code of what stopped it. What is refused with a session that was just given is due again, as in a function.
async fn call(world: &World, cache: &SessionCache, connection: &ConnectionId) -> String {
    let mut stopped = String::new();
    for _ in 0..SHIFTS {
        match shift(world, cache, connection).await {
            Ok(()) => return "done".to_owned(),
            Err(Stopped::Refused) => stopped = "session_refused".to_owned(),
            Err(Stopped::For(code)) => return code,
        }
    }
    stopped
}

/// What stops a call.
enum Stopped {
    /// Its session, though it was just given.
    Refused,
    /// This.
    For(String),
}

/// One try, in the way of the functions.
async fn shift(world: &World, cache: &SessionCache, connection: &ConnectionId) -> Result<(), Stopped> {
    let ports = world.ports();
    let (_, document) = configure::load_current(ports, connection).await.unwrap().unwrap();
    let failed = |error: TokenError| Stopped::For(error.code().to_owned());
    let mut session = load_session(ports, cache, &document, connection).await.map_err(failed)?;
    let mut renewals = Renewals::default();
    loop {
        match session.org.limits(CALL_TIME).await {
            Ok(_) => return Ok(()),
            Err(error) if renewals.again(&error, &session) => {}
            Err(error) if error.class() == Class::Reauthorise => return Err(Stopped::Refused),
            Err(error) => return Err(Stopped::For(error.code().to_owned())),
        }
        session = refresh(ports, cache, &document, connection, &session).await.map_err(failed)?;
    }
}

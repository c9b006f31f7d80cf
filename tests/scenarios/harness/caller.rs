//! A process of its own that calls a connection's org many times at once, as functions do, and prints what became of that. The stack is
//! somebody else's: `caller DYNAMODB SECRETS ORG CONNECTION CALLS`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use passerelle_core::{
    adapters::{http, salesforce::Class},
    app::{
        configure,
        tokens::{SessionCache, load_session, refresh},
    },
    domain::ids::ConnectionId,
    shell::{runtime::World, settings::Settings},
};
use passerelle_local::{SECRET_PREFIX, TABLE, clients};
use serde_json::json;

/// How often one call renews its session: while it waits for a token, that one may have run out, too.
const RENEWALS: usize = 20;
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

/// One call. Answers `done`, or the code of what stopped it.
async fn call(world: &World, cache: &SessionCache, connection: &ConnectionId) -> String {
    let ports = world.ports();
    let (_, document) = configure::load_current(ports, connection).await.unwrap().unwrap();
    let mut session = match load_session(ports, cache, &document, connection).await {
        Ok(session) => session,
        Err(error) => return error.code().to_owned(),
    };
    for _ in 0..RENEWALS {
        match session.org.limits(CALL_TIME).await {
            Ok(_) => return "done".to_owned(),
            Err(error) if error.class() == Class::Reauthorise => {}
            Err(error) => return error.code().to_owned(),
        }
        session = match refresh(ports, cache, &document, connection, &session).await {
            Ok(session) => session,
            Err(error) => return error.code().to_owned(),
        };
    }
    "renewed too often".to_owned()
}

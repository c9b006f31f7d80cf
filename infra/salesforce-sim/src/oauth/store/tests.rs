//! Lives and deaths of tokens.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use rand::SeedableRng;

use super::*;
use crate::id::KeyPrefix;

fn store() -> (Store, AppSeed, Id) {
    let id = |prefix| Id::generate(KeyPrefix::of(prefix), 1);
    let app = AppSeed { client_id: "a".to_owned(), ..AppSeed::default() };
    (Store::new(vec![app.clone()], id(b"00D"), StdRng::seed_from_u64(1)), app, id(b"005"))
}

fn scopes() -> Vec<String> {
    vec!["api".to_owned(), "refresh_token".to_owned()]
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + minute * 60).unwrap()
}

#[test]
fn a_rotated_token_kills_its_whole_family() {
    let (mut store, app, user) = store();
    let first = store.issue(&app, user, &scopes(), true, at(0)).refresh.unwrap();
    let (_, second) = store.refresh(&first, &app, true, at(1)).unwrap();
    assert!(store.access(&second.access, at(1), false).is_some());
    assert!(store.refresh(&first, &app, true, at(2)).is_err());
    assert!(store.refresh(&second.refresh.unwrap(), &app, true, at(2)).is_err());
    assert!(store.access(&second.access, at(2), false).is_none());
}

#[test]
fn without_rotation_a_token_is_used_again_and_again() {
    let (mut store, mut app, user) = store();
    app.rotation = false;
    let token = store.issue(&app, user, &scopes(), true, at(0)).refresh.unwrap();
    for minute in 1..4 {
        assert!(store.refresh(&token, &app, true, at(minute)).unwrap().1.refresh.is_none());
    }
}

#[test]
fn the_sixth_authorisation_ends_the_first() {
    let (mut store, app, user) = store();
    let tokens: Vec<String> = (0..6).map(|n| store.issue(&app, user, &scopes(), true, at(n)).refresh.unwrap()).collect();
    let live: Vec<bool> = tokens.iter().map(|token| store.family(token).is_some()).collect();
    assert_eq!(live, [false, true, true, true, true, true]);
}

#[test]
fn an_access_token_slides_while_it_is_used() {
    let (mut store, app, user) = store();
    let token = store.issue(&app, user, &scopes(), true, at(0)).access;
    assert!(store.access(&token, at(119), true).is_some());
    assert!(store.access(&token, at(238), false).is_some());
    assert!(store.access(&token, at(240), false).is_none());
}

#[test]
fn an_idle_refresh_token_dies() {
    let (mut store, mut app, user) = store();
    app.refresh_idle_seconds = Some(3600);
    let token = store.issue(&app, user, &scopes(), true, at(0)).refresh.unwrap();
    let (_, next) = store.refresh(&token, &app, true, at(59)).unwrap();
    assert!(store.refresh(&next.refresh.unwrap(), &app, true, at(120)).is_err());
}

#[test]
fn revoking_a_refresh_token_ends_its_access_tokens() {
    let (mut store, app, user) = store();
    let issued = store.issue(&app, user, &scopes(), true, at(0));
    assert!(store.revoke(issued.refresh.as_deref().unwrap()));
    assert!(store.access(&issued.access, at(0), false).is_none());
    assert!(!store.revoke("unknown"));
}

#[test]
fn no_refresh_scope_no_refresh_token() {
    let (mut store, app, user) = store();
    assert!(store.issue(&app, user, &["api".to_owned()], true, at(0)).refresh.is_none());
}

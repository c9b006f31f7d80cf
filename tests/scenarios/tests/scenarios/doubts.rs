//! Where nobody knows how the real org answers, Passerelle does the same with either answer. The README of this crate lists
//! which open question is tested where, and which the connector never meets.

mod met;

use std::collections::{BTreeMap, BTreeSet};

use passerelle_core::app::connect;
use passerelle_local::{Switch, browser};
use passerelle_scenarios::{Scene, capture, person, settled};
use salesforce_sim::{Doubts, Seed, doubts};
use serde_json::json;

async fn ticket(scene: &Scene, connection: &str) -> String {
    let path = connect::issue_link(scene.stack.ports(), &connection.parse().unwrap()).await.unwrap();
    format!("{}{path}", scene.stack.addresses().gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_of_another_authorization_is_refused_in_the_same_words_whatever_the_code_of_the_error() {
    let mut pages = Vec::new();
    for mismatch in [doubts::PkceMismatch::InvalidRequest, doubts::PkceMismatch::InvalidGrant] {
        let scene = Scene::with(settled(|doubts| doubts.pkce_mismatch = mismatch), Switch::Off).await;
        let kayo = scene.connect("kayo").await;
        let user = Seed::demo().users.remove(0);
        let (_, stolen) = browser::authorize(&ticket(&scene, "kayo").await, &user.username, &user.password).await.unwrap();
        let (browser, mut own) = browser::authorize(&ticket(&scene, "kayo").await, &user.username, &user.password).await.unwrap();
        let value = |url: &reqwest::Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let (code, state) = (value(&stolen, "code"), value(&own, "state"));
        own.query_pairs_mut().clear().append_pair("code", &code).append_pair("state", &state);
        let answer = browser.get(own).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{mismatch:?}");
        let page = answer.text().await.unwrap();
        pages.push(page.replace("invalid_request", "CODE").replace("invalid_grant", "CODE"));
        // The connection that worked before still works.
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("ready"), "{mismatch:?}");
    }
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_refused_is_not_tried_again_whether_it_is_used_up_or_not() {
    for burns in [true, false] {
        let scene = Scene::with(settled(|doubts| doubts.wrong_verifier_burns_code = burns), Switch::Off).await;
        scene.connect("kayo").await;
        let user = Seed::demo().users.remove(0);
        let (_, stolen) = browser::authorize(&ticket(&scene, "kayo").await, &user.username, &user.password).await.unwrap();
        let (browser, mut own) = browser::authorize(&ticket(&scene, "kayo").await, &user.username, &user.password).await.unwrap();
        let value = |url: &reqwest::Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        let (code, state) = (value(&stolen, "code"), value(&own, "state"));
        own.query_pairs_mut().clear().append_pair("code", &code).append_pair("state", &state);
        let exchanges = || scene.org().control().journal().iter().filter(|entry| entry.route == "oauth.token").count();
        let before = exchanges();
        // The second time the page is loaded anew, and its state is spent.
        for status in [403, 410] {
            assert_eq!(browser.get(own.clone()).send().await.unwrap().status(), status, "{burns}");
        }
        assert_eq!(exchanges() - before, 1, "{burns}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_switched_off_breaks_the_connection_whatever_the_code_of_the_error() {
    for inactive in [doubts::InactiveUser::InactiveUser, doubts::InactiveUser::InvalidGrant] {
        let scene = Scene::with(settled(|doubts| doubts.inactive_user = inactive), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let user = Seed::demo().users.remove(0).username;
        scene.org().with_org(|org| {
            let id = org.user_by_name(&user).unwrap().id;
            org.set_user_active(&id, false);
        });
        scene.org().control().expire_access_tokens();
        scene.accept("kayo", &capture("e1", person(1))).await;
        scene.sweep().await;
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("broken"), "{inactive:?}");
        assert_eq!(scene.event(&kayo, "e1").await.status, "open", "{inactive:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_one_lead_though_queries_do_not_find_it_yet() {
    for seed in [settled(|doubts| doubts.index_lag_seconds = 3_600), settled(|doubts| doubts.index_lag_seconds = 3_600).without_external_ids()] {
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        for id in ["e1", "e2"] {
            scene.accept("kayo", &capture(id, person(1))).await;
            scene.sweep().await;
            assert_eq!(scene.event(&kayo, id).await.status, "applied");
        }
        let count = |sobject: &str| scene.org().with_org(|org| org.count(sobject).unwrap());
        assert_eq!((count("Lead"), count("Event")), (1, 2));
    }
}

/// The rows of the README's table below a heading: the first cell and the second, without their quotes.
fn rows(heading: &str) -> BTreeMap<String, String> {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once(&format!("## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    cells.map(|(name, rest)| (name.to_owned(), rest.trim_end_matches(" |").trim_matches('`').to_owned())).collect()
}

#[test]
fn each_doubt_is_tested_or_never_met_and_the_readme_says_which() {
    let all = serde_json::to_value(Doubts::default()).unwrap();
    let all: BTreeSet<String> = all.as_object().unwrap().keys().cloned().collect();
    let (tested, unmet) = (rows("Tested either way"), rows("Never met"));
    let listed: BTreeSet<String> = tested.keys().chain(unmet.keys()).cloned().collect();
    assert_eq!(listed, all);
    assert_eq!(tested.len() + unmet.len(), all.len(), "a doubt is in both lists");
    let sources = [include_str!("calls.rs"), include_str!("failures.rs"), include_str!("doubts.rs"), include_str!("doubts/met.rs")];
    for (doubt, test) in tested {
        let body = sources.iter().find_map(|source| source.split_once(&format!("fn {test}() {{"))).map(|(_, body)| body);
        let body = body.unwrap_or_else(|| panic!("{doubt}: there is no test {test}"));
        let body = body.split("\n}\n").next().unwrap();
        assert!(body.contains(&format!("doubts.{doubt} =")), "{test} does not settle {doubt}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_met_makes_no_difference() {
    let usual = Doubts::default();
    let other = Doubts {
        collation_reorders: false,
        conditions_in_sub_requests: true,
        credentials_on_login_host: true,
        missing_authorization: doubts::MissingAuthorization::InvalidSessionId,
        identity_refusals: doubts::IdentityRefusals::BadOauthToken,
        unknown_token_revoked: doubts::UnknownTokenRevoked::UnsupportedTokenType,
        mistyped_reference: doubts::MistypedReference::FieldIntegrityException,
        event_without_times: doubts::EventWithoutTimes::FieldIntegrityException,
        lead_excludes_what: false,
        polymorphic_parents_by_key: true,
        mixed_setup_objects: doubts::MixedSetupObjects::RefuseSecondKind,
        refused_media_type: doubts::RefusedMediaType::Bare,
        too_many_queries: doubts::TooManyQueries::Errors,
        member_without_person: doubts::MemberWithoutPerson::FieldIntegrityException,
        unknown_version: doubts::UnknownVersion::Page,
        refused_assertion: doubts::RefusedAssertion::InvalidAssertion,
        new_custom_field: doubts::NewCustomField::Plain,
        tree_status: doubts::TreeStatus::Ok,
        malformed_id_in_query: doubts::MalformedIdInQuery::MalformedQuery,
        too_many_requests: doubts::TooManyRequests::BadRequest,
        ..usual
    };
    let (a, b) = (serde_json::to_value(usual).unwrap(), serde_json::to_value(other).unwrap());
    let differing: BTreeSet<String> = a.as_object().unwrap().keys().filter(|name| a[*name] != b[*name]).cloned().collect();
    assert_eq!(differing, rows("Never met").into_keys().collect());
    let mut seen = Vec::new();
    for settings in [usual, other] {
        let scene = Scene::with(Seed { doubts: settings, ..Seed::demo() }, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let mut nameless = person(2);
        nameless["last_name"] = json!("x".repeat(81));
        scene.accept("kayo", &json!([capture("e1", person(1)), capture("e2", nameless), capture("e3", person(3))])).await;
        scene.sweep().await;
        scene.org().control().expire_access_tokens();
        scene.accept("kayo", &capture("e4", person(1))).await;
        scene.sweep().await;
        let records = ["Lead", "Event"].map(|sobject| {
            let texts = ["LastName", "Email", "Subject", "WhoId", "OwnerId", "StartDateTime"];
            let pick = |record: &serde_json::Value| texts.map(|field| record[field].clone());
            scene.records(sobject).iter().map(pick).collect::<Vec<_>>()
        });
        assert_eq!((records[0].len(), records[1].len()), (2, 3));
        seen.push((scene.outcomes(&kayo, &["e1", "e2", "e3", "e4"]).await, records, scene.api_calls()));
    }
    assert_eq!(seen[0], seen[1]);
}

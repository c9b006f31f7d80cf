//! Where nobody knows how the real org answers, Passerelle does the same with either answer.

use passerelle_core::app::connect;
use passerelle_local::{Switch, browser};
use passerelle_scenarios::{Scene, capture, person, settled};
use salesforce_sim::{Seed, doubts};
use serde_json::json;

async fn ticket(scene: &Scene, connection: &str) -> String {
    let path = connect::issue_ticket(scene.stack.ports(), &connection.parse().unwrap()).await.unwrap();
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

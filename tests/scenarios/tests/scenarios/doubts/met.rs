//! Open questions that the connector meets on its way from connecting to a record: each runs with every setting. What the
//! events come to is the same; that the question was met shows in what differs, or in what the org has counted.

use std::collections::BTreeMap;

use passerelle_core::{app::tokens, domain::ids::ConnectionId};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person, record, settled};
use salesforce_sim::{
    Effect, Id, Matcher, Seed,
    control::Ending,
    doubts::{AbsentReference, IdsInMessages, LostCursor, RefusedRight, RepeatedIds, SessionNotForApi, WrongSecret},
    org::Conversion,
    seed::{CustomField, CustomFieldKind, DuplicateAction, DuplicateRule, Permissions, RecordSeed, UserSeed},
};
use serde_json::{Value, json};

/// The outcomes of events, and how many leads and activities there are.
async fn left(scene: &Scene, connection: &ConnectionId, ids: &[&str]) -> (BTreeMap<String, String>, [usize; 2]) {
    let outcomes = scene.outcomes(connection, ids).await;
    (outcomes, ["Lead", "Event"].map(|sobject| scene.org().with_org(|org| org.count(sobject).unwrap())))
}

fn outcomes<const N: usize>(wanted: [(&str, &str); N]) -> BTreeMap<String, String> {
    wanted.map(|(id, outcome)| (id.to_owned(), outcome.to_owned())).into()
}

/// What keeps an event from Salesforce: the code, and the sentence.
async fn problem(scene: &Scene, connection: &ConnectionId, id: &str) -> (String, String) {
    let outcome = serde_json::to_value(scene.event(connection, id).await.outcome).unwrap();
    let text = |name: &str| outcome["problem"][name].as_str().unwrap_or_else(|| panic!("{outcome}")).to_owned();
    (text("code"), text("message"))
}

/// Runs one event after another, each to its end.
async fn run(scene: &Scene, events: &[(&str, Value)]) {
    for (id, person) in events {
        scene.accept("kayo", &capture(id, person.clone())).await;
        scene.sweep().await;
    }
}

/// A person with one more attribute.
fn with(n: usize, attribute: &str, value: impl Into<Value>) -> Value {
    let mut person = person(n);
    person[attribute] = value.into();
    person
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_whose_answer_was_lost_breaks_the_connection_whether_the_family_dies_or_not() {
    for revocation in [true, false] {
        let scene = Scene::with(settled(|doubts| doubts.family_revocation = revocation), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene.org().control().expire_access_tokens();
        let refresh = Matcher { route: Some("oauth.token".to_owned()), count: Some(1), ..Matcher::default() };
        scene.org().control().fault(refresh, Effect::CutAfter);
        run(&scene, &[("e1", person(1))]).await;
        // The token that was rotated away unseen is the one at hand: it is presented again, and refused.
        scene.sweep().await;
        let journal = scene.org().control().journal();
        assert!(journal.iter().any(|entry| entry.route == "oauth.token" && entry.ending == Ending::Answered(400)), "{revocation}");
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("broken"), "{revocation}");
        assert_eq!(left(&scene, &kayo, &["e1"]).await, (outcomes([("e1", "open")]), [0, 0]), "{revocation}");
        scene.connect("kayo").await;
        scene.sweep().await;
        assert_eq!(left(&scene, &kayo, &["e1"]).await, (outcomes([("e1", "applied")]), [1, 1]), "{revocation}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_breaks_the_connection_whatever_the_status() {
    for (wrong, status) in [(WrongSecret::BadRequest, 400), (WrongSecret::Unauthorized, 401)] {
        let scene = Scene::with(settled(|doubts| doubts.wrong_secret = wrong), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        tokens::set_client_secret(scene.stack.ports(), &kayo, "another".into()).await.unwrap();
        scene.org().control().expire_access_tokens();
        run(&scene, &[("e1", person(1))]).await;
        let journal = scene.org().control().journal();
        assert!(journal.iter().any(|entry| entry.route == "oauth.token" && entry.ending == Ending::Answered(status)), "{wrong:?}");
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("broken"), "{wrong:?}");
        assert_eq!(left(&scene, &kayo, &["e1"]).await, (outcomes([("e1", "open")]), [0, 0]), "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_user_may_not_change_parks_its_event_whatever_the_status() {
    for right in [RefusedRight::BadRequest, RefusedRight::Forbidden] {
        let mut seed = settled(|doubts| doubts.refused_right = right);
        let other = UserSeed { username: "other@demo.example".to_owned(), last_name: "Other".to_owned(), ..UserSeed::default() };
        seed.users.push(other.clone());
        let fields = json!({"LastName": "Theirs", "Company": "C", "Email": "p1@example.org"});
        seed.records.push(RecordSeed { by: Some(other.username), ..record("Lead", fields) });
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene.org().with_org(|org| {
            let ids: Vec<Id> = org.users().map(|user| user.id).collect();
            for id in ids {
                org.set_user_permissions(&id, Permissions { modify_all_data: false, ..Permissions::default() });
            }
        });
        run(&scene, &[("e1", person(1)), ("e2", person(2))]).await;
        assert_eq!(left(&scene, &kayo, &["e1", "e2"]).await.0, outcomes([("e1", "parked"), ("e2", "applied")]), "{right:?}");
        assert_eq!(problem(&scene, &kayo, "e1").await.0, "INSUFFICIENT_ACCESS_OR_READONLY", "{right:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_may_not_use_the_api_is_renewed_once_a_sweep_at_most_whatever_the_status() {
    let mut seen = Vec::new();
    for not in [SessionNotForApi::Unauthorized, SessionNotForApi::Forbidden] {
        let scene = Scene::with(settled(|doubts| doubts.session_not_for_api = not), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene.org().with_org(|org| {
            let ids: Vec<Id> = org.users().map(|user| user.id).collect();
            for id in ids {
                org.set_user_permissions(&id, Permissions { api_enabled: false, ..Permissions::default() });
            }
        });
        let exchanges = || scene.org().control().journal().iter().filter(|entry| entry.route == "oauth.token").count();
        let before = exchanges();
        run(&scene, &[("e1", person(1))]).await;
        scene.sweep().await;
        assert!(exchanges() - before <= 2, "{not:?}: {} renewals in two sweeps", exchanges() - before);
        let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
        seen.push((serde_json::to_value(meta.status).unwrap(), left(&scene, &kayo, &["e1"]).await));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].1, (outcomes([("e1", "open")]), [0, 0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_applied_however_the_org_tells_its_host_and_its_usage() {
    let mut seen = Vec::new();
    for told in [false, true] {
        let seed = settled(|doubts| {
            doubts.usage_of_the_app = told;
            doubts.slash_after_instance_url = told;
        });
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        run(&scene, &[("e1", person(1))]).await;
        assert_eq!(left(&scene, &kayo, &["e1"]).await, (outcomes([("e1", "applied")]), [1, 1]), "{told}");
        seen.push(scene.api_calls());
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_was_lost_is_asked_for_anew_whatever_its_status() {
    let many = |n: usize| RecordSeed {
        sobject: "Lead".to_owned(),
        fields: json!({"LastName": format!("N{n}"), "Company": "C", "Email": "p1@example.org"}).as_object().unwrap().clone(),
        label: None,
        by: None,
        hidden_from: Vec::new(),
    };
    for (lost, status) in [(LostCursor::BadRequest, 400), (LostCursor::NotFound, 404)] {
        let seed = Seed { records: (0..2_001).map(many).collect(), ..settled(|doubts| doubts.lost_cursor = lost) };
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene.accept("kayo", &capture("e1", person(1))).await;
        let control = scene.org().control();
        control.fault(Matcher { route: Some("query.more".to_owned()), count: Some(1), ..Matcher::default() }, Effect::Hold { cut: false });
        let losing = async {
            while control.held() == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            control.expire_cursors();
            control.commit_held()
        };
        let (_, statuses) = tokio::join!(scene.sweep(), losing);
        assert_eq!(statuses, [status]);
        assert_eq!(left(&scene, &kayo, &["e1"]).await, (outcomes([("e1", "open")]), [2_001, 0]), "{lost:?}");
        scene.sweep().await;
        assert_eq!(left(&scene, &kayo, &["e1"]).await, (outcomes([("e1", "applied")]), [2_001, 1]), "{lost:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_of_one_record_never_write_it_in_one_call_so_it_is_all_the_same_what_that_would_do() {
    for repeated in [RepeatedIds::RefuseLater, RepeatedIds::RefuseAll, RepeatedIds::Apply] {
        let scene = Scene::with(settled(|doubts| doubts.repeated_ids = repeated), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let document = scene.document("kayo", |document| {
            document["people"]["update_contacts"] = json!("on");
            document["people"]["overwrite"] = json!("on");
        });
        scene.apply(&document).await;
        run(&scene, &[("e1", person(1)), ("e2", person(2))]).await;
        // Both leads become one contact.
        let leads: Vec<Id> = scene.records("Lead").iter().map(|lead| Id::parse(lead["Id"].as_str().unwrap()).unwrap()).collect();
        scene.administer(|org, session| {
            let first = org.convert_lead(session, leads[0], &Conversion::default()).unwrap();
            org.convert_lead(session, leads[1], &Conversion { contact: Some(first.contact), account: Some(first.account), ..Conversion::default() })
                .unwrap();
        });
        scene.accept("kayo", &json!([capture("e3", with(1, "job", "Chief")), capture("e4", with(2, "job", "Boss"))])).await;
        // The first try finds that the leads are no more, the second what they became.
        scene.sweep().await;
        scene.sweep().await;
        let ended = scene.outcomes(&kayo, &["e3", "e4"]).await;
        assert_eq!(ended, outcomes([("e3", "applied"), ("e4", "parked")]), "{repeated:?}");
        assert_eq!(problem(&scene, &kayo, "e4").await.0, "record_taken", "{repeated:?}");
        assert_eq!(scene.records("Contact")[0]["Title"], "Chief", "{repeated:?}");
    }
}

/// The document with an owner that the platform names by id.
async fn owned_by_id(scene: &Scene) {
    let rule = json!({"from": "person.owner", "to": "OwnerId", "strategy": "always_platform"});
    let document = scene.document("kayo", |document| {
        document["people"]["owner"] = json!("integration");
        add_rule(document, &rule);
    });
    scene.apply(&document).await;
}

/// A further rule for leads, with the text that it goes by.
fn add_rule(document: &mut Value, rule: &Value) {
    document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": rule["from"], "type": "text"}));
    document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule.clone());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_nobody_parks_its_event_whatever_the_code() {
    let mut codes = Vec::new();
    for absent in [AbsentReference::InvalidCrossReferenceKey, AbsentReference::InsufficientAccess] {
        let scene = Scene::with(settled(|doubts| doubts.absent_reference = absent), Switch::Off).await;
        let kayo = scene.active("kayo").await;
        owned_by_id(&scene).await;
        run(&scene, &[("e1", with(1, "owner", "005000000000999AAA")), ("e2", person(2))]).await;
        assert_eq!(left(&scene, &kayo, &["e1", "e2"]).await, (outcomes([("e1", "parked"), ("e2", "applied")]), [1, 1]), "{absent:?}");
        codes.push(problem(&scene, &kayo, "e1").await.0);
    }
    assert_eq!(codes, ["INVALID_CROSS_REFERENCE_KEY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_another_record_has_parks_its_event_however_the_message_quotes_that_record() {
    let badge = CustomField {
        sobject: "Lead".to_owned(),
        name: "Badge__c".to_owned(),
        kind: CustomFieldKind::Text { length: 20 },
        unique: true,
        ..CustomField::default()
    };
    let mut messages = Vec::new();
    for ids in [IdsInMessages::Short, IdsInMessages::Long] {
        let mut seed = settled(|doubts| doubts.ids_in_messages = ids);
        seed.custom_fields.push(badge.clone());
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let rule = json!({"from": "person.badge", "to": "Badge__c"});
        scene.apply(&scene.document("kayo", |document| add_rule(document, &rule))).await;
        run(&scene, &[("e1", with(1, "badge", "7")), ("e2", with(2, "badge", "7")), ("e3", with(3, "badge", "8"))]).await;
        let wanted = outcomes([("e1", "applied"), ("e2", "parked"), ("e3", "applied")]);
        assert_eq!(left(&scene, &kayo, &["e1", "e2", "e3"]).await, (wanted, [2, 2]), "{ids:?}");
        let (code, message) = problem(&scene, &kayo, "e2").await;
        assert_eq!(code, "DUPLICATE_VALUE", "{ids:?}");
        messages.push(message);
    }
    assert_eq!((messages[1].len() - messages[0].len(), messages[1].starts_with(&messages[0])), (3, true), "{messages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_duplicate_rule_blocks_is_parked_with_the_twin_however_the_org_spells_it() {
    let rule = DuplicateRule {
        name: "Same".to_owned(),
        sobject: "Lead".to_owned(),
        against: None,
        match_fields: vec!["LastName".to_owned()],
        action: DuplicateAction::Block,
        message: "They are here already.".to_owned(),
        on_update: false,
    };
    for right in [false, true] {
        let mut seed = settled(|doubts| doubts.duplicate_result_spelt_right = right);
        seed.duplicate_rules.push(rule.clone());
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        run(&scene, &[("e1", person(1)), ("e2", with(2, "last_name", "Person 1"))]).await;
        assert_eq!(left(&scene, &kayo, &["e1", "e2"]).await, (outcomes([("e1", "applied"), ("e2", "parked")]), [1, 1]), "{right}");
        let twin = scene.records("Lead")[0]["Id"].as_str().unwrap().to_owned();
        let wanted = ("DUPLICATES_DETECTED".to_owned(), format!("They are here already. (matching records: {twin})"));
        assert_eq!(problem(&scene, &kayo, "e2").await, wanted, "{right}");
    }
}

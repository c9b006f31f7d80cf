//! Salesforce fails: nothing is lost, nothing is there twice, and nobody else waits.

use jiff::SignedDuration;
use passerelle_core::{
    adapters::{http, state::Table},
    app::upsert::Workbench,
    domain::ids::ConnectionId,
    ports::{Clock, Ports},
};
use passerelle_local::{Switch, clients};
use passerelle_scenarios::{Scene, capture, person, record, settled};
use salesforce_sim::{
    Effect, Matcher, Seed,
    seed::{DuplicateAction, DuplicateRule, ValidationRule},
};
use serde_json::{Value, json};

fn writes() -> Matcher {
    Matcher { route: Some("composite".to_owned()), body_contains: Some("IsReminderSet".to_owned()), count: Some(1), ..Matcher::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_repeated_after_a_cut_connection_makes_nothing_twice() {
    // With a key field a repeat finds what the first try made; without one it looks first. With references into answers
    // people and events are one call, without them two.
    let resolving = || settled(|doubts| doubts.references_into_collections = true);
    // What is cut is the call that makes the people, or the one that makes their events.
    let cut = |contains: &str| Matcher { body_contains: Some(contains.to_owned()), ..writes() };
    let cuts = ["\"Company\":", "IsReminderSet"];
    let seeds = [Seed::demo(), resolving(), Seed::demo().without_external_ids(), resolving().without_external_ids()];
    for (seed, contains) in seeds.iter().flat_map(|seed| cuts.map(|contains| (seed, contains))) {
        for effect in [Effect::CutAfter, Effect::CutBefore, Effect::Html { status: 503 }] {
            let scene = Scene::with(seed.clone(), Switch::Off).await;
            let kayo = scene.active("kayo").await;
            scene.accept("kayo", &json!([capture("e1", person(1)), capture("e2", person(2))])).await;
            scene.org().control().fault(cut(contains), effect.clone());
            scene.sweep().await;
            assert_eq!(scene.event(&kayo, "e1").await.status, "retry", "{effect:?}");
            scene.sweep().await;
            assert_eq!(scene.event(&kayo, "e1").await.status, "applied", "{effect:?}");
            assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (2, 2), "{effect:?}");
        }
    }
}

/// Whatever passes by itself strikes the look-up, or the call that makes the people: everybody is tried again, and nobody is parked.
#[tokio::test(flavor = "multi_thread")]
async fn what_passes_by_itself_is_tried_again_and_makes_nothing_twice() {
    let refused = |status, code: &str| Effect::Status { status, code: code.to_owned(), message: String::new(), retry_after: Some(30) };
    let of_records = |code: &str| Effect::RecordError {
        sobject: Some("Lead".to_owned()),
        contains: None,
        status: 400,
        code: code.to_owned(),
        message: String::new(),
    };
    for (effect, whole_calls) in [
        (refused(429, "TOO_MANY_REQUESTS"), true),
        (refused(500, "UNKNOWN_EXCEPTION"), true),
        (refused(503, "SERVER_UNAVAILABLE"), true),
        (Effect::Html { status: 502 }, true),
        (Effect::Concurrency, true),
        (of_records("SERVER_UNAVAILABLE"), false),
        (of_records("UNABLE_TO_LOCK_ROW"), false),
        (of_records("REQUEST_LIMIT_EXCEEDED"), false),
    ] {
        for contains in ["p1%40", "\"Company\":"].into_iter().filter(|contains| whole_calls || contains.contains("Company")) {
            let scene = Scene::new().await;
            let kayo = scene.active("kayo").await;
            scene.accept("kayo", &json!([capture("e1", person(1)), capture("e2", person(2))])).await;
            scene.org().control().fault(Matcher { body_contains: Some(contains.to_owned()), ..writes() }, effect.clone());
            scene.sweep().await;
            let status = scene.event(&kayo, "e1").await.status;
            assert!(["open", "retry"].contains(&status.as_str()), "{contains} {effect:?}: {status}");
            scene.clock.advance(SignedDuration::from_mins(15));
            scene.sweep().await;
            let outcomes = scene.outcomes(&kayo, &["e1", "e2"]).await;
            assert!(outcomes.values().all(|outcome| outcome == "applied"), "{contains} {effect:?}: {outcomes:?}");
            assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (2, 2), "{contains} {effect:?}");
            assert_eq!(scene.org().control().faults()[0].fired, 1, "{contains} {effect:?}");
        }
    }
}

/// Leads and activities after a call that was done and cut, and its repeat two minutes later, where queries find a new
/// record only after this many seconds.
async fn repeated_under_lag(mut seed: Seed, lag_s: u32) -> (usize, usize) {
    seed.doubts.index_lag_seconds = lag_s;
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &json!([capture("e1", person(1)), capture("e2", person(2))])).await;
    scene.org().control().fault(writes(), Effect::CutAfter);
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "retry");
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    let count = |sobject: &str| scene.org().with_org(|org| org.count(sobject).unwrap());
    (count("Lead"), count("Event"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_makes_nothing_twice_though_queries_do_not_find_the_first_yet() {
    // By its key a record is found at once, however late queries are. Without keys the repeat has to be the later one.
    let resolving = || settled(|doubts| doubts.references_into_collections = true);
    let keyed = [Seed::demo(), resolving()].map(|seed| (seed, 3_600));
    let keyless = [Seed::demo(), resolving()].map(|seed| (seed.without_external_ids(), 60));
    for (seed, lag_s) in keyed.into_iter().chain(keyless) {
        let references = seed.doubts.references_into_collections;
        assert_eq!(repeated_under_lag(seed, lag_s).await, (2, 2), "{lag_s} s, references {references}");
    }
}

/// The limit of an org without key fields: what was made unseen is looked for by query alone, so a lag that outlasts the
/// wait before the repeat doubles it.
#[tokio::test(flavor = "multi_thread")]
async fn without_key_fields_a_lag_that_outlasts_the_wait_doubles_what_was_made_unseen() {
    let resolving = settled(|doubts| doubts.references_into_collections = true);
    for (seed, made) in [(Seed::demo(), (2, 4)), (resolving, (4, 4))] {
        assert_eq!(repeated_under_lag(seed.without_external_ids(), 3_600).await, made);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_died_in_mid_call_leaves_its_people_in_doubt() {
    let scene = Scene::with(Seed::demo().without_external_ids(), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &capture("e1", person(1))).await;
    // The call arrives and is done, but whoever sent it is gone before the answer.
    scene.org().control().fault(writes(), Effect::Delay { ms: 60_000, moment: salesforce_sim::Moment::After });
    scene.clock.advance(SignedDuration::from_secs(125));
    let dying = scene.stack.invoke_upsert(json!({"sweep": {}}));
    assert!(tokio::time::timeout(std::time::Duration::from_secs(3), dying).await.is_err());
    assert_eq!(scene.records("Lead").len(), 1);
    scene.org().control().clear_faults();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_is_renewed_and_costs_nobody_anything() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.org().control().expire_access_tokens();
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert_eq!(scene.event(&kayo, "e1").await.attempts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_grant_breaks_the_connection_and_reconnecting_resumes_its_work() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.org().control().revoke_refresh_tokens(None);
    scene.org().control().expire_access_tokens();
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    let meta = scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap();
    assert_eq!(serde_json::to_value(meta.status).unwrap(), json!("broken"));
    assert_eq!(scene.event(&kayo, "e1").await.status, "open");
    scene.connect("kayo").await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_record_that_salesforce_refuses_does_not_harm_the_others() {
    let mut seed = Seed::demo();
    seed.validation_rules.push(ValidationRule {
        sobject: "Lead".to_owned(),
        condition: "LastName = 'Refused'".to_owned(),
        message: "Refused by the org.".to_owned(),
        field: Some("LastName".to_owned()),
    });
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let mut refused = person(1);
    refused["last_name"] = json!("Refused");
    scene.accept("kayo", &json!([capture("refused", refused), capture("fine", person(2))])).await;
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["refused", "fine"]).await;
    assert_eq!((outcomes["refused"].as_str(), outcomes["fine"].as_str()), ("parked", "applied"));
    let outcome = serde_json::to_value(scene.event(&kayo, "refused").await.outcome).unwrap();
    assert_eq!(
        (outcome["problem"]["code"].as_str(), &outcome["problem"]["fields"]),
        (Some("FIELD_CUSTOM_VALIDATION_EXCEPTION"), &json!(["LastName"]))
    );
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_waits_and_costs_no_write() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let mut long = person(1);
    long["last_name"] = json!("x".repeat(81));
    scene.accept("kayo", &json!([capture("long", long), capture("fine", person(2))])).await;
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["long", "fine"]).await;
    assert_eq!((outcomes["long"].as_str(), outcomes["fine"].as_str()), ("parked", "applied"));
    let outcome = serde_json::to_value(scene.event(&kayo, "long").await.outcome).unwrap();
    assert_eq!((outcome["problem"]["code"].as_str(), &outcome["problem"]["fields"]), (Some("value_too_long"), &json!(["LastName"])));
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 1));
}

/// The stream's batch with these new events, as Lambda hands it over.
fn stream_batch(events: [(&ConnectionId, &str); 2]) -> Value {
    let records = events.iter().enumerate().map(|(n, (connection, event))| {
        json!({"eventID": n.to_string(), "eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-3",
               "eventSourceARN": "arn:aws:dynamodb:eu-west-3:123456789012:table/state/stream/2026-09-01T00:00:00.000",
               "dynamodb": {"ApproximateCreationDateTime": 1_788_249_600, "SequenceNumber": n.to_string(), "SizeBytes": 64, "StreamViewType": "KEYS_ONLY",
                            "Keys": {"pk": {"S": format!("CONN#{connection}#EVENT#{event}")}, "sk": {"S": "EVENT"}}}})
    });
    json!({"Records": records.collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_org_of_one_connection_does_not_delay_another() {
    // In one batch of the stream, and in one sweep.
    for streamed in [true, false] {
        let scene = Scene::new().await;
        let (kayo, other) = (scene.active("kayo").await, scene.active("other").await);
        // The first connection's org answers nothing for as long as anybody listens.
        let slow = Matcher { body_contains: Some("p1%40".to_owned()), ..Matcher::default() };
        scene.org().control().fault(slow, Effect::Delay { ms: 300_000, moment: salesforce_sim::Moment::Before });
        scene.accept("kayo", &capture("e1", person(1))).await;
        scene.accept("other", &capture("e2", person(2))).await;
        let event = if streamed { stream_batch([(&kayo, "e1"), (&other, "e2")]) } else { json!({"sweep": {}}) };
        if !streamed {
            scene.clock.advance(SignedDuration::from_secs(125));
        }
        let working = scene.stack.invoke_upsert(event);
        let healthy = async {
            while scene.event(&other, "e2").await.status != "applied" {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = healthy => {}
            ended = working => panic!("the healthy connection had to wait for the slow one (streamed: {streamed}): {ended:?}"),
        }
        assert_eq!(scene.event(&kayo, "e1").await.status, "open", "streamed: {streamed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_org_of_one_connection_does_not_harm_another_in_the_same_stream_batch() {
    let scene = Scene::new().await;
    let (kayo, other) = (scene.active("kayo").await, scene.active("other").await);
    let broken = Matcher { body_contains: Some("p1%40".to_owned()), ..Matcher::default() };
    scene.org().control().fault(broken, Effect::Html { status: 503 });
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.accept("other", &capture("e2", person(2))).await;
    let answer = scene.stack.invoke_upsert(stream_batch([(&kayo, "e1"), (&other, "e2")])).await.unwrap();
    assert_eq!(scene.event(&other, "e2").await.status, "applied");
    // The stream is only a doorbell: it is not asked to ring again, for the event is due by itself.
    assert_eq!(answer["batchItemFailures"], json!([]));
    scene.org().control().clear_faults();
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_whose_table_cannot_be_read_are_handed_back_to_the_stream() {
    let scene = Scene::new().await;
    let (kayo, other) = (scene.active("kayo").await, scene.active("other").await);
    // Nobody answers here: whoever asks for an item fails.
    let (deaf, _) = clients::connect(&http::client(&[]).unwrap(), "http://127.0.0.1:9", "http://127.0.0.1:9");
    let table = Table::new(deaf, passerelle_local::TABLE);
    let ports = Ports { table: &table, ..scene.stack.ports() };
    let deadline = scene.clock.now() + SignedDuration::from_secs(60);
    let answer = passerelle_upsert::handle(ports, &Workbench::default(), stream_batch([(&kayo, "e1"), (&other, "e2")]), deadline).await;
    assert_eq!(answer.unwrap(), json!({"batchItemFailures": [{"itemIdentifier": "0"}, {"itemIdentifier": "1"}]}));
}

/// A duplicate rule of the org that warns: the event waits with the matching record named, or the record is saved all the same, as
/// the document says.
#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_rule_that_warns_parks_or_is_passed_as_the_document_says() {
    for (duplicates, status, leads) in [("park", "parked", 1), ("save", "applied", 2)] {
        let mut seed = Seed::demo();
        seed.records.push(record("Lead", json!({"LastName": "Person 1", "Company": "Elsewhere", "Email": "other@example.org"})));
        seed.duplicate_rules.push(DuplicateRule {
            name: "Same_name".to_owned(),
            sobject: "Lead".to_owned(),
            against: None,
            match_fields: vec!["LastName".to_owned()],
            action: DuplicateAction::Alert,
            message: "There is somebody of this name.".to_owned(),
            on_update: false,
        });
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene.apply(&scene.document("kayo", |document| document["salesforce"]["duplicates"] = json!(duplicates))).await;
        let twin = scene.records("Lead")[0]["Id"].as_str().unwrap().to_owned();
        scene.accept("kayo", &json!([capture("e1", person(1)), capture("e2", person(2))])).await;
        scene.sweep().await;
        let event = scene.event(&kayo, "e1").await;
        assert_eq!((event.status.as_str(), scene.event(&kayo, "e2").await.status.as_str()), (status, "applied"), "{duplicates}");
        assert_eq!(scene.records("Lead").len(), leads + 1, "{duplicates}");
        let outcome = json!(event.outcome);
        let told = outcome["problem"]["message"].as_str().unwrap_or_default();
        assert_eq!(
            (outcome["problem"]["code"] == "DUPLICATES_DETECTED", told.contains(&twin)),
            (duplicates == "park", duplicates == "park"),
            "{told}"
        );
    }
}

/// Values of any length come with the webhook, and nobody can ask Salesforce for them.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_cannot_be_asked_for_stops_nobody_but_its_own_event() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    let endless = format!("{}@example.org", "é".repeat(3_000));
    let mut address = capture("address", person(1));
    address["person"]["email"] = json!(endless);
    let mut seller = capture("seller", person(2));
    seller["collaborator"]["email"] = json!(endless);
    scene.accept("kayo", &json!({"events": [address, seller, capture("good", person(3))]})).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "good").await.status, "applied");
    // Nobody has such an address, so the activity is whoever's comes next.
    assert_eq!(scene.event(&kayo, "seller").await.status, "applied");
    let stored = scene.event(&kayo, "address").await;
    assert_eq!(stored.status, "parked", "{stored:?}");
}

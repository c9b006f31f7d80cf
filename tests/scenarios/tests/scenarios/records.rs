//! Records of any object by a key: made once, changed by rule, and never set back by an event that comes late. What memberships have
//! beside their status is likewise.

use passerelle_core::domain::ids::ConnectionId;
use passerelle_scenarios::{Scene, custom_field, person, record};
use salesforce_sim::{
    Effect, Matcher, Seed,
    seed::{CustomField, CustomFieldKind},
};
use serde_json::{Value, json};

use super::actions::{event, members, scene, statuses, with_campaign};

fn visits(document: &mut Value) {
    document["platform"]["attributes"] = json!([]);
    document["mappings"]["visit"] = json!({"object": "Opportunity", "fields": [
        {"from": "data.visit.title", "to": "Name", "strategy": "always_platform"},
        {"from": "data.visit.day", "to": "CloseDate"},
        {"from": "data.visit.note", "to": "Description", "strategy": "always_platform"}],
        "static": {"StageName": "Prospecting"}});
    document["workflows"] = json!([{"name": "visit", "trigger": "visit_summary", "actions": [
        {"record": {"mapping": "visit", "key": {"field": "Visit_Key__c", "value": "{{ data.visit.id }}"}}}]}]);
}

fn visit(id: &str, minute: u8, visit: Value) -> Value {
    let mut event = event(id, "visit_summary", minute, person(1));
    event["data"] = json!({"visit": visit});
    event
}

fn with_visits(external: bool) -> Seed {
    let mut seed = Seed::demo();
    let key = custom_field("Opportunity", "Visit_Key__c", CustomFieldKind::Text { length: 40 });
    seed.custom_fields.push(CustomField { external_id: external, unique: true, ..key });
    seed.records.push(record("Lead", json!({"LastName": "Person 1", "Company": "C", "Email": "p1@example.org"})));
    seed
}

/// By an external id, and by a field that is only unique.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_any_object_are_made_and_changed_by_their_key() {
    for external in [true, false] {
        let (scene, kayo) = scene(with_visits(external), visits).await;
        let first = json!({"id": "v-1", "title": "First", "day": "2026-09-01"});
        let news = json!({"id": "v-1", "title": "Second", "day": "2026-10-01", "note": "came back"});
        // Two events of one record in one batch are one write; what occurred later stands.
        scene
            .accept(
                "kayo",
                &json!([
                    visit("e2", 2, news.clone()),
                    visit("e1", 1, first),
                    visit("e3", 3, json!({"id": "v-2", "title": "Other", "day": "2026-09-02"}))
                ]),
            )
            .await;
        scene.sweep().await;
        let found = scene.records("Opportunity");
        let shown: Vec<_> = found.iter().map(|record| (record["Visit_Key__c"].as_str().unwrap(), record["Name"].as_str().unwrap())).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown.contains(&("v-1", "Second")) && shown.contains(&("v-2", "Other")), "{shown:?}");
        let outcomes = scene.outcomes(&kayo, &["e1", "e2", "e3"]).await;
        assert!(outcomes.values().all(|outcome| outcome == "applied"), "{outcomes:?}");
        // Found by its key, a record is changed by the rules: always the platform's title, the day only where there is none.
        scene.accept("kayo", &visit("e4", 4, json!({"id": "v-2", "title": "Renamed", "day": "2027-01-01"}))).await;
        scene.sweep().await;
        let other = scene.records("Opportunity").into_iter().find(|record| record["Visit_Key__c"] == "v-2").unwrap();
        assert_eq!((&other["Name"], &other["CloseDate"]), (&json!("Renamed"), &json!("2026-09-02")));
        // After a cut the record that was made unseen is found.
        let writes = Matcher { body_contains: Some("v-9".to_owned()), count: Some(2), ..Matcher::default() };
        scene.org().control().fault(Matcher { count: Some(1), body_contains: Some("\"Third\"".to_owned()), ..writes }, Effect::CutAfter);
        scene.accept("kayo", &visit("e5", 5, json!({"id": "v-9", "title": "Third", "day": "2026-09-03"}))).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "e5").await.status, "retry", "external {external}");
        scene.sweep().await;
        assert_eq!((scene.event(&kayo, "e5").await.status.as_str(), scene.records("Opportunity").len()), ("applied", 3), "external {external}");
        // What a new record needs is told.
        scene.accept("kayo", &visit("e6", 6, json!({"id": "v-3"}))).await;
        scene.sweep().await;
        assert_eq!(json!(scene.event(&kayo, "e6").await.outcome)["problem"]["fields"], json!(["CloseDate", "Name"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mappings_operation_holds_for_records_too_and_records_point_to_the_person() {
    let task = |document: &mut Value, operation: &str| {
        document["platform"]["attributes"] = json!([]);
        document["mappings"]["task"] = json!({"object": "Task", "operation": operation, "fields": [
            {"from": "data.title", "to": "Subject", "strategy": "always_platform"}], "static": {"Status": "Completed", "Priority": "Normal"}});
        document["workflows"] = json!([{"name": "seen", "trigger": "document_viewed", "actions": [{"person": {}},
            {"record": {"mapping": "task", "key": {"field": "Passerelle_Id__c", "value": "{{ event.id }}-{{ data.part }}"},
                        "person": {"lead": "WhoId", "contact": "WhoId"}}}]}]);
    };
    let seen = |id: &str, title: &str| {
        let mut event = event(id, "document_viewed", 1, person(1));
        event["data"] = json!({"title": title, "part": 1});
        event
    };
    for (operation, tasks) in [("create_or_update", 1), ("create", 1), ("update", 0)] {
        let (scene, kayo) = scene(Seed::demo(), |document| task(document, operation)).await;
        scene.accept("kayo", &seen("e1", "Brochure")).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "e1").await.status, "applied", "{operation}");
        let found = scene.records("Task");
        assert_eq!(found.len(), tasks, "{operation}");
        if let Some(task) = found.first() {
            assert_eq!((&task["WhoId"], &task["Subject"]), (&scene.records("Lead")[0]["Id"], &json!("Brochure")), "{operation}");
        }
    }
}

/// Two people who are met with one record in one batch: it is one, it points to the first of them, and nobody waits for anybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_two_people_is_one_and_stops_nobody() {
    let (scene, kayo) = scene(Seed::demo(), |document| {
        document["platform"]["attributes"] = json!([]);
        document["mappings"]["task"] = json!({"object": "Task", "fields": [{"from": "data.title", "to": "Subject", "strategy": "always_platform"}],
            "static": {"Status": "Completed", "Priority": "Normal"}});
        document["workflows"] = json!([{"name": "seen", "trigger": "document_viewed", "actions": [{"person": {}},
            {"record": {"mapping": "task", "key": {"field": "Passerelle_Id__c", "value": "{{ data.meeting }}"},
                        "person": {"lead": "WhoId", "contact": "WhoId"}}}]}]);
    })
    .await;
    let seen = |id: &str, n: usize, minute: u8| {
        let mut event = event(id, "document_viewed", minute, person(n));
        event["data"] = json!({"title": format!("Meeting, told by {n}"), "meeting": "m-1"});
        event
    };
    scene.accept("kayo", &json!([seen("e1", 1, 1), seen("e2", 2, 2), seen("e3", 3, 3)])).await;
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["e1", "e2", "e3"]).await;
    assert!(outcomes.values().all(|outcome| outcome == "applied"), "{outcomes:?}");
    let tasks = scene.records("Task");
    assert_eq!((tasks.len(), scene.records("Lead").len()), (1, 3));
    assert!(scene.records("Lead").iter().any(|lead| lead["Id"] == tasks[0]["WhoId"]));
}

/// The same, with three people that the org knows.
fn with_people() -> Seed {
    let mut seed = with_visits(true);
    seed.records.extend([2, 3].map(|n| record("Lead", json!({"LastName": "P", "Company": "C", "Email": format!("p{n}@example.org")}))));
    seed
}

/// Sends one event, sweeps, and answers its outcome.
async fn outcome(scene: &Scene, kayo: &ConnectionId, event: &Value) -> String {
    scene.accept("kayo", event).await;
    scene.sweep().await;
    scene.event(kayo, event["id"].as_str().unwrap()).await.status
}

fn told_by(n: usize, mut event: Value) -> Value {
    event["person"] = person(n);
    event
}

/// One record of which several people's events tell, each in a batch of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_overwrites_nothing_of_a_record_that_a_later_one_has_stated() {
    let (scene, kayo) = scene(with_people(), visits).await;
    let v1 = |title: &str| json!({"id": "v-1", "title": title, "day": "2026-09-01"});
    assert_eq!(outcome(&scene, &kayo, &visit("e5", 5, v1("Fifth"))).await, "applied");
    // Somebody else's older event: what it alone says is written, the title stays.
    let mut older = told_by(2, visit("e3", 3, v1("Third")));
    older["data"]["visit"]["note"] = json!("from the third");
    assert_eq!(outcome(&scene, &kayo, &older).await, "applied");
    let shown = |scene: &Scene| {
        let found = scene.records("Opportunity").remove(0);
        ["Name", "Description"].map(|field| found[field].clone())
    };
    assert_eq!(shown(&scene), ["Fifth", "from the third"]);
    let late = |event: &str, fields: Value| json!({"note": "late", "event": event, "object": "Opportunity", "fields": fields});
    assert_eq!(scene.notes(&kayo, "e3").await, [late("e3", json!(["Name"]))]);
    // One that says nothing new at all has been superseded.
    assert_eq!(outcome(&scene, &kayo, &visit("e1", 1, v1("First"))).await, "superseded");
    assert!(scene.notes(&kayo, "e1").await.contains(&late("e1", json!(["Name"]))));
    // Each field has a time of its own, also where Salesforce had the value already.
    let mut between = visit("e4", 4, v1("Fifth"));
    between["data"]["visit"]["note"] = json!("from the fourth");
    assert_eq!(outcome(&scene, &kayo, &between).await, "applied");
    assert_eq!(shown(&scene), ["Fifth", "from the fourth"]);
    assert_eq!(outcome(&scene, &kayo, &told_by(3, visit("e6", 6, v1("Sixth")))).await, "applied");
    assert_eq!(shown(&scene), ["Sixth", "from the fourth"]);
    // Of a record that is gone nothing newer stands anywhere.
    let id = scene.records("Opportunity")[0]["Id"].as_str().unwrap().to_owned();
    scene.administer(|org, session| org.delete(session, "Opportunity", &id).unwrap());
    assert_eq!(outcome(&scene, &kayo, &visit("e0", 0, v1("Anew"))).await, "applied");
    assert_eq!(scene.records("Opportunity")[0]["Name"], "Anew");
}

/// Two people tell of two records, each the later one of one of them, so that no order of the people alone comes out right.
#[tokio::test(flavor = "multi_thread")]
async fn of_events_of_several_people_in_one_batch_the_later_one_stands() {
    let (scene, kayo) = scene(with_people(), visits).await;
    let of = |id: &str, title: &str| json!({"id": id, "title": title, "day": "2026-09-01"});
    for (round, minute, title) in [("made", 2, "First"), ("changed", 12, "Second"), ("as-before", 22, "Second")] {
        let id = |n: usize| format!("{round}-{n}");
        let events = json!([
            visit(&id(1), minute, of("v-1", title)),
            told_by(2, visit(&id(2), minute - 1, of("v-1", "Older"))),
            visit(&id(3), minute - 1, of("v-2", "Older")),
            told_by(2, visit(&id(4), minute, of("v-2", title)))
        ]);
        scene.accept("kayo", &events).await;
        scene.sweep().await;
        let names: Vec<Value> = scene.records("Opportunity").iter().map(|record| record["Name"].clone()).collect();
        assert_eq!(names, [title, title], "{round}");
        for n in 1..=4 {
            let outcome = scene.event(&kayo, &id(n)).await.status;
            assert!(outcome == "applied" || outcome == "superseded" && [2, 3].contains(&n), "{}: {outcome}", id(n));
        }
    }
    let outcomes =
        [outcome(&scene, &kayo, &visit("l1", 11, of("v-1", "late"))).await, outcome(&scene, &kayo, &visit("l2", 11, of("v-2", "late"))).await];
    assert_eq!(outcomes, ["superseded", "superseded"]);
}

/// What the order of statuses does not tell, and the fields of a membership, go by the time of the events.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_event_sets_no_membership_back() {
    let mut seed = with_campaign();
    seed.custom_fields.push(custom_field("CampaignMember", "Badge__c", CustomFieldKind::Text { length: 5 }));
    let (scene, kayo) = scene(seed, |document| {
        members(document);
        document["campaigns"] = json!({});
        document["platform"]["attributes"] = json!([]);
        document["mappings"]["member"] =
            json!({"object": "CampaignMember", "fields": [{"from": "data.badge", "to": "Badge__c", "strategy": "always_platform"}]});
        for workflow in 0..2 {
            document["workflows"][workflow]["actions"][1]["campaign_member"]["mapping"] = json!("member");
        }
    })
    .await;
    for (id, kind, minute, badge, want) in [
        ("a1", "attended", 5, "A-5", ("Attended", "A-5")),
        ("r1", "registered", 1, "R-1", ("Attended", "A-5")),
        ("r2", "registered", 9, "R-9", ("Registered", "R-9")),
    ] {
        let mut event = event(id, kind, minute, person(1));
        event["data"] = json!({"badge": badge});
        assert_eq!(outcome(&scene, &kayo, &event).await, "applied", "{id}");
        let member = scene.records("CampaignMember").remove(0);
        assert_eq!((statuses(&scene), &member["Badge__c"]), (vec![json!(want.0)], &json!(want.1)), "{id}");
    }
}

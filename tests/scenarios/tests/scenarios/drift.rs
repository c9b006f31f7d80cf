//! An org whose fields change while events come: every change is told before anybody looks for it.

use jiff::SignedDuration;
use passerelle_core::{
    app::{
        check,
        fields::{self, Reload},
        tokens::SessionCache,
    },
    domain::{ids::ConnectionId, plan::Outcome},
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person};
use salesforce_sim::{
    Effect, Matcher, Seed,
    seed::{CustomField, CustomFieldKind, FieldAccess, FieldRule, PicklistEntry, Who},
};
use serde_json::{Value, json};

const FIELD: &str = "kayo_last_audio_duration__c";

fn custom(name: &str, kind: CustomFieldKind) -> CustomField {
    CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind, ..CustomField::default() }
}

fn grade(values: &[&str]) -> CustomField {
    let values = values.iter().map(|value| PicklistEntry::Text((*value).to_owned())).collect();
    custom("Grade__c", CustomFieldKind::Picklist { values, restricted: true })
}

fn seed() -> Seed {
    let mut seed = Seed::demo();
    seed.custom_fields.extend([grade(&["Hot", "Cold"]), custom("Note__c", CustomFieldKind::Text { length: 100 })]);
    seed
}

fn document(document: &mut Value) {
    document["mappings"]["lead"]["static"] = json!({"Grade__c": "Hot", "Note__c": "Bourget"});
}

/// The connection with one event done, so that the org is described and the fields are locked.
async fn locked() -> (Scene, ConnectionId) {
    let scene = Scene::with(seed(), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.apply(&scene.document("kayo", document)).await;
    scene.accept("kayo", &capture("first", person(1))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "first").await.status, "applied");
    (scene, kayo)
}

async fn problems(scene: &Scene, c: &ConnectionId) -> Vec<(String, String)> {
    let stored = scene.stack.ports().table.load_problems(c).await.unwrap();
    stored.into_iter().map(|problem| (problem.finding.code.into_owned(), problem.finding.place)).collect()
}

async fn reload(scene: &Scene, c: &ConnectionId) {
    fields::list(scene.stack.ports(), &SessionCache::default(), c, Reload::Yes).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_a_problem_until_it_is_mended_or_agreed_to() {
    let (scene, kayo) = locked().await;
    let wrong = |code: &str, place: &str| (code.to_owned(), place.to_owned());
    reload(&scene, &kayo).await;
    assert!(problems(&scene, &kayo).await.is_empty());

    scene.org().with_org(|org| {
        org.delete_custom_field("Lead", FIELD).unwrap();
        org.change_custom_field(&grade(&["Cold"])).unwrap();
        org.change_custom_field(&custom("Note__c", CustomFieldKind::Text { length: 5 })).unwrap();
        org.add_custom_field(&CustomField { required: true, ..custom("Origin__c", CustomFieldKind::Text { length: 20 }) }).unwrap();
        let rule = FieldRule { sobject: "Lead".to_owned(), field: "Phone".to_owned(), who: Who::Everyone, access: FieldAccess::ReadOnly };
        org.set_field_access(&rule).unwrap();
    });
    reload(&scene, &kayo).await;
    let want = [
        wrong("field_became_required", "mappings.lead"),
        wrong("field_shrunk", "mappings.lead.static.Note__c.to"),
        wrong("field_vanished", "mappings.lead.fields[8].to"),
        wrong("permission_lost", "mappings.lead.fields[5].to"),
        wrong("picklist_value_removed", "mappings.lead.static.Grade__c.to"),
    ];
    assert_eq!(problems(&scene, &kayo).await, want);

    // What is mended is no problem any more; the rest keeps the time when it was found.
    let found_at = scene.stack.ports().table.load_problems(&kayo).await.unwrap()[1].found_at;
    scene.clock.advance(SignedDuration::from_hours(1));
    scene.org().with_org(|org| org.change_custom_field(&grade(&["Hot", "Cold", "New"])).unwrap());
    reload(&scene, &kayo).await;
    assert_eq!(problems(&scene, &kayo).await, want[..4]);
    assert_eq!(scene.stack.ports().table.load_problems(&kayo).await.unwrap()[1].found_at, found_at);

    // The check tells what is wrong now, once: the shrunken field refuses the document's own value.
    let report = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
    let of = |place: &str| report.findings.iter().filter(|finding| finding.place == place).map(|finding| finding.code.as_ref()).collect::<Vec<_>>();
    assert_eq!(of("mappings.lead.fields[8].to"), ["field_missing"]);
    assert!(of("mappings.lead.fields[5].to").contains(&"type_impossible"), "{report:#?}");
    assert_eq!(of("mappings.lead.static.Note__c"), ["value_too_long"]);

    // Whoever applies the document again agrees to the org as it is.
    scene
        .apply(&scene.document("kayo", |wanted| {
            document(wanted);
            wanted["mappings"]["lead"]["fields"].as_array_mut().unwrap().retain(|rule| rule["to"] != FIELD && rule["to"] != "Phone");
        }))
        .await;
    assert!(problems(&scene, &kayo).await.is_empty());
    reload(&scene, &kayo).await;
    assert!(problems(&scene, &kayo).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_org_is_described_once_a_day_of_work_and_never_in_idle_hours() {
    let (scene, kayo) = locked().await;
    let before = scene.api_calls();
    for _ in 0..48 {
        scene.clock.advance(SignedDuration::from_hours(1));
        scene.sweep().await;
    }
    assert_eq!(scene.api_calls(), before);

    // The next event finds the description two days old: the change is told although this person has no value for the field.
    scene.org().with_org(|org| org.delete_custom_field("Lead", FIELD).unwrap());
    scene.accept("kayo", &capture("second", person(2))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "second").await.status, "applied");
    assert_eq!(problems(&scene, &kayo).await, [("field_vanished".to_owned(), "mappings.lead.fields[8].to".to_owned())]);

    // Within the day the description is taken for true.
    let mut costs = Vec::new();
    for (id, n) in [("third", 3), ("fourth", 4)] {
        let before = scene.api_calls();
        scene.accept("kayo", &capture(id, person(n))).await;
        scene.sweep().await;
        costs.push(scene.api_calls() - before);
        scene.clock.advance(SignedDuration::from_hours(25));
    }
    scene.accept("kayo", &capture("fifth", person(5))).await;
    let before = scene.api_calls();
    scene.sweep().await;
    costs.push(scene.api_calls() - before);
    assert_eq!(costs, [costs[0], costs[0] + 1, costs[0] + 1], "the day after, one call more describes the org");
}

/// What Setup changes within the day is learnt from Salesforce's first refusal, whether it refuses to read or to write.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_within_the_day_is_told_by_the_first_refusal_and_stops_nobody_else() {
    let (scene, kayo) = locked().await;
    scene.clock.advance(SignedDuration::from_hours(1));
    scene.org().with_org(|org| org.delete_custom_field("Lead", FIELD).unwrap());

    // The look-up still names the field. Who has no value for it is written, who has one waits.
    let mut with_value = capture("third", person(3));
    with_value["data"]["last_audio_duration"] = json!(12);
    scene.accept("kayo", &capture("second", person(2))).await;
    scene.accept("kayo", &with_value).await;
    scene.sweep().await;
    let vanished = ("field_vanished".to_owned(), "mappings.lead.fields[8].to".to_owned());
    assert_eq!(problems(&scene, &kayo).await, std::slice::from_ref(&vanished));
    assert_eq!(scene.event(&kayo, "second").await.status, "applied");

    // A field that may no longer be written is refused by the write.
    let rule = FieldRule { sobject: "Lead".to_owned(), field: "Phone".to_owned(), who: Who::Everyone, access: FieldAccess::ReadOnly };
    scene.org().with_org(|org| org.set_field_access(&rule).unwrap());
    let mut with_phone = person(4);
    with_phone["phone"] = json!("+33612345678");
    scene.accept("kayo", &capture("fourth", with_phone)).await;
    scene.accept("kayo", &capture("fifth", person(5))).await;
    scene.sweep().await;
    let lost = ("permission_lost".to_owned(), "mappings.lead.fields[5].to".to_owned());
    assert_eq!(problems(&scene, &kayo).await, [vanished, lost]);
    let outcomes = scene.outcomes(&kayo, &["second", "third", "fourth", "fifth"]).await;
    let of = |id: &str| outcomes[id].as_str();
    assert_eq!((of("second"), of("third"), of("fourth"), of("fifth")), ("applied", "parked", "parked", "applied"));
    let fourth = scene.event(&kayo, "fourth").await.outcome;
    assert!(matches!(&fourth, Some(Outcome::Parked { problem }) if problem.code == "field_not_writable"), "{fourth:?}");
}

/// A refusal that a changed org would give, from one that has not changed: it is asked once, and then taken at its word.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_by_an_org_that_is_as_it_was_described_stands() {
    let (scene, kayo) = locked().await;
    scene.clock.advance(SignedDuration::from_hours(1));
    let effect = Effect::RecordError {
        sobject: Some("Lead".to_owned()),
        contains: Some("Person 2".to_owned()),
        status: 400,
        code: "STRING_TOO_LONG".to_owned(),
        message: "Last Name: data value too large".to_owned(),
    };
    scene.org().control().fault(Matcher::default(), effect);
    for id in ["second", "third"] {
        scene.accept("kayo", &capture(id, person(if id == "second" { 2 } else { 3 }))).await;
    }
    let before = scene.api_calls();
    scene.sweep().await;
    // Look-up, people, the fine person's activity, and the description that shows nothing new.
    assert_eq!(scene.api_calls() - before, 4);
    let second = scene.event(&kayo, "second").await.outcome;
    assert!(matches!(&second, Some(Outcome::Parked { problem }) if problem.code == "STRING_TOO_LONG"), "{second:?}");
    assert_eq!(scene.event(&kayo, "third").await.status, "applied");
    assert!(problems(&scene, &kayo).await.is_empty());
}

/// Where the org cannot be asked whether it has changed, the refusal is no last word: by the next try the org may be as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_nobody_could_look_into_is_tried_again() {
    let (scene, kayo) = locked().await;
    scene.clock.advance(SignedDuration::from_hours(1));
    let change = |length| scene.org().with_org(|org| org.change_custom_field(&custom("Note__c", CustomFieldKind::Text { length })).unwrap());
    change(5);
    let describing = Matcher { body_contains: Some("/describe".to_owned()), ..Matcher::default() };
    scene.org().control().fault(describing, Effect::Html { status: 503 });
    scene.accept("kayo", &capture("second", person(2))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "second").await.status, "retry");

    scene.org().control().clear_faults();
    change(100);
    scene.clock.advance(SignedDuration::from_hours(1));
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "second").await.status, "applied");
}

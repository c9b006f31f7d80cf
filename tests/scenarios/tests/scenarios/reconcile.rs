//! The hourly run: both sides are compared, and what differs goes where the rules send it.

use jiff::SignedDuration;
use passerelle_core::{
    app::{reconcile, upsert::Workbench},
    domain::{
        ids::{ConnectionId, PersonKey},
        person::{Person, email_alias, id_alias},
        run::Run,
    },
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, record, set_rule, states};
use salesforce_sim::{Seed, id::Id, org::Conversion};
use serde_json::{Value, json};

/// An active connection that reconciles, with these rules beside the preset's and these settings.
pub(crate) async fn scene_with(seed: Seed, rules: Value, settings: Value) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let document = scene.document("kayo", |document| {
        let attributes = document["platform"]["attributes"].as_array_mut().unwrap();
        attributes.push(json!({"name": "person.unsubscribed", "type": "boolean"}));
        attributes.push(json!({"name": "person.gone", "type": "boolean"}));
        attributes.push(json!({"name": "person.owner", "type": "email"}));
        document["people"]["update_contacts"] = json!("on");
        for rule in rules.as_array().unwrap() {
            ["lead", "contact"].into_iter().for_each(|mapping| set_rule(document, mapping, rule));
        }
        document["reconciliation"] = json!({"push": "on", "pull": "on", "deleted": "person.gone"});
        document["reconciliation"].as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    });
    scene.apply(&document).await;
    (scene, kayo)
}

/// The job goes both ways, and the most recent statement stays.
pub(crate) fn job() -> Value {
    json!([{"from": "person.job", "to": "Title", "strategy": "most_recent", "direction": "both"}])
}

async fn scene() -> (Scene, ConnectionId) {
    scene_with(Seed::demo(), job(), json!({})).await
}

/// Lets an hour pass and runs; the only run that has ended.
pub async fn hour(scene: &Scene, c: &ConnectionId) -> Run {
    let before = runs(scene, c).await.len();
    scene.clock.advance(SignedDuration::from_mins(61));
    scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
    let mut runs = runs(scene, c).await;
    assert_eq!(runs.len(), before + 1, "{runs:?}");
    let run = runs.pop().unwrap();
    assert!(run.sheet.balances(), "{run:?}");
    run
}

async fn runs(scene: &Scene, c: &ConnectionId) -> Vec<Run> {
    scene.stack.ports().table.load_runs(c, 100).await.unwrap()
}

/// The person of a platform id.
pub(crate) async fn person(scene: &Scene, c: &ConnectionId, id: &str) -> Person {
    let table = &scene.stack.ports().table;
    let keys: Vec<PersonKey> = table.load_aliases(c, &[id_alias(id)]).await.unwrap().into_iter().map(|(_, key)| key).collect();
    table.load_people(c, None, &keys).await.unwrap().remove(0)
}

pub(crate) fn lead(scene: &Scene) -> Value {
    scene.records("Lead").into_iter().find(|lead| lead["Email"] == "ada@example.org").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleagues_edit_comes_to_the_platform_and_stays() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    scene.edit("Lead", &lead(&scene), &json!({"Title": "Chief Engineer"}));

    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, run.sheet.to_platform, run.sheet.to_salesforce), (1, 1, 0), "{run:?}");
    assert_eq!(person(&scene, &kayo, "p1").await.value("person.job"), Some(&json!("Chief Engineer")));

    // What came from there is no news to be sent back, now or with the next event.
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, run.sheet.unchanged), (0, run.sheet.read), "{run:?}");
    let before = lead(&scene);
    scene.work(&kayo, &states("e2", scene.clock.now(), &json!({}))).await;
    assert_eq!(lead(&scene)["Title"], before["Title"]);
    // A later statement of the platform counts again.
    scene.work(&kayo, &states("e3", scene.clock.now(), &json!({"job": "CTO"}))).await;
    assert_eq!(lead(&scene)["Title"], "CTO");
    let run = hour(&scene, &kayo).await;
    assert_eq!(run.sheet.to_platform, 0, "our own write is no edit: {run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hour_costs_one_call_and_writes_nothing() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    let (calls, before) = (scene.api_calls(), lead(&scene));
    let run = hour(&scene, &kayo).await;
    assert_eq!((scene.api_calls() - calls, run.api_calls, run.sheet.read), (1, 1, 0), "{run:?}");
    assert_eq!(lead(&scene), before);
    assert_eq!(person(&scene, &kayo, "p1").await.value("person.job"), Some(&json!("Engineer")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_not_due_before_its_hour() {
    let (scene, kayo) = scene().await;
    hour(&scene, &kayo).await;
    let calls = scene.api_calls();
    scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
    assert_eq!((runs(&scene, &kayo).await.len(), scene.api_calls()), (1, calls));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_is_told_restored_too_and_nothing_is_made_anew() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    let id: Id = lead(&scene)["Id"].as_str().unwrap().parse().unwrap();
    scene.as_colleague(|org, session| org.delete(session, "Lead", &id.to_string()).unwrap());

    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.deleted, run.sheet.applied), (1, 1), "{run:?}");
    assert_eq!(person(&scene, &kayo, "p1").await.value("person.gone"), Some(&json!(true)));
    hour(&scene, &kayo).await;
    assert!(scene.records("Lead").iter().all(|lead| lead["Email"] != "ada@example.org"), "it stays deleted");

    scene.as_colleague(|org, session| org.undelete(session, id).unwrap());
    hour(&scene, &kayo).await;
    assert_eq!(person(&scene, &kayo, "p1").await.value("person.gone"), Some(&json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_comes_with_a_merge_stays_with_whoever_has_it() {
    let rules = json!([{"from": "person.email", "to": "Email", "strategy": "always_salesforce", "direction": "both"}]);
    let (scene, kayo) = scene_with(Seed::demo(), rules, json!({})).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({}))).await;
    let other = json!({"id": "p2", "email": "other@example.org", "last_name": "Other", "company": "Others"});
    scene.work(&kayo, &capture("e2", other)).await;
    hour(&scene, &kayo).await;
    let loser = lead(&scene)["Id"].as_str().unwrap().parse().unwrap();
    let master = scene.as_colleague(|org, session| {
        let fields = json!({"LastName": "Martin", "Company": "ACME", "Email": "other@example.org"});
        let master = org.create(session, "Lead", fields.as_object().unwrap()).unwrap();
        org.merge(session, "Lead", master, &[loser]).unwrap();
        master
    });
    // The run comes to its end, and each stays who they are.
    hour(&scene, &kayo).await;
    assert_eq!(person(&scene, &kayo, "p1").await.link.unwrap().id.to_string(), master.to_string());
    let table = &scene.stack.ports().table;
    let owner = table.load_aliases(&kayo, &[email_alias("other@example.org")]).await.unwrap().remove(0).1;
    assert_eq!(owner, person(&scene, &kayo, "p2").await.key);
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_and_converted_records_are_followed() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    let loser = lead(&scene)["Id"].as_str().unwrap().parse().unwrap();
    let master = scene.as_colleague(|org, session| {
        let fields = json!({"LastName": "Martin", "Company": "ACME", "Email": "ada@example.org", "Title": "Head"});
        let master = org.create(session, "Lead", fields.as_object().unwrap()).unwrap();
        org.merge(session, "Lead", master, &[loser]).unwrap();
        master
    });
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.merged, run.sheet.deleted), (1, 0), "{run:?}");
    let ada = person(&scene, &kayo, "p1").await;
    assert_eq!(ada.link.as_ref().unwrap().id.to_string(), master.to_string());
    assert_eq!(ada.value("person.gone").filter(|gone| **gone == json!(true)), None);
    assert_eq!(ada.value("person.job"), Some(&json!("Head")), "what the other record has is later");

    let how = Conversion { account: None, contact: None, opportunity: None };
    scene.as_colleague(|org, session| org.convert_lead(session, master, &how).unwrap());
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.converted, run.sheet.deleted), (1, 0), "{run:?}");
    let link = person(&scene, &kayo, "p1").await.link.unwrap();
    assert_eq!(
        (link.object.as_str(), link.id.to_string()),
        (
            "Contact",
            scene.records("Contact").into_iter().find(|contact| contact["Email"] == "ada@example.org").unwrap()["Id"].as_str().unwrap().to_owned()
        )
    );
}

/// A lead that others were merged into is converted before anybody looks: the person belongs to the contact.
#[tokio::test(flavor = "multi_thread")]
async fn a_merge_and_a_conversion_of_one_hour_are_followed_to_their_end() {
    for by_event in [false, true] {
        let (scene, kayo) = scene().await;
        scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
        hour(&scene, &kayo).await;
        let loser = lead(&scene)["Id"].as_str().unwrap().parse().unwrap();
        scene.as_colleague(|org, session| {
            let fields = json!({"LastName": "Martin", "Company": "ACME", "Email": "ada@example.org", "Title": "Head"});
            let master = org.create(session, "Lead", fields.as_object().unwrap()).unwrap();
            org.merge(session, "Lead", master, &[loser]).unwrap();
            org.convert_lead(session, master, &Conversion { account: None, contact: None, opportunity: None }).unwrap();
        });
        if by_event {
            scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"job": "Engineer"}))).await;
        } else {
            let run = hour(&scene, &kayo).await;
            assert_eq!((run.sheet.merged, run.sheet.converted, run.sheet.deleted), (1, 1, 0), "{run:?}");
        }
        let contacts: Vec<Value> = scene.records("Contact").into_iter().filter(|contact| contact["Email"] == "ada@example.org").collect();
        let link = person(&scene, &kayo, "p1").await.link.unwrap();
        assert_eq!((contacts.len(), link.object.as_str(), json!(link.id)), (1, "Contact", contacts[0]["Id"].clone()), "by an event: {by_event}");
    }
}

/// Many records have one timestamp, and pages end within it.
#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_missed_where_a_page_ends_within_one_timestamp() {
    let mut seed = Seed::demo();
    let leads =
        (0..1_700).map(|n| record("Lead", json!({"LastName": format!("Person {n}"), "Company": "ACME", "Email": format!("p{n}@example.org")})));
    seed.records.extend(leads);
    let (scene, kayo) = scene_with(seed, job(), json!({"unknown_records": "person"})).await;
    let all = scene.records("Lead").iter().chain(&scene.records("Contact")).filter(|record| record["Email"].is_string()).count() as u64;
    let run = hour(&scene, &kayo).await;
    assert_eq!(run.sheet.read, (scene.records("Lead").len() + scene.records("Contact").len()) as u64, "{run:?}");
    assert_eq!(run.sheet.applied + run.sheet.further + run.sheet.unchanged, all, "{run:?}");
    assert!(run.api_calls <= 3, "two pages and a description: {run:?}");
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, run.sheet.to_salesforce), (0, 0), "{run:?}");
    // Their address leads to them: what the platform says of it later is said of the same people.
    let (before, lead) = (scene.records("Lead").len(), scene.records("Lead").into_iter().find(|record| record["Email"].is_string()).unwrap());
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"id": "new", "email": lead["Email"], "job": "CTO"}))).await;
    assert_eq!(scene.records("Lead").len(), before);
    assert_eq!(person(&scene, &kayo, "new").await.link.unwrap().id.to_string(), lead["Id"].as_str().unwrap());
}

/// So many engineers are met, whose addresses begin with `ada`.
pub(crate) async fn engineers(scene: &Scene, people: usize) {
    for n in 0..people {
        let mut event = states(&format!("e{n}"), scene.clock.now(), &json!({"job": "Engineer"}));
        event["person"]["id"] = json!(format!("p{n}"));
        event["person"]["email"] = json!(format!("ada{n:02}@example.org"));
        scene.accept("kayo", &event).await;
    }
    scene.sweep().await;
}

/// A run over several pages does not come by its own writes; whoever changes such a record meanwhile is heard at once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_has_written_is_read_by_the_next_one() {
    let rules = json!([
        {"from": "person.job", "to": "Title", "strategy": "always_platform", "direction": "both"},
        {"from": "person.phone", "to": "Phone", "strategy": "most_recent", "direction": "both"},
    ]);
    let (scene, kayo) = scene_with(Seed::demo(), rules, json!({"overlap_minutes": 0})).await;
    engineers(&scene, 5).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    let titled = |title: &str| scene.records("Lead").into_iter().filter(|lead| lead["Title"] == title).collect::<Vec<_>>();
    for lead in titled("Engineer") {
        scene.edit("Lead", &lead, &json!({"Title": "Chief"}));
    }
    scene.clock.advance(SignedDuration::from_mins(61));
    let bench = Workbench::with_pages_of(2);
    let step = || reconcile::step(scene.stack.ports(), &bench, &kayo, scene.clock.now() + SignedDuration::from_secs(60));
    assert!(!step().await.unwrap().done);
    assert_eq!((titled("Engineer").len(), titled("Chief").len()), (2, 3), "a page is written before the next is read");
    scene.edit("Lead", &titled("Engineer")[0], &json!({"Phone": "0102030405"}));
    let gone = titled("Engineer")[1].clone();
    scene.as_colleague(|org, session| org.delete(session, "Lead", gone["Id"].as_str().unwrap()).unwrap());
    let mut run = None;
    for _ in 0..10 {
        run = run.or(step().await.unwrap().ended);
    }
    let run = run.unwrap();
    assert!(run.sheet.balances(), "{run:?}");
    assert_eq!((run.sheet.read, run.sheet.to_salesforce, run.sheet.to_platform, run.sheet.deleted), (5 + 2, 5, 2, 1), "{run:?}");

    // The next run begins with all that was left to it, even without an overlap.
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.read, run.sheet.applied), (5, 0), "{run:?}");
    let run = hour(&scene, &kayo).await;
    assert_eq!(run.sheet.read, 0, "{run:?}");
}

/// Whatever a colleague makes of it.
#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_value_goes_to_salesforce_where_its_rule_says_so() {
    let rules = json!([{"from": "person.job", "to": "Title", "strategy": "always_platform", "direction": "both"}]);
    let (scene, kayo) = scene_with(Seed::demo(), rules, json!({})).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    scene.edit("Lead", &lead(&scene), &json!({"Title": "Chief Engineer"}));
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.to_salesforce, run.sheet.to_platform), (1, 0), "{run:?}");
    assert_eq!(lead(&scene)["Title"], "Engineer");
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.applied, run.sheet.to_salesforce), (0, 0), "{run:?}");
}

/// Only a name and an address are known of somebody; the blank is filled from Salesforce, and its own blank from the platform.
#[tokio::test(flavor = "multi_thread")]
async fn blanks_are_filled_on_either_side() {
    let rules = json!([
        {"from": "person.job", "to": "Title", "strategy": "fill_if_blank", "direction": "both"},
        {"from": "person.phone", "to": "Phone", "strategy": "fill_if_blank", "direction": "both"},
    ]);
    let (scene, kayo) = scene_with(Seed::demo(), rules, json!({})).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"phone": "0102030405"}))).await;
    scene.edit("Lead", &lead(&scene), &json!({"Title": "Engineer", "Phone": null}));
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.to_salesforce, run.sheet.to_platform), (1, 1), "{run:?}");
    assert_eq!(person(&scene, &kayo, "p1").await.value("person.job"), Some(&json!("Engineer")));
    assert_eq!(lead(&scene)["Phone"], "0102030405");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_switches_a_connection_has_no_runs() {
    let (scene, kayo) = scene_with(Seed::demo(), job(), json!({"push": "off", "pull": "off"})).await;
    scene.clock.advance(SignedDuration::from_mins(61));
    scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
    assert!(runs(&scene, &kayo).await.is_empty());
}

/// With the switch off an event writes nobody's fields: they go with the next run. Who is needed for an activity is made all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_events_set_off_waits_for_the_run_where_the_document_says_so() {
    let (scene, kayo) = scene().await;
    let mut document = scene.document("kayo", |_| {});
    document["reconciliation"] = json!({"push": "on", "push_on_events": "off"});
    document["workflows"] = json!([
        {"name": "news", "trigger": "news", "actions": [{"person": {}}]},
        {"name": "met", "trigger": "met", "actions": [{"person": {}}, {"activity": {"object": "Task", "subject": "Met"}}]},
    ]);
    set_rule(&mut document, "lead", &job()[0]);
    scene.apply(&document).await;
    let title = || scene.records("Lead").into_iter().find(|lead| lead["Email"] == "ada@example.org").map(|lead| lead["Title"].clone());
    let hears = async |id: &str, kind: &str, job: &str| {
        let mut event = states(id, scene.clock.now(), &json!({"job": job}));
        event["type"] = json!(kind);
        scene.accept("kayo", &event).await;
        scene.sweep().await;
        (scene.event(&kayo, id).await.status, title())
    };
    assert_eq!(hears("e1", "news", "Engineer").await, ("unchanged".to_owned(), None));
    hour(&scene, &kayo).await;
    assert_eq!(title(), Some(json!("Engineer")));
    assert_eq!(hears("e2", "news", "CTO").await, ("unchanged".to_owned(), Some(json!("Engineer"))));
    hour(&scene, &kayo).await;
    assert_eq!(title(), Some(json!("CTO")));
    assert_eq!(hears("e3", "met", "Chief").await, ("applied".to_owned(), Some(json!("CTO"))));
    assert_eq!(scene.records("Task").len(), 1, "the activity does not wait");
    hour(&scene, &kayo).await;
    assert_eq!(title(), Some(json!("Chief")));

    let mut event = capture("e4", json!({"id": "p4", "email": "grace@example.org", "last_name": "Hopper", "company": "Navy"}));
    event["type"] = json!("met");
    scene.work(&kayo, &event).await;
    assert_eq!(scene.event(&kayo, "e4").await.status, "applied");
    assert!(scene.records("Lead").iter().any(|lead| lead["Email"] == "grace@example.org"), "somebody has met her");
}

/// Records that nobody has touched for a month are seen by a first run that looks at everything, and by no later one.
#[tokio::test(flavor = "multi_thread")]
async fn a_first_run_looks_at_a_week_or_at_everything() {
    for (first_run, known) in [("week", 0), ("everything", 1)] {
        let (scene, kayo) = scene_with(Seed::demo(), job(), json!({"unknown_records": "person", "first_run": first_run})).await;
        let old = json!({"LastName": "Hopper", "Company": "Navy", "Email": "grace@example.org"});
        scene.as_colleague(|org, session| org.create(session, "Lead", old.as_object().unwrap()).unwrap());
        scene.clock.advance(SignedDuration::from_hours(30 * 24));
        let ran = hour(&scene, &kayo).await;
        let alias = [email_alias("grace@example.org")];
        assert_eq!(scene.stack.ports().table.load_aliases(&kayo, &alias).await.unwrap().len(), known, "{first_run}: {ran:?}");
        let later = hour(&scene, &kayo).await;
        assert!(later.sheet.read <= ran.sheet.read && later.sheet.to_platform == 0, "{later:?}");
    }
}

/// An event whose workflow writes no person still tells something of them: it goes with the next run.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_action_writes_goes_with_the_next_run() {
    let (scene, kayo) = scene().await;
    let mut document = scene.document("kayo", |_| {});
    document["reconciliation"] = json!({"push": "on"});
    set_rule(&mut document, "lead", &json!({"from": "person.job", "to": "Title", "strategy": "most_recent"}));
    let met = json!({"name": "met", "trigger": "met", "actions": [{"activity": {"object": "Task", "subject": "Met again"}}]});
    document["workflows"].as_array_mut().unwrap().push(met);
    scene.apply(&document).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    let mut event = states("e2", scene.clock.now(), &json!({"job": "CTO"}));
    event["type"] = json!("met");
    scene.work(&kayo, &event).await;
    assert_eq!(lead(&scene)["Title"], "Engineer");
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.waited, run.sheet.to_salesforce), (1, 1), "{run:?}");
    assert_eq!(lead(&scene)["Title"], "CTO");
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.waited, run.sheet.to_salesforce), (0, 0), "{run:?}");
}

/// The platform hears which record is its person's, and what was taken over from there; nothing of what it said itself.
#[tokio::test(flavor = "multi_thread")]
async fn the_platform_is_told_of_the_record_and_of_what_was_taken_over() {
    let (scene, kayo) = scene().await;
    let mut document = scene.document("kayo", |_| {});
    document["reconciliation"] = json!({"push": "on", "pull": "on", "deleted": "person.gone"});
    document["platform"]["webhook"] = json!({"url": "https://platform.example/hook"});
    document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.gone", "type": "boolean"}));
    set_rule(&mut document, "lead", &job()[0]);
    scene.apply(&document).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    let id = lead(&scene)["Id"].as_str().unwrap().to_owned();
    scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"phone": "0102030405"}))).await;
    hour(&scene, &kayo).await;
    scene.edit("Lead", &lead(&scene), &json!({"Title": "Chief Engineer"}));
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    scene.as_colleague(|org, session| org.delete(session, "Lead", &id).unwrap());
    hour(&scene, &kayo).await;

    let ada = person(&scene, &kayo, "p1").await;
    let told = scene.stack.ports().table.open_deliveries(&kayo, &ada.key).await.unwrap();
    let told: Vec<Value> = told.iter().map(|(_, stored)| serde_json::from_str(&stored.body).unwrap()).collect();
    let of = |place: usize, path: &str| told[place].pointer(path).cloned().unwrap_or_default();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((of(0, "/type"), of(0, "/salesforce/id"), of(0, "/changes")), (json!("person.updated"), json!(id), json!({})));
    assert_eq!((of(1, "/type"), of(1, "/changes")), (json!("person.updated"), json!({"person.job": "Chief Engineer"})));
    assert_eq!((of(2, "/type"), of(2, "/changes"), of(2, "/person/ids")), (json!("person.deleted"), json!({"person.gone": true}), json!(["p1"])));
}

/// A run has read the record as nobody's; when it becomes somebody's, it is not modified, and no later run would read it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_becomes_somebodys_is_compared_with_the_next_run() {
    let mut seed = Seed::demo();
    let there = json!({"LastName": "Martin", "Company": "ACME", "Email": "ada@example.org", "Title": "Head"});
    seed.records.push(record("Lead", there));
    let (scene, kayo) = scene_with(seed, job(), json!({})).await;
    scene.edit("Lead", &lead(&scene), &json!({"City": "Lyon"}));
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({}))).await;
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.waited, run.sheet.to_platform), (1, 1), "{run:?}");
    assert_eq!(person(&scene, &kayo, "p1").await.value("person.job"), Some(&json!("Head")));
}

/// What is left of the day's calls beyond the reserve is spent: runs wait, events go on.
#[tokio::test(flavor = "multi_thread")]
async fn runs_leave_the_reserve_to_events() {
    let (scene, kayo) = scene().await;
    scene.work(&kayo, &states("e1", scene.clock.now(), &json!({"job": "Engineer"}))).await;
    hour(&scene, &kayo).await;
    let spent = scene.stack.ports().table.load_spent(&kayo, scene.clock.now()).await.unwrap().calls;
    let with_cap = |per_day: u64| {
        let mut document = scene.document("kayo", |_| {});
        document["reconciliation"] = json!({"push": "on", "pull": "on"});
        document["salesforce"]["api_calls"] = json!({"per_day": per_day, "reserve_percent": 50});
        document
    };
    scene.apply(&with_cap(2 * spent)).await;
    let (calls, before) = (scene.api_calls(), runs(&scene, &kayo).await.len());
    scene.clock.advance(SignedDuration::from_mins(61));
    scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
    assert_eq!((scene.api_calls(), runs(&scene, &kayo).await.len()), (calls, before), "the run waits");
    scene.work(&kayo, &states("e2", scene.clock.now(), &json!({"phone": "0102030405"}))).await;
    assert!(scene.api_calls() > calls, "the event does not");
    scene.apply(&with_cap(10_000)).await;
    hour(&scene, &kayo).await;
}

//! Activities in the org's timeline object: whose they are, never twice, and those of the days before.

use jiff::SignedDuration;
use passerelle_core::{
    app::{check, fields, tokens::SessionCache},
    domain::ids::ConnectionId,
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, record, states};
use salesforce_sim::{Effect, Matcher, Seed};
use serde_json::{Value, json};

const OBJECT: &str = "mautic_timeline__c";

/// An org with the object; `external` tells whether its reference is an external id as well.
pub(crate) fn seed(prefix: &str, external: bool) -> Seed {
    let mut seed = Seed::demo().with_timeline(prefix);
    let references = seed.custom_fields.iter_mut().filter(|field| field.name.ends_with("ReferenceId__c"));
    references.for_each(|field| field.external_id = external);
    seed
}

/// Captures and readings make entries; nobody's record is made by a reading.
fn document(scene: &Scene, with_timeline: bool) -> Value {
    scene.document("kayo", |document| {
        document["platform"]["person_page"] = json!("https://platform.example/people/{{ person.id }}");
        let entry = json!({"activity": {"object": "timeline", "subject": "{{ event.type }}", "description": "Read: {{ data.documents }}"}});
        let mut captured = vec![json!({"person": {}})];
        captured.extend(with_timeline.then(|| entry.clone()));
        let mut workflows = vec![json!({"name": "captured", "trigger": "contact_captured", "actions": captured})];
        workflows.extend(with_timeline.then(|| json!({"name": "read", "trigger": "document_viewed", "actions": [entry]})));
        document["workflows"] = Value::from(workflows);
    })
}

async fn scene(seed: Seed) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.apply(&document(&scene, true)).await;
    (scene, kayo)
}

fn event(scene: &Scene, id: &str, person: &Value) -> Value {
    states(id, scene.clock.now(), person)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_tells_what_happened_to_whom() {
    for (known, platform_id, number) in
        [("Lead", json!("p1"), Value::Null), ("Contact", json!(47), json!(47.0)), ("Lead", json!("0048"), json!(48.0))]
    {
        let mut seed = seed("", false);
        if known == "Contact" {
            seed.records.push(record("Contact", json!({"LastName": "Martin", "Email": "ada@example.org"})));
        }
        let (scene, kayo) = scene(seed).await;
        scene.work(&kayo, &event(&scene, "e1", &json!({"id": platform_id}))).await;
        let entry = scene.records(OBJECT).remove(0);
        let who = scene.records(known).into_iter().find(|found| found["Email"] == "ada@example.org").unwrap()["Id"].clone();
        let (lead, contact) = if known == "Lead" { (who, Value::Null) } else { (Value::Null, who) };
        let page = json!(format!("https://platform.example/people/{}", platform_id.as_str().map_or_else(|| platform_id.to_string(), str::to_owned)));
        for (field, want) in [
            ("WhoId__c", lead),
            ("contact_id__c", contact),
            ("Name", json!("contact_captured")),
            ("Description__c", json!("Read: 1")),
            ("MauticLead__c", number),
            ("Mautic_url__c", page),
            ("ReferenceId__c", json!("kayo/e1")),
            ("ActivityDate__c", json!("2026-09-01T08:00:00.000+0000")),
        ] {
            assert_eq!(entry[field], want, "{known} {platform_id}: {field}");
        }
    }
}

/// The call is cut after Salesforce has made the entry. The repeat is refused for its reference, or finds it by that.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_comes_once_whoever_repeats_it() {
    for external in [false, true] {
        let (scene, kayo) = scene(seed("", external)).await;
        scene.work(&kayo, &event(&scene, "e0", &json!({}))).await;
        let cut = Matcher { body_contains: Some("\"ActivityDate__c\":".to_owned()), count: Some(1), ..Matcher::default() };
        scene.org().control().fault(cut, Effect::CutAfter);
        let mut read = event(&scene, "e1", &json!({}));
        read["type"] = json!("document_viewed");
        scene.accept("kayo", &read).await;
        scene.sweep().await;
        assert_eq!(scene.records(OBJECT).len(), 2, "external: {external}: made, and nobody was told");
        for _ in 0..3 {
            scene.sweep().await;
        }
        assert_eq!((scene.records(OBJECT).len(), scene.event(&kayo, "e1").await.status.as_str()), (2, "applied"), "external: {external}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_may_have_a_prefix() {
    let scene = Scene::with(seed("acme_", false), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let mut document = document(&scene, true);
    let own = |name: &str| json!(format!("acme_{name}"));
    document["salesforce"]["timeline"] = json!({"object": own(OBJECT), "date": own("ActivityDate__c"), "contact": own("contact_id__c"),
        "lead": own("WhoId__c"), "description": own("Description__c"), "platform_id": own("MauticLead__c"), "url": own("Mautic_url__c"),
        "reference": own("ReferenceId__c")});
    scene.apply(&document).await;
    scene.work(&kayo, &event(&scene, "e1", &json!({}))).await;
    assert_eq!(scene.records(&format!("acme_{OBJECT}"))[0]["acme_ReferenceId__c"], "kayo/e1");
}

/// An org whose objects belong to a package: its prefix stands before every name, also where these are others than the instructions'.
#[tokio::test(flavor = "multi_thread")]
async fn names_may_have_the_namespace_of_a_package() {
    for (object, date) in [(OBJECT, "ActivityDate__c"), ("Timeline__c", "HappenedAt__c")] {
        let mut seed = seed("ns__", false);
        seed.custom_objects.iter_mut().filter(|own| own.name == format!("ns__{OBJECT}")).for_each(|own| own.name = format!("ns__{object}"));
        for field in seed.custom_fields.iter_mut().filter(|field| field.sobject == format!("ns__{OBJECT}")) {
            field.sobject = format!("ns__{object}");
            field.name = field.name.replace("ActivityDate__c", date);
        }
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        let mut document = document(&scene, true);
        document["salesforce"]["timeline"] = json!({"namespace": "ns", "object": object, "date": date});
        scene.apply(&document).await;
        let found = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
        assert!(found.findings.iter().all(|finding| !finding.words.en.contains(object)), "{:?}", found.findings);

        scene.work(&kayo, &event(&scene, "e1", &json!({"id": 47}))).await;
        let entry = scene.records(&format!("ns__{object}")).remove(0);
        let lead = scene.records("Lead").into_iter().find(|lead| lead["Email"] == "ada@example.org").unwrap()["Id"].clone();
        for (field, want) in [
            ("ns__WhoId__c", lead),
            ("ns__contact_id__c", Value::Null),
            ("Name", json!("contact_captured")),
            ("ns__Description__c", json!("Read: 1")),
            ("ns__MauticLead__c", json!(47.0)),
            ("ns__Mautic_url__c", json!("https://platform.example/people/47")),
            ("ns__ReferenceId__c", json!("kayo/e1")),
            (&format!("ns__{date}"), json!("2026-09-01T08:00:00.000+0000")),
        ] {
            assert_eq!(entry[field], want, "{object}: {field}");
        }
        // Cut after it was made: the reference under its prefix keeps it from coming twice.
        let cut = Matcher { body_contains: Some(format!("\"ns__{date}\":")), count: Some(1), ..Matcher::default() };
        scene.org().control().fault(cut, Effect::CutAfter);
        let mut read = event(&scene, "e2", &json!({"id": 47}));
        read["type"] = json!("document_viewed");
        scene.accept("kayo", &read).await;
        for _ in 0..4 {
            scene.sweep().await;
        }
        let made = scene.records(&format!("ns__{object}")).len();
        assert_eq!((made, scene.event(&kayo, "e2").await.status.as_str()), (2, "applied"), "{object}");
    }
}

/// What came before the document had the activity, up to seven days ago, gets its entry with the next run, and once.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_seven_days_are_filled_once() {
    let scene = Scene::with(seed("", false), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.apply(&document(&scene, false)).await;
    for (n, hours) in [(1, 96), (2, 72), (3, 72), (4, 23)] {
        // What says nothing new has happened all the same.
        scene.accept("kayo", &event(&scene, &format!("e{n}"), &json!({}))).await;
        scene.sweep().await;
        scene.clock.advance(SignedDuration::from_hours(hours));
    }
    // The first came eleven days ago, the second almost seven.
    scene.apply(&document(&scene, true)).await;
    let run = async || {
        scene.clock.advance(SignedDuration::from_mins(6));
        let calls = scene.api_calls();
        scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
        (scene.records(OBJECT).len(), scene.api_calls() - calls)
    };
    let (made, calls) = run().await;
    let references: Vec<Value> = scene.records(OBJECT).into_iter().map(|entry| entry["ReferenceId__c"].clone()).collect();
    assert_eq!((made, references), (3, vec![json!("kayo/e2"), json!("kayo/e3"), json!("kayo/e4")]));
    assert!(calls <= 4, "{calls} calls: one for each day with anything");
    assert_eq!(run().await, (3, 0), "it has ended");

    passerelle_core::app::backfill::ask(scene.stack.ports(), &kayo).await.unwrap();
    assert_eq!(run().await.0, 3, "asked for again, nothing comes twice");

    // The state machine is told of it too, as long as it is open, and makes it in a step.
    let call = async |call: Value| scene.stack.invoke_reconcile(call).await.unwrap();
    assert_eq!(call(json!({"list": {"after": null}})).await, json!({"connections": [], "after": null}));
    passerelle_core::app::backfill::ask(scene.stack.ports(), &kayo).await.unwrap();
    assert_eq!(call(json!({"list": {"after": null}})).await["connections"], json!([{"connection": "kayo"}]));
    assert_eq!(call(json!({"step": {"connection": "kayo"}})).await["done"], true);
    assert_eq!(call(json!({"list": {"after": null}})).await["connections"], json!([]));
    scene.apply(&document(&scene, true)).await;
    assert_eq!(run().await, (3, 0), "the same document asks for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_and_the_fields_know_the_object() {
    let (scene, kayo) = scene(seed("", false)).await;
    let codes = async |scene: &Scene| {
        let found = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
        found.findings.into_iter().filter(|finding| finding.words.en.contains(OBJECT)).map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&scene).await, Vec::<String>::new());
    let found = fields::list(scene.stack.ports(), &SessionCache::default(), &kayo, fields::Reload::Yes).await.unwrap();
    assert_eq!(found.needed.iter().filter(|property| property.object.as_str() == OBJECT).count(), 7);
    assert!(found.lacking.iter().all(|property| property.object.as_str() != OBJECT), "{:?}", found.lacking);

    // An org without the object: it is named, and what makes it is written.
    let scene = Scene::with(Seed::demo(), Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.apply(&document(&scene, true)).await;
    let found = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
    assert!(found.findings.iter().any(|finding| finding.code == "object_hidden" && finding.words.en.contains(OBJECT)));
    let found = fields::list(scene.stack.ports(), &SessionCache::default(), &kayo, fields::Reload::Yes).await.unwrap();
    assert_eq!(found.lacking.iter().filter(|property| property.object.as_str() == OBJECT).count(), 7);
    let file = |path: &str| found.project.iter().find(|file| file.path.ends_with(path)).map(|file| file.text.as_str()).unwrap_or_default();
    assert!(file("mautic_timeline__c.object-meta.xml").contains("<label>Timeline</label>"));
    assert!(file("fields/ReferenceId__c.field-meta.xml").contains("<unique>true</unique>"));
    assert!(file("fields/contact_id__c.field-meta.xml").contains("<referenceTo>Contact</referenceTo>"));
    let error = fields::create(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap_err();
    assert!(error.to_string().contains(OBJECT), "{error}");
}

//! Values on their way from an event to a record: what is done with those that do not fit, where they may come from, and whether a
//! rule that needs one waits for it.

use passerelle_core::{app::configure, domain::ids::ConnectionId};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, custom_field, person, record};
use salesforce_sim::{
    Seed,
    seed::{CustomField, CustomFieldKind as Kind, PicklistEntry, RecordTypeSeed},
};
use serde_json::{Value, json};

fn grades() -> Kind {
    Kind::Picklist { values: ["Hot", "Cold"].map(|text| PicklistEntry::Text(text.to_owned())).to_vec(), restricted: true }
}

async fn scene(fields: Vec<CustomField>, rules: Value) -> (Scene, ConnectionId) {
    let mut seed = Seed::demo();
    seed.custom_fields.extend(fields);
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let document = scene.document("kayo", |document| {
        document["platform"].as_object_mut().unwrap().remove("attributes");
        document["mappings"]["lead"]["fields"].as_array_mut().unwrap().extend(rules.as_array().unwrap().clone());
    });
    scene.apply(&document).await;
    (scene, kayo)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_goes_as_its_rule_says() {
    let fields = vec![
        custom_field("Lead", "Short__c", Kind::Text { length: 10 }),
        custom_field("Lead", "Other__c", Kind::Text { length: 10 }),
        custom_field("Lead", "Grade__c", grades()),
        custom_field("Lead", "Met__c", Kind::DateTime),
        custom_field("Lead", "Score__c", Kind::Number { precision: 4, scale: 0 }),
    ];
    let rules = json!([
        {"from": "person.motto", "to": "Short__c", "overflow": "truncate"},
        {"from": "person.motto", "to": "Other__c", "overflow": "drop"},
        {"from": "person.grade", "to": "Grade__c", "overflow": {"default": "Cold"}},
        {"from": "person.met", "to": "Met__c", "overflow": {"default": "2026-07-01T10:00:00"}},
        {"from": "person.score", "to": "Score__c"}
    ]);
    let (scene, kayo) = scene(fields, rules).await;
    let with = |n: usize, more: Value| {
        let mut person = person(n);
        person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        person
    };
    let long = json!({"motto": "Toujours plus loin", "grade": "Lukewarm", "met": "some day", "score": 12});
    scene.accept("kayo", &capture("fits", with(1, long))).await;
    scene.accept("kayo", &capture("waits", with(2, json!({"score": 12_345})))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "fits").await.status, "applied");
    let lead = scene.records("Lead").remove(0);
    // A moment that the document names is on the connection's clock.
    let want = [
        ("Short__c", json!("Toujours p")),
        ("Other__c", Value::Null),
        ("Grade__c", json!("Cold")),
        ("Met__c", json!("2026-07-01T08:00:00.000+0000")),
        ("Score__c", json!(12)),
    ];
    for (field, value) in want {
        assert!(lead[field] == value || lead[field].as_f64() == value.as_f64() && value.is_number(), "{field}: {} is not {value}", lead[field]);
    }
    let waits = scene.event(&kayo, "waits").await;
    assert_eq!(waits.status, "parked");
    assert!(json!(waits.outcome).to_string().contains("value_out_of_range"), "{:?}", waits.outcome);
    assert_eq!(scene.records("Lead").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_from_the_event_the_project_and_the_collaborator_too() {
    let fields = ["Kind__c", "Fair__c", "Seller__c", "Line__c"].map(|name| custom_field("Lead", name, Kind::Text { length: 80 })).to_vec();
    let rules = json!([
        {"from": "event.type", "to": "Kind__c"},
        {"from": "project.id", "to": "Fair__c"},
        {"from": "collaborator.email", "to": "Seller__c"},
        {"from": "person.last_name", "to": "Line__c", "transform": [{"template": "{{ value }} / {{ project.id }} / {{ data.documents }}"}]}
    ]);
    let (scene, kayo) = scene(fields, rules).await;
    scene.accept("kayo", &capture("e1", person(1))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    let lead = scene.records("Lead").remove(0);
    let want = [
        ("Kind__c", "contact_captured"),
        ("Fair__c", "salon-du-bourget"),
        ("Seller__c", "technique@kayo.fr"),
        ("Line__c", "Person 1 / salon-du-bourget / 1"),
    ];
    for (field, value) in want {
        assert_eq!(lead[field], json!(value), "{field}");
    }
}

/// A rule that needs a value makes people wait who exist already, too, unless their record has one.
#[tokio::test(flavor = "multi_thread")]
async fn a_needed_value_is_waited_for_on_records_that_exist() {
    for (title, want) in [(Value::Null, "parked"), (json!("Achats"), "unchanged")] {
        let mut seed = Seed::demo();
        seed.records
            .push(record("Lead", json!({"LastName": "Person 1", "FirstName": "P", "Company": "Company", "Email": "p1@example.org", "Title": title})));
        let scene = Scene::with(seed, Switch::Off).await;
        let kayo = scene.active("kayo").await;
        scene
            .apply(&scene.document("kayo", |document| {
                document["mappings"]["lead"]["fields"][7]["required"] = json!(true);
                for workflow in document["workflows"].as_array_mut().unwrap() {
                    workflow["actions"] = json!([{"person": {}}]);
                }
            }))
            .await;
        scene.accept("kayo", &capture("e1", person(1))).await;
        scene.sweep().await;
        let event = scene.event(&kayo, "e1").await;
        assert_eq!(event.status, want, "{event:?}");
        if want == "parked" {
            assert!(json!(event.outcome).to_string().contains("missing_required"), "{:?}", event.outcome);
            let mut told = person(1);
            told["job"] = json!("Achats");
            scene.accept("kayo", &capture("e2", told)).await;
            scene.sweep().await;
            assert_eq!(scene.records("Lead")[0]["Title"], json!("Achats"));
        }
    }
}

/// A field that refers to another record gets it by that record's key, and the same key is not sent twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_a_field_refers_to_is_found_by_its_key() {
    let mut seed = Seed::demo();
    let key = custom_field("Account", "Customer_Number__c", Kind::Text { length: 20 });
    seed.custom_fields.push(CustomField { external_id: true, unique: true, ..key });
    seed.custom_fields.push(custom_field("Lead", "Site__c", Kind::Lookup { to: "Account".to_owned(), relationship: None }));
    seed.records.extend(["K-1", "K-2"].map(|number| record("Account", json!({"Name": number, "Customer_Number__c": number}))));
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let rule = json!({"from": "person.customer", "to": "Site__c", "by": "Customer_Number__c", "strategy": "always_platform"});
    scene
        .apply(&scene.document("kayo", |document| {
            document["platform"]["attributes"] = json!([]);
            document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule.clone());
        }))
        .await;
    let account = |number: &str| scene.records("Account").into_iter().find(|account| account["Customer_Number__c"] == number).unwrap()["Id"].clone();
    let mut stamps = Vec::new();
    for (id, minute, number) in [("e1", 1, "K-1"), ("e2", 2, "K-1"), ("e3", 3, "K-2")] {
        let mut who = person(1);
        who["customer"] = json!(number);
        let mut event = capture(id, who);
        event["occurred_at"] = json!(format!("2026-08-30T10:{minute:02}:00+02:00"));
        scene.accept("kayo", &event).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, id).await.status, "applied", "{id}: {:?}", scene.event(&kayo, id).await.outcome);
        let lead = scene.records("Lead").remove(0);
        assert_eq!(lead["Site__c"], account(number), "{id}");
        stamps.push(lead["SystemModstamp"].clone());
    }
    assert_eq!(stamps[0], stamps[1], "the same key changes nothing");
    // A key that nobody has parks its event with Salesforce's own words; another field than a reference is refused when it is saved.
    let mut who = person(2);
    who["customer"] = json!("K-9");
    scene.accept("kayo", &capture("e4", who)).await;
    scene.sweep().await;
    let outcome = json!(scene.event(&kayo, "e4").await.outcome);
    assert!(outcome["outcome"] == "parked" && outcome["problem"]["message"].as_str().unwrap().contains("K-9"), "{outcome}");
    let refused = scene.document("kayo", |document| {
        document["platform"]["attributes"] = json!([]);
        let rule = json!({"from": "person.customer", "to": "Company__c", "by": "Customer_Number__c"});
        document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule);
    });
    // The org has no such field, which is a warning; one that is there and is a text is refused.
    configure::apply(scene.stack.ports(), &refused).await.unwrap();
    let refused = scene.document("kayo", |document| {
        document["platform"]["attributes"] = json!([]);
        let rule = json!({"from": "person.customer", "to": "kayo_last_audio_duration__c", "by": "Customer_Number__c"});
        let fields = document["mappings"]["lead"]["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["to"] != "kayo_last_audio_duration__c");
        fields.push(rule);
    });
    let error = configure::apply(scene.stack.ports(), &refused).await.unwrap_err();
    assert!(format!("{error:?}").contains("ne désigne aucune fiche"), "{error:?}");
}

/// A record type is a value that the mapping sets, like any other.
#[tokio::test(flavor = "multi_thread")]
async fn new_records_have_the_record_type_of_their_mapping() {
    let kind = |name: &str, default| RecordTypeSeed {
        sobject: "Lead".to_owned(),
        developer_name: name.to_owned(),
        name: name.to_owned(),
        id: None,
        default,
        active: true,
    };
    let mut seed = Seed::demo();
    seed.record_types = vec![kind("Web", true), kind("Fair", false)];
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let types = scene.records("RecordType");
    let fair = types.iter().find(|kind| kind["DeveloperName"] == "Fair").unwrap()["Id"].clone();
    for (n, named, want) in [(1, None, "Web"), (2, Some(&fair), "Fair")] {
        scene
            .apply(&scene.document("kayo", |document| {
                if let Some(named) = named {
                    document["mappings"]["lead"]["static"] = json!({"RecordTypeId": named});
                }
            }))
            .await;
        scene.accept("kayo", &capture(&format!("e{n}"), person(n))).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, &format!("e{n}")).await.status, "applied", "{want}");
        let lead = scene.records("Lead").into_iter().find(|lead| lead["Email"] == format!("p{n}@example.org")).unwrap();
        let kind = types.iter().find(|kind| kind["Id"] == lead["RecordTypeId"]).unwrap();
        assert_eq!(kind["DeveloperName"], want);
    }
}

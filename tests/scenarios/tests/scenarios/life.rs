//! What happens to records in the life of an org: people merge, delete, restore, convert and hide them, and its fields change.
//! An event that comes afterwards finds its person again, or waits and says for what.

use jiff::SignedDuration;
use passerelle_core::{
    app::{check, tokens::SessionCache},
    domain::ids::ConnectionId,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, record};
use salesforce_sim::{
    Id, Seed,
    org::{Conversion, QueryScope},
    seed::{CustomField, CustomFieldKind, DuplicateAction, DuplicateRule, FieldAccess, FieldRule, Permissions, PicklistEntry, RecordSeed, Who},
};
use serde_json::{Value, json};

/// An active connection to an org that has these records already.
async fn scene(records: Vec<RecordSeed>) -> (Scene, ConnectionId) {
    of_seed(Seed { records, ..Seed::demo() }).await
}

async fn of_seed(seed: Seed) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    (scene, kayo)
}

/// Ada, with one more attribute.
fn ada(attribute: &str, value: &str) -> Value {
    let mut ada = json!({"id": "p1", "email": "ada@example.org", "first_name": "Ada", "last_name": "Martin", "company": "ACME"});
    ada[attribute] = json!(value);
    ada
}

/// Sends an event on this day of August and sweeps until it has its outcome, three times at most.
async fn meet(scene: &Scene, kayo: &ConnectionId, id: &str, day: u8, person: Value) -> String {
    let mut event = capture(id, person);
    event["occurred_at"] = json!(format!("2026-08-{day:02}T10:00:00Z"));
    scene.accept("kayo", &event).await;
    for _ in 0..3 {
        scene.sweep().await;
        if !["open", "retry"].contains(&scene.event(kayo, id).await.status.as_str()) {
            break;
        }
    }
    scene.event(kayo, id).await.status
}

/// The document writes the platform's values over those of leads, and so need not look at a linked record.
async fn overwriting(scene: &Scene) {
    scene.apply(&scene.document("kayo", |document| document["people"]["overwrite"] = json!("on"))).await;
}

fn id(record: &Value) -> Id {
    Id::parse(record["Id"].as_str().unwrap()).unwrap()
}

/// Whom the activities are about, in the order of their making.
fn whom(scene: &Scene) -> Vec<Value> {
    scene.records("Event").iter().map(|event| event["WhoId"].clone()).collect()
}

/// The code of what an event waits for, and its fields.
async fn problem(scene: &Scene, kayo: &ConnectionId, id: &str) -> (String, Vec<String>) {
    let outcome = json!(scene.event(kayo, id).await.outcome);
    let fields = outcome["problem"]["fields"].as_array().into_iter().flatten().map(|field| field.as_str().unwrap().to_owned());
    (outcome["problem"]["code"].as_str().unwrap_or_else(|| panic!("{outcome}")).to_owned(), fields.collect())
}

fn lead(email: &str) -> RecordSeed {
    record("Lead", json!({"LastName": "Martin", "Company": "ACME", "Email": email}))
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_differ_in_case_alone_are_one_person_and_one_record() {
    let (scene, kayo) = scene(vec![lead("ADA@Example.ORG")]).await;
    for (n, (person, email)) in [("badge-1", "ada@example.org"), ("badge-2", " Ada@EXAMPLE.org "), ("badge-1", "aDa@example.org")].iter().enumerate()
    {
        let event = format!("e{n}");
        let person = json!({"id": person, "email": email, "last_name": "Martin", "company": "ACME"});
        assert_eq!(meet(&scene, &kayo, &event, 10, person).await, "applied", "{email}");
        assert_eq!(scene.event(&kayo, &event).await.person_pk, scene.event(&kayo, "e0").await.person_pk, "{email}");
    }
    let leads = scene.records("Lead");
    assert_eq!((leads.len(), whom(&scene)), (1, vec![leads[0]["Id"].clone(); 3]));
}

/// Whether or not the rules make us look at the lead before writing: where they do not, Salesforce's refusal is what tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_was_converted_leads_to_its_contact_whatever_address_that_has() {
    for (address, looks) in [("ada@example.org", true), ("ada@example.org", false), ("new@example.org", true), ("new@example.org", false)] {
        let (scene, kayo) = scene(Vec::new()).await;
        if !looks {
            overwriting(&scene).await;
        }
        assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied");
        let converted = scene.administer(|org, session| {
            let lead = id(&org.all(session, "Lead", QueryScope::Live).unwrap()[0]);
            let converted = org.convert_lead(session, lead, &Conversion::default()).unwrap();
            let fields = json!({"Email": address}).as_object().unwrap().clone();
            org.update(session, "Contact", converted.contact.as_str(), &fields).unwrap();
            converted
        });
        let mut event = capture("e2", ada("job", "CTO"));
        event["occurred_at"] = json!("2026-08-11T10:00:00Z");
        scene.accept("kayo", &event).await;
        scene.sweep().await;
        if !looks {
            assert_eq!(scene.event(&kayo, "e2").await.status, "retry", "{address}");
            assert_eq!(problem(&scene, &kayo, "e2").await.0, "CANNOT_UPDATE_CONVERTED_LEAD", "{address}");
            scene.sweep().await;
        }
        assert_eq!(scene.event(&kayo, "e2").await.status, "applied", "{address}, looks: {looks}");
        let contact = json!(converted.contact.to_string());
        assert_eq!((scene.records("Lead").len(), scene.records("Contact").len()), (1, 1), "{address}, looks: {looks}");
        assert_eq!(whom(&scene), [contact.clone(), contact], "{address}, looks: {looks}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_that_was_deleted_and_restored_is_the_same_one() {
    for looks in [true, false] {
        let (scene, kayo) = scene(Vec::new()).await;
        if !looks {
            overwriting(&scene).await;
        }
        assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied");
        let first = id(&scene.records("Lead")[0]);
        scene.administer(|org, session| org.delete(session, "Lead", first.as_str()).unwrap());
        assert_eq!(scene.records("Lead").len(), 0);
        scene.administer(|org, session| org.undelete(session, first).unwrap());
        assert_eq!(meet(&scene, &kayo, "e2", 11, ada("phone", "0102030405")).await, "applied", "looks: {looks}");
        let leads = scene.records("Lead");
        assert_eq!((leads.len(), id(&leads[0]), &leads[0]["Phone"]), (1, first, &json!("0102030405")), "looks: {looks}");
        assert!(whom(&scene).iter().all(|who| *who == json!(first.to_string())), "looks: {looks}");
    }
}

/// Who was deleted is there again with the next event. What somebody restores afterwards is a second record, which stays as
/// it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_lead_is_made_anew_by_the_next_event_and_the_restored_one_is_left_alone() {
    for (looks, keys) in [(true, true), (false, true), (true, false), (false, false)] {
        let seed = if keys { Seed::demo() } else { Seed::demo().without_external_ids() };
        let (scene, kayo) = of_seed(seed).await;
        if !looks {
            overwriting(&scene).await;
        }
        assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied");
        let first = id(&scene.records("Lead")[0]);
        scene.administer(|org, session| org.delete(session, "Lead", first.as_str()).unwrap());
        let mut event = capture("e2", ada("job", "CTO"));
        event["occurred_at"] = json!("2026-08-11T10:00:00Z");
        scene.accept("kayo", &event).await;
        scene.sweep().await;
        if !looks {
            assert_eq!(problem(&scene, &kayo, "e2").await.0, "ENTITY_IS_DELETED", "keys: {keys}");
            scene.sweep().await;
        }
        assert_eq!(scene.event(&kayo, "e2").await.status, "applied", "looks: {looks}, keys: {keys}");
        let second = id(&scene.records("Lead")[0]);
        assert_ne!(first, second);
        assert_eq!(scene.records("Lead")[0]["Title"], "CTO");

        scene.administer(|org, session| org.undelete(session, first).unwrap());
        assert_eq!(meet(&scene, &kayo, "e3", 12, ada("job", "CEO")).await, "applied", "looks: {looks}, keys: {keys}");
        let title = |wanted: Id| scene.records("Lead").into_iter().find(|lead| id(lead) == wanted).unwrap()["Title"].clone();
        assert_eq!((scene.records("Lead").len(), title(first)), (2, json!("Engineer")), "looks: {looks}, keys: {keys}");
        if !looks {
            assert_eq!(title(second), json!("CEO"), "keys: {keys}");
        }
    }
}

/// The record that stays has the person's address, as it has where two records of one person are merged.
#[tokio::test(flavor = "multi_thread")]
async fn a_merged_record_is_followed_to_the_one_that_stays() {
    the_merged_is_followed("ada@example.org").await;
}

/// The record that stays has another address, so that only the master's id leads to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_merged_record_is_followed_by_its_master_though_that_has_another_address() {
    the_merged_is_followed("ada@home.example").await;
}

/// The person's record is merged into one with this address.
async fn the_merged_is_followed(address: &str) {
    for (object, looks) in [("Lead", true), ("Lead", false), ("Contact", true), ("Contact", false)] {
        let (scene, kayo) = scene(Vec::new()).await;
        let document = scene.document("kayo", |document| {
            document["people"]["when_unknown"] = json!(object.to_lowercase());
            document["people"]["update_contacts"] = json!("on");
            document["people"]["overwrite"] = json!(if looks { "off" } else { "on" });
        });
        scene.apply(&document).await;
        assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied");
        let loser = id(&scene.records(object)[0]);
        let master = scene.administer(|org, session| {
            let mut fields = json!({"LastName": "Martin", "Email": address}).as_object().unwrap().clone();
            if object == "Lead" {
                fields.insert("Company".to_owned(), json!("ACME"));
            }
            let master = org.create(session, object, &fields).unwrap();
            org.merge(session, object, master, &[loser]).unwrap();
            master
        });
        assert_eq!(meet(&scene, &kayo, "e2", 11, ada("job", "CTO")).await, "applied", "{object}, looks: {looks}");
        let left = scene.records(object);
        assert_eq!((left.len(), id(&left[0]), &left[0]["Title"]), (1, master, &json!("CTO")), "{object}, looks: {looks}");
        assert_eq!(whom(&scene), vec![json!(master.to_string()); 2], "{object}, looks: {looks}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_leads_are_not_made_a_contact_still_gets_its_activity_and_nobody_else_anything() {
    let (scene, kayo) = scene(vec![record("Contact", json!({"LastName": "Martin", "Email": "ada@example.org"}))]).await;
    scene.apply(&scene.document("kayo", |document| document["people"]["when_unknown"] = json!("nothing"))).await;
    assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied");
    let stranger = json!({"id": "p2", "email": "grace@example.org", "last_name": "Hopper", "company": "Navy"});
    assert_eq!(meet(&scene, &kayo, "e2", 10, stranger).await, "unchanged");
    let contact = scene.records("Contact").remove(0);
    assert_eq!((scene.records("Contact").len(), scene.records("Lead").len(), whom(&scene)), (1, 0, vec![contact["Id"].clone()]));
    assert_eq!(contact["Title"], Value::Null, "the contact's fields are not ours to write");
}

/// The integration user does not see the field. Who brings a value for it waits, everybody else goes on; with the permission
/// the rest follows within a day.
#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_field_stops_only_those_who_have_a_value_for_it_until_the_permission_is_given() {
    let rule = |access| FieldRule { sobject: "Lead".to_owned(), field: "Phone".to_owned(), who: Who::Everyone, access };
    let (scene, kayo) = of_seed(Seed { field_security: vec![rule(FieldAccess::Hidden)], ..Seed::demo() }).await;
    assert_eq!(meet(&scene, &kayo, "e1", 10, ada("phone", "0102030405")).await, "parked");
    assert_eq!(problem(&scene, &kayo, "e1").await, ("field_missing".to_owned(), vec!["Phone".to_owned()]));
    let without = json!({"id": "p2", "email": "grace@example.org", "last_name": "Hopper", "company": "Navy"});
    assert_eq!(meet(&scene, &kayo, "e2", 10, without).await, "applied");

    scene.org().with_org(|org| org.set_field_access(&rule(FieldAccess::Edit)).unwrap());
    scene.clock.advance(SignedDuration::from_hours(24));
    scene.sweep().await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    assert!(scene.records("Lead").iter().any(|lead| lead["Phone"] == json!("0102030405")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_was_taken_out_of_a_picklist_stops_only_those_who_have_it_until_it_is_back() {
    let grade = |values: &[&str]| {
        let values = values.iter().map(|value| PicklistEntry::Text((*value).to_owned())).collect();
        let kind = CustomFieldKind::Picklist { values, restricted: true };
        CustomField { sobject: "Lead".to_owned(), name: "Grade__c".to_owned(), kind, ..CustomField::default() }
    };
    let mut seed = Seed::demo();
    seed.custom_fields.push(grade(&["Hot", "Cold"]));
    let (scene, kayo) = of_seed(seed).await;
    let document = scene.document("kayo", |document| {
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.grade", "type": "text"}));
        document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(json!({"from": "person.grade", "to": "Grade__c"}));
    });
    scene.apply(&document).await;
    assert_eq!(meet(&scene, &kayo, "e1", 10, ada("grade", "Hot")).await, "applied");
    // Passerelle learns of it from Salesforce's refusal, and from its own description from then on.
    scene.org().with_org(|org| org.change_custom_field(&grade(&["Cold"])).unwrap());
    let person = |n: usize, grade: &str| json!({"id": format!("q{n}"), "email": format!("q{n}@example.org"), "last_name": "Q", "company": "Q", "grade": grade});
    for (n, value, status) in [(2, "Hot", "parked"), (3, "Cold", "applied"), (4, "Hot", "parked")] {
        assert_eq!(meet(&scene, &kayo, &format!("e{n}"), 10, person(n, value)).await, status, "{n}: {value}");
    }
    for event in ["e2", "e4"] {
        assert_eq!(problem(&scene, &kayo, event).await, ("value_not_in_picklist".to_owned(), vec!["Grade__c".to_owned()]), "{event}");
    }
    scene.org().with_org(|org| org.change_custom_field(&grade(&["Hot", "Cold"])).unwrap());
    scene.clock.advance(SignedDuration::from_hours(24));
    scene.sweep().await;
    scene.sweep().await;
    let outcomes = scene.outcomes(&kayo, &["e1", "e2", "e3", "e4"]).await;
    assert!(outcomes.values().all(|outcome| outcome == "applied"), "{outcomes:?}");
}

/// What our user may not see is not there for us: the person gets a record of their own, even where a duplicate rule of the
/// org would object, since the rule too sees only what our user does. The check of the connection tells so beforehand.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_sharing_hides_becomes_a_duplicate_of_which_the_check_warns() {
    for (hidden, leads) in [(true, 2), (false, 1)] {
        let rule = DuplicateRule {
            name: "Same".to_owned(),
            sobject: "Lead".to_owned(),
            against: None,
            match_fields: vec!["Email".to_owned()],
            action: DuplicateAction::Block,
            message: "They are here already.".to_owned(),
            on_update: false,
        };
        let mut seed = Seed { records: vec![lead("ada@example.org")], duplicate_rules: vec![rule], ..Seed::demo() };
        if hidden {
            seed.users[0].permissions = Permissions { modify_all_data: false, view_all_data: false, ..Permissions::default() };
            seed.records[0].hidden_from.push(seed.users[0].username.clone());
        }
        let (scene, kayo) = of_seed(seed).await;
        scene.administer(|org, session| {
            let settings = json!({"Id": org.organization_id(), "DefaultLeadAccess": if hidden { "None" } else { "ReadEditTransfer" }});
            org.force(session, "Organization", settings.as_object().unwrap()).unwrap();
        });
        assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied", "hidden: {hidden}");
        let found = scene.records("Lead");
        assert_eq!((found.len(), whom(&scene)), (leads, vec![found[leads - 1]["Id"].clone()]), "hidden: {hidden}");
        assert_eq!(found[0]["Title"].is_null(), hidden, "what is hidden is not written");
        let report = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
        assert_eq!(report.findings.iter().any(|finding| finding.code == "view_all_missing"), hidden, "{report:#?}");
    }
}

/// With a key, Salesforce tells that the record is there; the event waits until we may see it. Without one, nothing tells it
/// from a deleted record.
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_record_that_becomes_hidden_is_waited_for_where_records_have_our_key() {
    for (keys, status, leads) in [(true, "parked", 1), (false, "applied", 2)] {
        let seed = if keys { Seed::demo() } else { Seed::demo().without_external_ids() };
        let (scene, kayo) = of_seed(seed).await;
        assert_eq!(meet(&scene, &kayo, "e1", 10, ada("job", "Engineer")).await, "applied");
        let first = id(&scene.records("Lead")[0]);
        scene.administer(|org, session| org.hide(first, session.user));
        assert_eq!(meet(&scene, &kayo, "e2", 11, ada("phone", "0102030405")).await, status, "keys: {keys}");
        assert_eq!(scene.records("Lead").len(), leads, "keys: {keys}");
        scene.administer(|org, _| org.show(&first));
        if keys {
            assert_eq!(problem(&scene, &kayo, "e2").await.0, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY");
            // Their next event finds the record, and what waited goes with it.
            assert_eq!(meet(&scene, &kayo, "e3", 12, ada("job", "CTO")).await, "applied");
            assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
            assert_eq!((scene.records("Lead").len(), whom(&scene)), (1, vec![json!(first.to_string()); 3]));
        }
    }
}

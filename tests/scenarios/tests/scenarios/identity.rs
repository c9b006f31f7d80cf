//! Which record is the person's: what stands in the org decides, and what was chosen is told.

use passerelle_core::domain::ids::ConnectionId;
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, record};
use salesforce_sim::{Seed, org::Conversion, seed::RecordSeed};
use serde_json::{Value, json};

/// An active connection to an org that has these records already.
async fn scene(records: Vec<RecordSeed>) -> (Scene, ConnectionId) {
    let mut seed = Seed::demo();
    seed.records.extend(records);
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    (scene, kayo)
}

/// One capture of Ada Martin, worked.
async fn meet(scene: &Scene, kayo: &ConnectionId) {
    let ada = json!({"id": "p1", "email": "Ada@example.org", "first_name": "Ada", "last_name": "Martin", "company": "ACME", "phone": "+33 1 00 00 00 00",
                     "job": "Engineer"});
    scene.accept("kayo", &capture("e1", ada)).await;
    scene.sweep().await;
    assert_eq!(scene.event(kayo, "e1").await.status, "applied");
}

fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["Id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_gets_activities_and_keeps_its_fields() {
    let (scene, kayo) = scene(vec![record("Contact", json!({"LastName": "M.", "Email": "ada@example.org"}))]).await;
    let before = scene.records("Contact");
    meet(&scene, &kayo).await;
    let mut after = scene.records("Contact");
    assert_eq!(after[0]["LastActivityDate"].take(), json!("2026-08-30"), "as Salesforce reckons it from the activity");
    assert_eq!(after, before, "nothing of the contact is written, its stamps included");
    assert_eq!(scene.records("Lead").len(), 0);
    assert_eq!(scene.records("Event")[0]["WhoId"], before[0]["Id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_updated_by_the_strategy_of_each_field() {
    let fields = json!({"LastName": "M.", "Company": "Old", "Email": "ada@example.org", "Phone": "0100000001"});
    let (scene, kayo) = scene(vec![record("Lead", fields)]).await;
    meet(&scene, &kayo).await;
    let leads = scene.records("Lead");
    assert_eq!(leads.len(), 1);
    // What a colleague wrote stays, what was blank is filled.
    let want = [("LastName", "M."), ("Company", "Old"), ("Phone", "0100000001"), ("FirstName", "Ada"), ("Title", "Engineer")];
    for (field, want) in want {
        assert_eq!(leads[0][field], json!(want), "{field}");
    }
    assert_eq!(scene.records("Event")[0]["WhoId"], leads[0]["Id"]);

    // With "overwrite the data" the platform's values win.
    scene.apply(&scene.document("kayo", |document| document["people"]["overwrite"] = json!("on"))).await;
    let ada = json!({"id": "p1", "email": "ada@example.org", "last_name": "Martin", "company": "ACME"});
    let mut later = capture("e2", ada);
    later["occurred_at"] = json!("2026-08-31T10:00:00+02:00");
    scene.accept("kayo", &later).await;
    scene.sweep().await;
    let lead = &scene.records("Lead")[0];
    assert_eq!((&lead["LastName"], &lead["Company"]), (&json!("Martin"), &json!("ACME")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_converted_lead_is_followed_to_its_contact() {
    let fields = json!({"LastName": "Martin", "Company": "ACME", "Email": "ada@example.org"});
    let lead = || record("Lead", fields.clone());
    // Converted before anybody is met, and between two meetings.
    for linked in [false, true] {
        let (scene, kayo) = scene(vec![lead()]).await;
        if linked {
            meet(&scene, &kayo).await;
        }
        let id = scene.records("Lead")[0]["Id"].as_str().unwrap().parse().unwrap();
        let converted = scene.administer(|org, session| {
            let converted = org.convert_lead(session, id, &Conversion::default()).unwrap();
            // The contact's own address is another, so that the lead alone leads to it.
            let fields = json!({"Email": "new@example.org"}).as_object().unwrap().clone();
            org.update(session, "Contact", &converted.contact.to_string(), &fields).unwrap();
            converted
        });
        if linked {
            let event = capture(
                "e2",
                json!({"id": "p1", "email": "ada@example.org", "last_name": "Martin", "company": "ACME", "mobile_phone": "0600000000"}),
            );
            scene.accept("kayo", &event).await;
            scene.sweep().await;
            scene.sweep().await;
            assert_eq!(scene.event(&kayo, "e2").await.status, "applied");
        } else {
            meet(&scene, &kayo).await;
        }
        assert_eq!((scene.records("Lead").len(), scene.records("Contact").len()), (1, 1), "linked: {linked}");
        // The activity of before moved with the conversion; those after go to the contact at once.
        let events = scene.records("Event");
        assert_eq!(events.len(), if linked { 2 } else { 1 });
        let contact = converted.contact.to_string();
        assert!(events.iter().all(|event| event["WhoId"] == json!(contact)), "{events:?}");
        assert!(scene.notes(&kayo, "e1").await.iter().any(|note| note["note"] == "converted"), "linked: {linked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_matches_the_contact_comes_first_then_the_oldest_and_the_choice_is_told() {
    let lead = || record("Lead", json!({"LastName": "Martin", "Company": "ACME", "Email": "ada@example.org"}));
    let contact = || record("Contact", json!({"LastName": "Martin", "Email": "ADA@example.org"}));

    let (leads, kayo) = scene(vec![lead(), lead()]).await;
    meet(&leads, &kayo).await;
    let (records, events) = (leads.records("Lead"), leads.records("Event"));
    let known = ids(&records);
    assert_eq!((known.len(), events[0]["WhoId"].as_str()), (2, Some(known[0])), "made in the same second, so the smaller id");
    assert_eq!(leads.notes(&kayo, "e1").await, [json!({"note": "ambiguous", "candidates": known})]);

    // Of two leads the older one, though its id is greater.
    let mut older = lead();
    older.fields.insert("CreatedDate".to_owned(), json!("2020-01-01T00:00:00Z"));
    let (aged, kayo) = scene(vec![lead(), older]).await;
    meet(&aged, &kayo).await;
    let (records, events) = (aged.records("Lead"), aged.records("Event"));
    let known = ids(&records);
    assert_eq!(events[0]["WhoId"].as_str(), Some(known[1]));
    assert_eq!(aged.notes(&kayo, "e1").await, [json!({"note": "ambiguous", "candidates": [known[1], known[0]]})]);

    // A contact wins over older leads. Nothing of it is written, and yet the choice is told.
    let (both, kayo) = scene(vec![lead(), contact(), contact()]).await;
    meet(&both, &kayo).await;
    let (leads, contacts, events) = (both.records("Lead"), both.records("Contact"), both.records("Event"));
    let candidates: Vec<&str> = ids(&contacts).into_iter().chain(ids(&leads)).collect();
    assert_eq!(events[0]["WhoId"].as_str(), Some(candidates[0]));
    assert_eq!(both.notes(&kayo, "e1").await, [json!({"note": "ambiguous", "candidates": candidates})]);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_unknown_becomes_what_the_configuration_says() {
    for (when_unknown, status, leads, contacts) in [("lead", "applied", 1, 0), ("contact", "applied", 0, 1), ("nothing", "unchanged", 0, 0)] {
        let (scene, kayo) = scene(Vec::new()).await;
        scene.apply(&scene.document("kayo", |document| document["people"]["when_unknown"] = json!(when_unknown))).await;
        let ada = json!({"id": "p1", "email": "ada@example.org", "last_name": "Martin", "company": "ACME"});
        scene.accept("kayo", &capture("e1", ada)).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "e1").await.status, status, "{when_unknown}");
        let found = (scene.records("Lead").len(), scene.records("Contact").len(), scene.records("Event").len());
        assert_eq!(found, (leads, contacts, leads + contacts), "{when_unknown}");
    }
}

fn from(id: &str, email: &str) -> Value {
    json!({"id": id, "email": email, "last_name": "Martin", "company": "ACME"})
}

/// Two people of the platform, of whom one takes over the address of the other: their records stay two, and nothing is tried for
/// ever because both would be found by the address.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_moves_from_one_person_to_another_leaves_both_their_records() {
    let (scene, kayo) = scene(Vec::new()).await;
    scene.accept("kayo", &json!([capture("a1", from("a", "a@example.org")), capture("b1", from("b", "b@example.org"))])).await;
    scene.sweep().await;
    let leads = scene.records("Lead");
    assert_eq!(leads.len(), 2);
    let mut moved = capture("a2", from("a", "b@example.org"));
    moved["occurred_at"] = json!("2026-08-31T10:00:00+02:00");
    scene.accept("kayo", &moved).await;
    scene.sweep().await;
    assert_eq!((scene.event(&kayo, "a2").await.status, scene.event(&kayo, "a2").await.attempts), ("applied".to_owned(), 1));
    let mut after = scene.records("Lead");
    after.sort_by_key(|lead| lead["Id"].as_str().map(str::to_owned));
    // The e-mail of a linked person is written by the record's id, as the rule says.
    assert_eq!(after.iter().map(|lead| lead["Email"].as_str().unwrap()).collect::<Vec<_>>(), ["b@example.org", "b@example.org"]);
    // Who comes with the address alone is the one who had it first.
    let mut anonymous = capture("b2", json!({"email": "b@example.org", "last_name": "Martin", "company": "ACME", "phone": "0102030405"}));
    anonymous["occurred_at"] = json!("2026-08-31T11:00:00+02:00");
    scene.accept("kayo", &anonymous).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "b2").await.person_pk, scene.event(&kayo, "b1").await.person_pk);
    assert_eq!(scene.records("Lead").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_id_with_a_known_address_is_the_same_person_or_waits_as_the_document_says() {
    for (same_email, status, leads) in [("one_person", "applied", 1), ("park", "parked", 1)] {
        let (scene, kayo) = scene(Vec::new()).await;
        scene.apply(&scene.document("kayo", |document| document["people"]["same_email"] = json!(same_email))).await;
        scene.accept("kayo", &capture("e1", from("badge-1", "Ada@example.org"))).await;
        scene.sweep().await;
        scene.accept("kayo", &capture("e2", from("badge-2", "ada@example.org"))).await;
        scene.sweep().await;
        let second = scene.event(&kayo, "e2").await;
        assert_eq!((second.status.as_str(), scene.records("Lead").len()), (status, leads), "{same_email}");
        let first = scene.event(&kayo, "e1").await.person_pk;
        assert_eq!(second.person_pk == first, same_email == "one_person");
        if same_email == "park" {
            let outcome = json!(second.outcome);
            assert_eq!(outcome["problem"]["code"], "same_email");
            // The second person turns out to have an address of their own: what waited goes with it.
            let mut corrected = capture("e3", from("badge-2", "grace@example.org"));
            corrected["occurred_at"] = json!("2026-08-31T10:00:00+02:00");
            scene.accept("kayo", &corrected).await;
            scene.sweep().await;
            let outcomes = scene.outcomes(&kayo, &["e1", "e2", "e3"]).await;
            assert!(outcomes.values().all(|outcome| outcome == "applied"), "{outcomes:?}");
            let emails: Vec<Value> = scene.records("Lead").iter().map(|lead| lead["Email"].clone()).collect();
            assert_eq!(emails, ["Ada@example.org", "grace@example.org"].map(|email| json!(email)));
            assert_eq!(scene.records("Event").len(), 3);
        }
    }
}

/// Somebody without an address is known by the platform's id alone: created once, and found again by the link.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_without_an_address_is_known_by_the_platforms_id() {
    let (scene, kayo) = scene(Vec::new()).await;
    let anonymous = |id: &str, minute: u8, job: &str| {
        let mut event = capture(id, json!({"id": "badge-7", "last_name": "Martin", "company": "ACME", "job": job}));
        event["occurred_at"] = json!(format!("2026-08-30T10:{minute:02}:00+02:00"));
        event
    };
    for (id, minute, job) in [("e1", 1, ""), ("e2", 2, "CTO")] {
        scene.accept("kayo", &anonymous(id, minute, job)).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, id).await.status, "applied", "{id}");
    }
    let leads = scene.records("Lead");
    assert_eq!((leads.len(), &leads[0]["Title"], scene.records("Event").len()), (1, &json!("CTO"), 2));
}

/// Updating is allowed for leads and for contacts, each by its own switch.
#[tokio::test(flavor = "multi_thread")]
async fn each_object_has_its_own_switch_for_updates() {
    for (object, switch) in [("Lead", "update_leads"), ("Contact", "update_contacts")] {
        for (allowed, title) in [("on", json!("Engineer")), ("off", Value::Null)] {
            let mut fields = json!({"LastName": "M.", "Email": "ada@example.org"});
            if object == "Lead" {
                fields["Company"] = json!("Old");
            }
            let (scene, kayo) = scene(vec![record(object, fields)]).await;
            scene.apply(&scene.document("kayo", |document| document["people"][switch] = json!(allowed))).await;
            meet(&scene, &kayo).await;
            let found = scene.records(object);
            assert_eq!((found.len(), &found[0]["Title"], scene.records("Event").len()), (1, &title, 1), "{object} {allowed}");
        }
    }
}

/// Event apps issue a new id per event. However many come, what is recorded at once is what one transaction takes.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_with_a_new_id_for_every_event_stays_one_person() {
    let (scene, kayo) = scene(Vec::new()).await;
    let ids = |round: usize| (0..60).map(|n| format!("e{round}-{n:02}")).collect::<Vec<_>>();
    for round in 0..2 {
        let events: Vec<Value> = ids(round).iter().map(|id| capture(id, from(&format!("badge-{id}"), "ada@example.org"))).collect();
        scene.accept("kayo", &json!(events)).await;
        scene.sweep().await;
        scene.sweep().await;
        let ids = ids(round);
        let outcomes = scene.outcomes(&kayo, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert!(outcomes.values().all(|outcome| outcome == "applied"), "{round}: {outcomes:?}");
    }
    assert_eq!((scene.records("Lead").len(), scene.records("Event").len()), (1, 120));
}

//! inwink: people who register for an event and come to it.

use passerelle_scenarios::{Scene, record};
use serde_json::{Value, json};

const PRESET: &str = include_str!("../../../../infra/presets/inwink.yaml");

/// The preset with what the customer fills in: the event, its campaign, and the campaign's two statuses.
fn document(scene: &Scene, change: impl Fn(&mut Value)) -> Value {
    scene.document_of(PRESET, "kayo", |document| {
        document["projects"]["list"] = json!({"ev-1": {"name": "Notre salon", "campaign": {"name": " salon du Bourget "}}});
        document["campaigns"]["order"] = json!(["Invité", "Rencontré"]);
        for (workflow, status) in [(0, "Invité"), (1, "Rencontré")] {
            document["workflows"][workflow]["actions"][1]["campaign_member"]["status"] = json!(status);
        }
        change(document);
    })
}

fn registration(id: &str) -> Value {
    json!({"id": id, "type": "registered", "occurred_at": "2026-08-30T10:00:00+02:00", "project": {"id": "ev-1"},
           "person": {"id": "p1", "email": "lea@example.org", "first_name": "Léa", "last_name": "Roux", "company": "Roux SA", "job": "Achats"}})
}

/// By default first name, last name, e-mail, job and, on leads alone, company.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_registers_becomes_a_lead_or_a_contact_as_the_switch_says() {
    for (when_unknown, object) in [("lead", "Lead"), ("contact", "Contact")] {
        let (scene, inwink) = Scene::of_preset(PRESET, vec![], vec![]).await;
        scene.apply(&document(&scene, |document| document["people"]["when_unknown"] = json!(when_unknown))).await;
        scene.accept("kayo", &registration("r1")).await;
        scene.sweep().await;
        assert_eq!(scene.event(&inwink, "r1").await.status, "applied", "{when_unknown}");
        let found = scene.records(object);
        let mut want = vec![("Name", "Léa Roux"), ("Email", "lea@example.org"), ("Title", "Achats")];
        want.extend((object == "Lead").then_some(("Company", "Roux SA")));
        assert!(want.iter().all(|(field, value)| found[0][*field] == json!(value)), "{found:?}");
        assert_eq!(scene.records("Lead").len() + scene.records("Contact").len(), 1);
        // No account comes of a company, and nothing is written beside the person.
        assert_eq!((scene.records("Account").len(), scene.records("Event").len()), (0, 0));
    }
}

/// The check is on the e-mail address; the switch says whether what is there is brought up to date.
#[tokio::test(flavor = "multi_thread")]
async fn somebody_known_is_updated_only_where_that_is_allowed() {
    for (allowed, title) in [("on", "Achats"), ("off", "Old title")] {
        let known = record("Contact", json!({"LastName": "Roux", "Email": "LEA@example.org", "Title": "Old title"}));
        let (scene, _) = Scene::of_preset(PRESET, vec![], vec![known]).await;
        scene.apply(&document(&scene, |document| document["people"]["update_contacts"] = json!(allowed))).await;
        scene.accept("kayo", &registration("r1")).await;
        scene.sweep().await;
        let contacts = scene.records("Contact");
        assert_eq!((contacts.len(), &contacts[0]["Title"], scene.records("Lead").len()), (1, &json!(title), 0), "{allowed}");
    }
}

/// "As soon as somebody is registered, they appear in the campaign with this status", and with the other one once they have come.
#[tokio::test(flavor = "multi_thread")]
async fn who_registers_and_comes_is_a_member_of_the_events_campaign() {
    let (scene, inwink) = Scene::of_preset(PRESET, vec![], vec![]).await;
    scene.apply(&document(&scene, |_| {})).await;
    let mut came = registration("a1");
    (came["type"], came["occurred_at"]) = (json!("attended"), json!("2026-08-31T10:00:00+02:00"));
    let mut statuses = Vec::new();
    for event in [registration("r1"), came, registration("r2")] {
        scene.accept("kayo", &event).await;
        scene.sweep().await;
        assert_eq!(scene.event(&inwink, event["id"].as_str().unwrap()).await.status, "applied");
        let members = scene.records("CampaignMember");
        assert_eq!((members.len(), &members[0]["LeadId"]), (1, &scene.records("Lead")[0]["Id"]));
        statuses.push(members[0]["Status"].clone());
    }
    assert_eq!(statuses, ["Invité", "Rencontré", "Rencontré"]);
}

/// "Check for typing errors, or a space too many": the near name is told, and an event without a campaign waits for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_is_not_found_is_told_with_the_name_that_is_like_it() {
    for (campaign, code, told) in
        [(json!({"name": "Salon du Bourgt"}), "campaign_not_found", "Salon du Bourget"), (Value::Null, "no_campaign", "campagne")]
    {
        let (scene, inwink) = Scene::of_preset(PRESET, vec![], vec![]).await;
        scene
            .apply(&document(&scene, |document| {
                document["projects"]["list"]["other"] = json!({"name": "Other", "campaign": {"name": "Salon du Bourget"}});
                document["projects"]["list"]["ev-1"] = json!({"name": "Notre salon", "campaign": campaign});
            }))
            .await;
        scene.accept("kayo", &registration("r1")).await;
        scene.sweep().await;
        let outcome = json!(scene.event(&inwink, "r1").await.outcome);
        assert_eq!(outcome["problem"]["code"], code, "{outcome}");
        assert!(outcome["problem"]["message"].as_str().unwrap().contains(told), "{outcome}");
    }
}

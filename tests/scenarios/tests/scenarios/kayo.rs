//! KAYO's own example, field by field, in the zone Europe/Paris.

use passerelle_scenarios::Scene;
use serde_json::{Value, json};

/// The demonstration's first two events are KAYO's.
const EVENTS: &str = r#"{"events": [
  {"id": "kayo-capture-1", "type": "contact_captured", "occurred_at": "2021-06-17T17:48:00+02:00",
   "person": {"id": "kayo-1", "email": "j.bon@kayo.fr", "first_name": "Valentin", "last_name": "Dumontier", "company": "KAYO SAS"},
   "project": {"id": "salon-du-bourget", "name": "Salon du Bourget"}, "collaborator": {"email": "technique@kayo.fr"},
   "data": {"documents": 1}},
  {"id": "kayo-consultation-1", "type": "document_viewed", "occurred_at": "2021-07-26T17:44:40+02:00",
   "person": {"id": "kayo-1", "email": "j.bon@kayo.fr"},
   "project": {"id": "salon-du-bourget", "name": "Salon du Bourget"}, "collaborator": {"email": "technique@kayo.fr"},
   "data": {"document": {"title": "ALPINE Brochure 360x500 MEL", "file": "ALPINE BROCHURE 360X500 MEL (PDF)"},
            "ended_at": "2021-07-26T17:45:00+02:00",
            "pages": [{"number": 1, "seconds": 1}, {"number": 2, "seconds": 1}, {"number": 3, "seconds": 1},
                      {"number": 4, "seconds": 1}, {"number": 5, "seconds": 16, "best": true}]}}
]}"#;

/// Minutes as people in Paris read them.
fn paris(value: &Value) -> String {
    let at = jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", value.as_str().unwrap()).unwrap();
    at.in_tz("Europe/Paris").unwrap().strftime("%Y-%m-%d %H:%M").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lead_and_its_two_events_are_those_of_the_document() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.accept("kayo", &serde_json::from_str(EVENTS).unwrap()).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "kayo-consultation-1").await.status, "applied");

    let leads = scene.records("Lead");
    assert_eq!(leads.len(), 1);
    let lead = &leads[0];
    for (field, want) in [("Name", "Valentin Dumontier"), ("Company", "KAYO SAS"), ("Email", "j.bon@kayo.fr")] {
        assert_eq!(lead[field], json!(want));
    }

    let users = scene.records("User");
    let technique = users.iter().find(|user| user["Email"] == json!("technique@kayo.fr")).unwrap();
    let events = scene.records("Event");
    assert_eq!(events.len(), 2);
    let of = |subject: &str| events.iter().find(|event| event["Subject"] == json!(subject)).unwrap_or_else(|| panic!("{events:?}"));

    let capture = of("[KAYO] Capture sur Salon du Bourget");
    assert_eq!((paris(&capture["StartDateTime"]), paris(&capture["EndDateTime"])), ("2021-06-17 17:48".into(), "2021-06-17 17:48".into()));
    assert_eq!(capture["Type"], json!("Première rencontre et saisie des informations"));
    assert_eq!(capture["Description"], json!("Capturé avec 1 documents dans son panier"));

    let consultation = of("[KAYO] Consultation du document ALPINE Brochure 360x500 MEL");
    assert_eq!((paris(&consultation["StartDateTime"]), paris(&consultation["EndDateTime"])), ("2021-07-26 17:44".into(), "2021-07-26 17:45".into()));
    assert_eq!(consultation["Type"], json!("Consultation d'un document"));
    let description = "ALPINE BROCHURE 360X500 MEL (PDF)\n\n- Page 1 : 1 seconde(s)\n- Page 2 : 1 seconde(s)\n- Page 3 : 1 seconde(s)\n\
                       - Page 4 : 1 seconde(s)\n- Page 5 : 16 seconde(s) BEST\n\nDocument collecté sur Salon du Bourget";
    assert_eq!(consultation["Description"], json!(description));

    for event in [capture, consultation] {
        assert_eq!(event["WhoId"], lead["Id"]);
        assert_eq!(event["OwnerId"], technique["Id"]);
        assert_eq!(event["IsReminderSet"], json!(false));
    }
}

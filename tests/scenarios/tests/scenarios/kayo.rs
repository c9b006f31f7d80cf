//! KAYO's own example, field by field, in the zone Europe/Paris.

use passerelle_scenarios::Scene;
use serde_json::{Value, json};

/// What the demonstration begins with.
const EVENTS: &str = include_str!("../../../../infra/cli/src/demo/kayo.json");

/// Minutes as people in Paris read them.
fn french(value: &Value) -> String {
    let at = jiff::Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", value.as_str().unwrap()).unwrap();
    at.in_tz("Europe/Paris").unwrap().strftime("%d/%m/%Y %H:%M").to_string()
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
    assert_eq!((french(&capture["StartDateTime"]), french(&capture["EndDateTime"])), ("17/06/2021 17:48".into(), "17/06/2021 17:48".into()));
    assert_eq!(capture["Type"], json!("Première rencontre et saisie des informations"));
    assert_eq!(capture["Description"], json!("Capturé avec 1 documents dans son panier"));

    let consultation = of("[KAYO] Consultation du document ALPINE Brochure 360x500 MEL");
    assert_eq!(
        (french(&consultation["StartDateTime"]), french(&consultation["EndDateTime"])),
        ("26/07/2021 17:44".into(), "26/07/2021 17:45".into())
    );
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

/// KAYO's document beside the project, white space folded; `None` where it is absent.
fn document() -> Option<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seeds");
    let texts = std::fs::read_dir(folder).ok()?.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    let text = texts.into_iter().find(|text| text.contains("[KAYO] Capture sur"))?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_salesforce_stands_in_kayos_document() {
    let Some(document) = document() else {
        eprintln!("Skipped: KAYO's own document is not beside this project.");
        return;
    };
    let scene = Scene::new().await;
    scene.active("kayo").await;
    scene.accept("kayo", &serde_json::from_str(EVENTS).unwrap()).await;
    scene.sweep().await;
    let (lead, users) = (&scene.records("Lead")[0], scene.records("User"));
    let stands = |line: String| assert!(document.contains(&line), "KAYO's document has no «{line}».");
    stands(format!("**{}** Company: {}", lead["Name"].as_str().unwrap(), lead["Company"].as_str().unwrap()));
    stands(format!("Email: [{}]", lead["Email"].as_str().unwrap()));
    let events = scene.records("Event");
    assert_eq!(events.len(), 2);
    for event in &events {
        let text = |field: &str| event[field].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        let owner = users.iter().find(|user| user["Id"] == event["OwnerId"]).unwrap();
        stands(format!("Subject {} Assigned To <a href=\"#\">{}</a>", text("Subject"), owner["Name"].as_str().unwrap()));
        stands(format!("Start {} End {}", french(&event["StartDateTime"]), french(&event["EndDateTime"])));
        stands(format!("Type {} Description {}", text("Type"), text("Description")));
    }
}

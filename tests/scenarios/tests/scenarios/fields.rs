//! The custom fields that a document needs: listed, made, and written as a project to deploy.

use std::{collections::BTreeSet, path::PathBuf};

use passerelle_core::{
    app::{
        fields::{self, FieldsError, Reload},
        tokens::SessionCache,
    },
    domain::{
        config::parse_document,
        mapping::FieldMaps,
        properties::{Property, needed},
        sfdx::project,
    },
};
use passerelle_local::Switch;
use passerelle_scenarios::{KAYO, Scene, capture, person};
use salesforce_sim::{Seed, seed::Permissions};
use serde_json::json;

const FIELD: &str = "kayo_last_audio_duration__c";

fn bare() -> Seed {
    Seed { custom_fields: Vec::new(), ..Seed::demo() }
}

fn names(properties: &[Property]) -> Vec<String> {
    properties.iter().map(|property| format!("{}.{}", property.object, property.name)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_org_lacks_is_made_with_its_permission_and_written_at_once() {
    let scene = Scene::with(bare(), Switch::Off).await;
    let (kayo, sessions) = (scene.active("kayo").await, SessionCache::default());
    let found = fields::list(scene.stack.ports(), &sessions, &kayo, Reload::No).await.unwrap();
    let want = ["Activity.Passerelle_Id__c", "Contact.kayo_last_audio_duration__c", "Lead.Passerelle_Id__c", "Lead.kayo_last_audio_duration__c"];
    assert_eq!((names(&found.needed), names(&found.lacking)), (want.map(str::to_owned).to_vec(), want.map(str::to_owned).to_vec()));
    assert_eq!(found.lacking[3].label, "Dernier document audio consulté (temps…");

    let (made, after) = fields::create(scene.stack.ports(), &sessions, &kayo).await.unwrap();
    assert_eq!((names(&made), after.lacking), (found.lacking.iter().map(|p| format!("{}.{}", p.object, p.name)).collect(), Vec::new()));
    // Nothing is left to do, and asking again does nothing.
    let (made, _) = fields::create(scene.stack.ports(), &sessions, &kayo).await.unwrap();
    assert!(made.is_empty());
    assert_eq!((scene.records("PermissionSet").len(), scene.records("FieldPermissions").len()), (1, 5));

    let mut event = capture("e1", person(1));
    event["data"]["last_audio_duration"] = json!("3 min");
    scene.accept("kayo", &event).await;
    scene.sweep().await;
    assert_eq!(scene.records("Lead")[0][FIELD], json!("3 min"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_there_and_hidden_gets_the_permission_alone() {
    let mut seed = Seed::demo();
    for field in seed.custom_fields.iter_mut().filter(|field| field.name == FIELD) {
        field.access = salesforce_sim::seed::FieldAccess::Hidden;
    }
    let scene = Scene::with(seed, Switch::Off).await;
    let (kayo, sessions) = (scene.connect("kayo").await, SessionCache::default());
    let (made, after) = fields::create(scene.stack.ports(), &sessions, &kayo).await.unwrap();
    assert_eq!((names(&made).len(), after.lacking.len()), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_not_make_fields_is_told_so() {
    let mut seed = bare();
    seed.users[0].permissions = Permissions { customize_application: false, ..Permissions::default() };
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.connect("kayo").await;
    let refused = fields::create(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap_err();
    assert!(matches!(refused, FieldsError::Refused { ref code, .. } if code == "INSUFFICIENT_ACCESS"), "{refused:?}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/salesforce")
}

#[test]
fn the_committed_project_is_that_of_kayos_preset() {
    let document = parse_document(&serde_norway::from_str(KAYO).unwrap()).unwrap();
    let maps = FieldMaps::compile(&document).unwrap();
    let needed = needed(&document, &maps);
    let cure = "It is stale: cargo run -- fields --document infra/presets/kayo.yaml --sfdx infra/salesforce";
    let mut wanted = BTreeSet::new();
    for file in project(&document, &maps, &needed, &needed) {
        let path = root().join(&file.path);
        assert!(std::fs::read_to_string(&path).unwrap_or_default() == file.text, "{}. {cure}", file.path);
        wanted.insert(path);
    }
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => assert!(wanted.contains(&path), "{} is no part of it. {cure}", path.display()),
            }
        }
    }
}

#[test]
fn the_project_is_well_formed_and_says_what_salesforce_needs() {
    let mut document: serde_json::Value = serde_norway::from_str(KAYO).unwrap();
    document["platform"]["attributes"][8]["label"]["fr"] = json!("R & D <audio> d'un \"stand\", écouté sur place le jour même");
    let document = parse_document(&document).unwrap();
    let maps = FieldMaps::compile(&document).unwrap();
    let needed = needed(&document, &maps);
    let files = project(&document, &maps, &needed, &needed);
    let text = |end: &str| files.iter().find(|file| file.path.ends_with(end)).unwrap().text.as_str();
    for file in files.iter().filter(|file| file.path.ends_with(".xml")) {
        let parsed = roxmltree::Document::parse(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        assert_eq!(parsed.root_element().tag_name().namespace(), Some("http://soap.sforce.com/2006/04/metadata"));
    }
    serde_json::from_str::<serde_json::Value>(text("sfdx-project.json")).unwrap();

    let field = roxmltree::Document::parse(text("Lead/fields/kayo_last_audio_duration__c.field-meta.xml")).unwrap();
    let child = |name: &str| {
        field.root_element().children().find(|node| node.has_tag_name(("http://soap.sforce.com/2006/04/metadata", name))).and_then(|node| node.text())
    };
    assert_eq!(child("fullName"), Some(FIELD));
    assert_eq!(child("description"), Some("R & D <audio> d'un \"stand\", écouté sur place le jour même"));
    assert!(child("label").unwrap().chars().count() <= 40);
    assert_eq!((child("type"), child("length")), (Some("Text"), Some("255")));

    let set = roxmltree::Document::parse(text("Passerelle_Sync.permissionset-meta.xml")).unwrap();
    let of = |group: &str, name: &str| -> BTreeSet<String> {
        let groups = set.root_element().children().filter(|node| node.tag_name().name() == group);
        groups
            .flat_map(|node| node.children())
            .filter(|node| node.tag_name().name() == name)
            .filter_map(|node| node.text())
            .map(str::to_owned)
            .collect()
    };
    let fields = of("fieldPermissions", "field");
    for field in
        ["Lead.kayo_last_audio_duration__c", "Contact.kayo_last_audio_duration__c", "Event.Passerelle_Id__c", "Task.Passerelle_Id__c", "Lead.Email"]
    {
        assert!(fields.contains(field), "{field}: {fields:?}");
    }
    // Salesforce refuses permissions on fields that everybody has.
    assert!(!fields.contains("Lead.LastName") && !fields.contains("Lead.Company"));
    assert_eq!(of("objectPermissions", "object"), ["Account", "Contact", "Lead"].map(str::to_owned).into());
    assert!(of("userPermissions", "name").contains("ApiEnabled"));
}

/// One custom field of each type: what the Metadata API wants of it, in its order. Source: Metadata API Developer Guide, CustomField.
#[test]
fn each_type_of_field_says_what_salesforce_needs_of_it() {
    let label = "Une question dont le texte est bien plus long que ce qu'une étiquette peut porter";
    let types = [
        ("text", "Text", vec!["length"]),
        ("long_text", "LongTextArea", vec!["length", "visibleLines"]),
        ("email", "Email", vec![]),
        ("phone", "Phone", vec![]),
        ("url", "Url", vec![]),
        ("integer", "Number", vec!["precision", "scale"]),
        ("number", "Number", vec!["precision", "scale"]),
        ("boolean", "Checkbox", vec!["defaultValue"]),
        ("date", "Date", vec![]),
        ("datetime", "DateTime", vec![]),
        ("time", "Time", vec![]),
        ("select", "Text", vec!["length"]),
        ("multi_select", "LongTextArea", vec!["length", "visibleLines"]),
    ];
    let mut document: serde_json::Value = serde_norway::from_str(KAYO).unwrap();
    for (kind, ..) in &types {
        let attribute = json!({"name": format!("person.own_{kind}"), "type": kind, "label": {"fr": label}});
        document["platform"]["attributes"].as_array_mut().unwrap().push(attribute);
        let rule = json!({"from": format!("person.own_{kind}"), "to": format!("own_{kind}__c")});
        document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule);
    }
    let document = parse_document(&document).unwrap();
    let maps = FieldMaps::compile(&document).unwrap();
    let needed = needed(&document, &maps);
    let files = project(&document, &maps, &needed, &needed);
    for (kind, want, sizes) in types {
        let path = format!("objects/Lead/fields/own_{kind}__c.field-meta.xml");
        let text = &files.iter().find(|file| file.path.ends_with(&path)).unwrap_or_else(|| panic!("{path}")).text;
        let parsed = roxmltree::Document::parse(text).unwrap();
        let elements: Vec<(&str, &str)> =
            parsed.root_element().children().filter(|node| node.is_element()).map(|node| (node.tag_name().name(), node.text().unwrap())).collect();
        let names: Vec<&str> = elements.iter().map(|(name, _)| *name).collect();
        let mut wanted = vec!["description", "label", "type"];
        wanted.extend(&sizes);
        wanted.sort_unstable();
        wanted.insert(0, "fullName");
        assert_eq!(names, wanted, "{kind}: the name first, then in the order of the alphabet");
        let value = |name: &str| elements.iter().find(|(own, _)| *own == name).map(|(_, text)| *text).unwrap();
        assert_eq!((value("fullName"), value("type"), value("description")), (format!("own_{kind}__c").as_str(), want, label));
        assert!(value("label").chars().count() <= 40 && label.starts_with(value("label").trim_end_matches('…')), "{kind}: {}", value("label"));
        for size in sizes.iter().filter(|size| **size != "defaultValue") {
            assert!(value(size).parse::<u32>().is_ok(), "{kind}: {size}");
        }
    }
}

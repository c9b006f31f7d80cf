use super::*;
use crate::seed::CustomObject;

/// The timeline object of a marketing automation, which refers to leads and contacts.
fn with_timeline() -> Seed {
    let field = |name: &str, kind| CustomField { sobject: "mautic_timeline__c".to_owned(), name: name.to_owned(), kind, ..CustomField::default() };
    let lookup = |to: &str| CustomFieldKind::Lookup { to: to.to_owned(), relationship: Some("Timelines".to_owned()) };
    let mut seed = seed();
    seed.custom_objects.push(CustomObject { name: "mautic_timeline__c".to_owned(), label: "Timeline".to_owned(), ..CustomObject::default() });
    seed.custom_fields.extend([
        CustomField { external_id: true, unique: true, ..field("ReferenceId__c", CustomFieldKind::Text { length: 255 }) },
        field("WhoId__c", lookup("Lead")),
        field("Description__c", CustomFieldKind::LongTextArea { length: 131_072 }),
    ]);
    seed
}

#[test]
fn records_of_a_custom_object_are_owned_named_and_found_by_their_key() {
    let mut bench = Bench::with(&with_timeline());
    let lead = bench.lead("A");
    let s = bench.session();
    let fields = json!({"WhoId__c": lead, "Description__c": "x".repeat(40_000)});
    let made = bench.org.upsert(&s, "mautic_timeline__c", "ReferenceId__c", "r1", fields.as_object().unwrap(), false).unwrap();
    assert!(made.id.as_str().starts_with("a00"));
    let record = bench.get("mautic_timeline__c", made.id);
    assert_eq!((&record["Name"], &record["OwnerId"], &record["WhoId__c"]), (&json!(made.id), &json!(s.user), &json!(lead)));
    let again = bench.org.upsert(&s, "MAUTIC_TIMELINE__C", "ReferenceId__c", "R1", json!({"Name": "n"}).as_object().unwrap(), false).unwrap();
    assert_eq!((again.id, again.created, &bench.get("mautic_timeline__c", made.id)["Name"]), (made.id, false, &json!("n")));
    let account = bench.make("Account", json!({"Name": "A"}));
    let wrong = bench.create("mautic_timeline__c", json!({"WhoId__c": account}));
    assert_eq!(codes(wrong), ["MALFORMED_ID"]);
}

#[test]
fn names_and_prefixes_that_cannot_be_are_refused() {
    let named =
        |name: &str, prefix: Option<&str>| CustomObject { name: name.to_owned(), prefix: prefix.map(str::to_owned), ..CustomObject::default() };
    for (objects, fits) in [
        (vec![named("A__c", None), named("B__c", None)], true),
        (vec![named("A__c", Some("a0K")), named("B__c", None)], true),
        (vec![named("A", None)], false),
        (vec![named("A__c", None), named("a__C", None)], false),
        (vec![named("A__c", Some("00Q"))], false),
        (vec![named("A__c", Some("a1")), named("B__c", None)], false),
        (vec![named("A__c", Some("a00")), named("B__c", Some("a00"))], false),
    ] {
        let seed = Seed { custom_objects: objects.clone(), ..seed() };
        let clock = ManualClock::new("2026-11-23T08:00:00Z".parse().unwrap());
        assert_eq!(Org::from_seed(&seed, Arc::new(clock)).is_ok(), fits, "{objects:?}");
    }
}

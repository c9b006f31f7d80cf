use super::*;
use crate::seed::{AssignmentRule, DuplicateAction, DuplicateRule, QueueSeed, Rewrite, RewriteKind, ValidationRule};

#[test]
fn validation_rules_refuse_with_their_text() {
    let mut seed = seed();
    seed.validation_rules = vec![ValidationRule {
        sobject: "Lead".to_owned(),
        condition: "Score__c > 1000".to_owned(),
        message: "The score is too high.".to_owned(),
        field: Some("Score__c".to_owned()),
    }];
    let mut bench = Bench::with(&seed);
    let id = bench.lead("A");
    let errors = bench.update("Lead", id, json!({"Score__c": 5000})).unwrap_err();
    assert_eq!(
        errors[0].to_json(),
        json!({"message": "The score is too high.", "errorCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "fields": ["Score__c"]})
    );
    bench.update("Lead", id, json!({"Score__c": 1000})).unwrap();
}

#[test]
fn automation_rewrites_what_is_sent() {
    let mut seed = seed();
    let rewrite = |field: &str, kind| Rewrite { sobject: "Lead".to_owned(), field: field.to_owned(), kind };
    seed.rewrites = vec![rewrite("LastName", RewriteKind::Upper), rewrite("Phone", RewriteKind::PhoneFr)];
    let mut bench = Bench::with(&seed);
    let id = bench.make("Lead", json!({"LastName": "Dupont", "Company": "B", "Phone": "0612345678"}));
    let lead = bench.get("Lead", id);
    assert_eq!((&lead["Name"], &lead["Phone"]), (&json!("DUPONT"), &json!("+33 6 12 34 56 78")));
}

#[test]
fn duplicates_are_held_up_until_the_caller_insists() {
    let mut seed = seed();
    let duplicates = |action| DuplicateRule {
        name: "Standard_Contact_Duplicate_Rule".to_owned(),
        sobject: "Contact".to_owned(),
        against: None,
        match_fields: vec!["Email".to_owned(), "LastName".to_owned()],
        action,
        message: "Use one of these records?".to_owned(),
        on_update: false,
    };
    let fields = json!({"LastName": "Dupont", "Email": "d@x.example"});
    for (action, allow_save, refused) in [
        (DuplicateAction::Alert, false, true),
        (DuplicateAction::Alert, true, false),
        (DuplicateAction::Block, true, true),
        (DuplicateAction::Report, false, false),
    ] {
        seed.duplicate_rules = vec![duplicates(action)];
        let mut bench = Bench::with(&seed);
        let first = bench.make("Contact", fields.clone());
        let mut s = bench.session();
        s.duplicates.allow_save = allow_save;
        let again = json!({"LastName": "DUPONT", "Email": "D@x.example"});
        let saved = bench.org.create(&s, "Contact", again.as_object().unwrap());
        assert_eq!(saved.is_err(), refused, "{action:?} {allow_save}");
        if let Err(errors) = saved {
            let error = errors[0].to_json();
            assert_eq!(error["errorCode"], "DUPLICATES_DETECTED");
            assert_eq!(error["message"], "Use one of these records?");
            let result = &error["duplicateResut"];
            assert_eq!(result["allowSave"], action == DuplicateAction::Alert);
            let record = &result["matchResults"][0]["matchRecords"][0]["record"];
            assert_eq!(record["Id"], json!(first));
        }
        bench.make("Contact", json!({"LastName": "Dupont"}));
    }
}

#[test]
fn the_assignment_rule_chooses_the_owner_unless_it_is_switched_off() {
    let mut seed = seed();
    seed.queues = vec![QueueSeed { name: "Q".to_owned(), developer_name: "Q1".to_owned(), id: None }];
    seed.assignment_rules =
        vec![AssignmentRule { sobject: "Lead".to_owned(), condition: Some("Company = 'Kayo'".to_owned()), owner: "Q1".to_owned() }];
    let mut bench = Bench::with(&seed);
    let queue = bench.org.seed_owner("Q1").unwrap();
    let mut s = bench.session();
    let fields = json!({"LastName": "A", "Company": "Kayo", "OwnerId": bench.user});
    for (auto, owner) in [(true, queue), (false, bench.user)] {
        s.auto_assign = auto;
        let id = bench.org.create(&s, "Lead", fields.as_object().unwrap()).unwrap();
        assert_eq!(bench.get("Lead", id)["OwnerId"], json!(owner));
    }
    let other = bench.lead("B");
    let user = bench.user;
    assert_eq!(bench.get("Lead", other)["OwnerId"], json!(user));
}

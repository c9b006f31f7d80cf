use super::*;

fn upsert(bench: &mut Bench, field: &str, key: &str, fields: Value) -> Result<Upserted, UpsertError> {
    let s = bench.session();
    bench.org.upsert(&s, "Lead", field, key, fields.as_object().unwrap(), false)
}

fn lead() -> Value {
    json!({"LastName": "A", "Company": "B"})
}

#[test]
fn the_first_makes_and_the_second_changes() {
    let mut bench = Bench::new();
    let first = upsert(&mut bench, "Ext__c", "e1", lead()).unwrap();
    assert!(first.created);
    // The key is looked up without letter case, and stays as it was first written.
    let second = upsert(&mut bench, "ext__C", "E1", json!({"Title": "x"})).unwrap();
    assert_eq!((second.id, second.created), (first.id, false));
    let lead = bench.get("Lead", first.id);
    assert_eq!((&lead["Ext__c"], &lead["Title"]), (&json!("e1"), &json!("x")));
}

#[test]
fn keys_with_any_characters() {
    let mut bench = Bench::new();
    let key = "a/b ?#%+é";
    let made = upsert(&mut bench, "Ext__c", key, lead()).unwrap();
    let s = bench.session();
    let found = bench.org.retrieve_by(&s, "Lead", "Ext__c", key, None).unwrap();
    assert_eq!(found["Id"], json!(made.id));
    assert_eq!(found["Ext__c"], key);
}

#[test]
fn several_matches_write_nothing() {
    let mut bench = Bench::new();
    let ids: Vec<Id> =
        ["A", "B"].map(|name| bench.make("Lead", json!({"LastName": name, "Company": "C", "NonU__c": "d", "Email": "m@x.example"}))).to_vec();
    for (field, key) in [("NonU__c", "d"), ("Email", "M@X.example")] {
        let error = upsert(&mut bench, field, key, json!({"Title": "x"})).unwrap_err();
        assert_eq!(error, UpsertError::Many(ids.clone()));
    }
    assert_eq!(bench.get("Lead", ids[0])["Title"], json!(null));
}

#[test]
fn refusals() {
    let mut bench = Bench::new();
    let taken = bench.make("Lead", json!({"LastName": "T", "Company": "C", "Ext__c": "taken"}));
    let cases = [
        ("Title", "x", lead(), 404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Title"),
        ("Nope__c", "x", lead(), 404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Nope__c"),
        ("Ext__c", "x", json!({"Ext__c": "x"}), 400, "INVALID_FIELD", "The Ext__c field should not be specified in the sobject data."),
        ("Ext__c", "x", json!({"LastName": "A"}), 400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Company]"),
        (
            "Id",
            taken.as_str(),
            json!({"Ext__c": 5}),
            400,
            "JSON_PARSER_ERROR",
            "Cannot deserialize instance of string from VALUE_NUMBER_INT value 5 or request may be missing a required field at [line:1, column:1]",
        ),
    ];
    for (field, key, fields, status, code, message) in cases {
        let Err(UpsertError::Errors(errors)) = upsert(&mut bench, field, key, fields) else {
            panic!("{field} {key}");
        };
        assert_eq!((errors[0].status, errors[0].code.as_str(), errors[0].message.as_str()), (status, code, message));
    }
    let s = bench.session();
    let only = bench.org.upsert(&s, "Lead", "Ext__c", "e9", lead().as_object().unwrap(), true);
    assert_eq!(only, Err(ApiError::not_found().into()));
    assert_eq!(bench.org.count("Lead").unwrap(), 1);
}

#[test]
fn by_id_it_makes_or_changes() {
    let mut bench = Bench::new();
    let made = upsert(&mut bench, "Id", "", lead()).unwrap();
    assert!(made.created);
    let changed = upsert(&mut bench, "Id", made.id.as_str(), json!({"Title": "x"})).unwrap();
    assert_eq!((changed.id, changed.created), (made.id, false));
}

#[test]
fn unique_values_name_the_other_record() {
    let mut bench = Bench::new();
    let first = bench.make("Lead", json!({"LastName": "A", "Company": "B", "Ext__c": "Key"}));
    let errors = bench.create("Lead", json!({"LastName": "B", "Company": "B", "Ext__c": "kEY"})).unwrap_err();
    assert_eq!(errors[0].code, "DUPLICATE_VALUE");
    assert_eq!(errors[0].message, format!("duplicate value found: Ext__c duplicates value on record with id: {}", first.short()));
    assert_eq!(errors[0].fields, Some(vec![]));
    bench.update("Lead", first, json!({"Ext__c": "KEY"})).unwrap();
}

#[test]
fn a_deleted_record_gives_its_key_free() {
    let mut bench = Bench::new();
    let first = upsert(&mut bench, "Ext__c", "e1", lead()).unwrap();
    let s = bench.session();
    bench.org.delete(&s, "Lead", first.id.as_str()).unwrap();
    let second = upsert(&mut bench, "Ext__c", "e1", lead()).unwrap();
    assert!(second.created);
    assert_ne!(second.id, first.id);
}

#[test]
fn a_case_sensitive_key_tells_letters_apart() {
    let mut seed = seed();
    seed.custom_fields[0].case_sensitive = true;
    let mut bench = Bench::with(&seed);
    let first = upsert(&mut bench, "Ext__c", "e1", lead()).unwrap();
    let second = upsert(&mut bench, "Ext__c", "E1", lead()).unwrap();
    assert!(second.created);
    let s = bench.session();
    let found = bench.org.retrieve_by(&s, "Lead", "Ext__c", "e1", None).unwrap();
    assert_eq!(found["Id"], json!(first.id));
}

#[test]
fn parents_by_their_own_key() {
    let mut bench = Bench::new();
    let account = bench.make("Account", json!({"Name": "P", "Ext__c": "p1"}));
    let contact = bench.make("Contact", json!({"LastName": "C", "Account": {"attributes": {"type": "Account"}, "Ext__c": "p1"}}));
    assert_eq!(bench.get("Contact", contact)["AccountId"], json!(account));
    let errors = bench.create("Contact", json!({"LastName": "C", "Account": {"Ext__c": "p2"}})).unwrap_err();
    assert_eq!(errors[0].code, "INVALID_FIELD");
    assert_eq!(errors[0].message, "Foreign key external ID: p2 not found for field Ext__c in entity Account");
}

use super::*;

#[test]
fn a_new_lead_has_its_defaults_and_stamps() {
    let mut bench = Bench::new();
    let id = bench.make("lead", json!({"lastname": " Dupont ", "FirstName": "Anne", "Company": "Kayo", "Title": ""}));
    let lead = bench.get("Lead", id);
    let user = json!(bench.user);
    for (field, want) in [
        ("Id", json!(id)),
        ("Name", json!("Anne Dupont")),
        ("LastName", json!("Dupont")),
        ("Title", json!(null)),
        ("Status", json!("Open - Not Contacted")),
        ("IsConverted", json!(false)),
        ("IsDeleted", json!(false)),
        ("OwnerId", user.clone()),
        ("CreatedById", user.clone()),
        ("LastModifiedById", user),
        ("CreatedDate", json!("2026-11-23T08:00:00.000+0000")),
        ("SystemModstamp", json!("2026-11-23T08:00:00.000+0000")),
        ("Address", json!(null)),
        ("PhotoUrl", json!(format!("/services/images/photo/{id}"))),
    ] {
        assert_eq!(lead[field], want, "{field}");
    }
    assert_eq!(lead["attributes"]["type"], "Lead");
    assert_eq!(lead["attributes"]["url"], format!("/services/data/v66.0/sobjects/Lead/{id}"));
    assert!(id.as_str().starts_with("00Q"));
}

#[test]
fn a_change_moves_the_stamps_but_not_the_creation() {
    let mut bench = Bench::new();
    let id = bench.lead("A");
    bench.tick(61);
    bench.update("Lead", id, json!({"FirstName": "B", "City": "Lyon"})).unwrap();
    let lead = bench.get("Lead", id);
    assert_eq!(lead["Name"], "B A");
    assert_eq!(lead["Address"]["city"], "Lyon");
    assert_eq!(lead["Address"]["street"], json!(null));
    assert_eq!(lead["CreatedDate"], "2026-11-23T08:00:00.000+0000");
    assert_eq!(lead["LastModifiedDate"], "2026-11-23T08:01:01.000+0000");
    assert_eq!(lead["SystemModstamp"], "2026-11-23T08:01:01.000+0000");
    bench.update("Lead", id, json!({"FirstName": null})).unwrap();
    assert_eq!(bench.get("Lead", id)["Name"], "A");
}

#[test]
fn refused_creates() {
    let mut bench = Bench::new();
    let deleted = bench.make("Account", json!({"Name": "Gone"}));
    let s = bench.session();
    bench.org.delete(&s, "Account", deleted.as_str()).unwrap();
    let inactive = bench.org.user_by_name("gone@org.example").unwrap().id;
    let lead = bench.lead("L");
    let ok = json!({"LastName": "A", "Company": "B"});
    let cases = [
        ("Leadz", json!({}), "NOT_FOUND", json!(null)),
        ("LeadHistory", json!({}), "INVALID_TYPE_FOR_OPERATION", json!(null)),
        ("Lead", json!({}), "REQUIRED_FIELD_MISSING", json!(["LastName", "Company"])),
        ("Lead", json!({"LastName": "  "}), "REQUIRED_FIELD_MISSING", json!(["LastName", "Company"])),
        ("Lead", json!({"Id": lead}), "INVALID_FIELD", json!(["Id"])),
        ("Lead", json!({"Foo__c": 1}), "INVALID_FIELD", json!(null)),
        ("Lead", json!({"Name": "x"}), "INVALID_FIELD_FOR_INSERT_UPDATE", json!(["Name"])),
        ("Lead", json!({"CreatedDate": "2020-01-01T00:00:00Z"}), "INVALID_FIELD_FOR_INSERT_UPDATE", json!(["CreatedDate"])),
        ("Lead", json!({"Score__c": 123_456}), "NUMBER_OUTSIDE_VALID_RANGE", json!(["Score__c"])),
        ("Lead", json!({"Grade__c": "Nope"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", json!(["Grade__c"])),
        ("Lead", json!({"OwnerId": inactive}), "INACTIVE_OWNER_OR_USER", json!([])),
        ("Lead", json!({"Status": "Closed - Converted"}), "INVALID_STATUS", json!(["Status"])),
        ("Contact", json!({"AccountId": "001000000000000AAA"}), "INVALID_CROSS_REFERENCE_KEY", json!([])),
        ("Contact", json!({"AccountId": lead}), "MALFORMED_ID", json!(["AccountId"])),
        ("Contact", json!({"AccountId": deleted}), "ENTITY_IS_DELETED", json!([])),
    ];
    for (sobject, mut fields, code, about) in cases {
        let known = fields.as_object().unwrap().keys().next().cloned().unwrap_or_default();
        if !known.is_empty() && known != "LastName" {
            for (key, value) in ok.as_object().unwrap() {
                if sobject == "Lead" || key == "LastName" {
                    fields[key] = value.clone();
                }
            }
        }
        let errors = bench.create(sobject, fields.clone()).unwrap_err();
        assert_eq!(errors.len(), 1, "{fields}: {errors:?}");
        assert_eq!(errors[0].code, code, "{fields}");
        assert_eq!(errors[0].to_json()["fields"], about, "{fields}");
    }
}

#[test]
fn several_faults_come_together() {
    let mut bench = Bench::new();
    let fields = json!({"LastName": "A", "Email": "x", "Grade__c": "Nope"});
    let mut found = codes(bench.create("Lead", fields));
    found.sort();
    assert_eq!(found, ["INVALID_EMAIL_ADDRESS", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "REQUIRED_FIELD_MISSING"]);
}

#[test]
fn a_refused_record_leaves_nothing_behind() {
    let mut bench = Bench::new();
    assert_eq!(codes(bench.create("Lead", json!({"LastName": "A"}))), ["REQUIRED_FIELD_MISSING"]);
    assert_eq!(bench.org.count("Lead").unwrap(), 0);
    let id = bench.lead("A");
    let before = bench.get("Lead", id);
    bench.tick(5);
    assert!(bench.update("Lead", id, json!({"Title": "T", "Email": "x"})).is_err());
    assert_eq!(bench.get("Lead", id), before);
}

#[test]
fn deleted_records_are_gone_with_what_hangs_on_them() {
    let mut bench = Bench::new();
    let lead = bench.lead("A");
    let task = bench.make("Task", json!({"Subject": "Call", "WhoId": lead}));
    let s = bench.session();
    bench.org.delete(&s, "Lead", lead.as_str()).unwrap();
    for (sobject, id) in [("Lead", lead), ("Task", task)] {
        let error = bench.org.retrieve(&s, sobject, id.as_str(), None).unwrap_err();
        assert_eq!((error.status, error.code.as_str()), (404, "ENTITY_IS_DELETED"), "{sobject}");
        assert_eq!(error.message, "entity is deleted");
    }
    assert_eq!(codes(bench.update("Lead", lead, json!({"Title": "x"}))), ["ENTITY_IS_DELETED"]);
    assert_eq!(codes(bench.org.delete(&s, "Lead", lead.as_str())), ["ENTITY_IS_DELETED"]);
    assert_eq!(bench.org.count("Lead").unwrap(), 0);
}

#[test]
fn ids_in_paths() {
    let mut bench = Bench::new();
    let lead = bench.lead("A");
    let s = bench.session();
    let get = |id: &str| bench.org.retrieve(&s, "Lead", id, Some(&["Id".to_owned()]));
    assert_eq!(get(lead.short()).unwrap()["Id"], json!(lead));
    for (id, status, code) in [("00Q000000000999EAA", 404, "NOT_FOUND"), ("nonsense", 404, "NOT_FOUND"), ("003D00000000001IAA", 400, "MALFORMED_ID")]
    {
        let error = get(id).unwrap_err();
        assert_eq!((error.status, error.code.as_str()), (status, code), "{id}");
    }
    let error = bench.org.retrieve(&s, "Lead", lead.as_str(), Some(&["Nope__c".to_owned()]));
    assert_eq!(error.unwrap_err().message, "No such column 'Nope__c' on sobject of type Lead");
}

#[test]
fn several_records_at_once_keep_their_places() {
    let mut bench = Bench::new();
    let (a, b) = (bench.lead("A"), bench.lead("B"));
    let s = bench.session();
    let ids = [b.to_string(), "x".to_owned(), a.to_string()];
    let fields = ["LastName".to_owned()];
    let found = bench.org.retrieve_many(&s, "Lead", &ids, &fields).unwrap();
    let names: Vec<_> = found.iter().map(|record| record.as_ref().map(|record| record["LastName"].clone())).collect();
    assert_eq!(names, [Some(json!("B")), None, Some(json!("A"))]);
}

#[test]
fn savepoints_take_back_and_nest() {
    let mut bench = Bench::new();
    let kept = bench.lead("Kept");
    bench.tick(1);
    let outer = bench.org.savepoint();
    bench.update("Lead", kept, json!({"LastName": "Changed", "Ext__c": "k"})).unwrap();
    let inner = bench.org.savepoint();
    let lost = bench.lead("Lost");
    let s = bench.session();
    bench.org.delete(&s, "Lead", kept.as_str()).unwrap();
    bench.org.rollback(inner);
    assert_eq!(bench.get("Lead", kept)["LastName"], "Changed");
    assert!(bench.org.retrieve(&s, "Lead", lost.as_str(), None).is_err());
    let inner = bench.org.savepoint();
    bench.lead("Also lost");
    bench.org.release(inner);
    bench.org.rollback(outer);
    let lead = bench.get("Lead", kept);
    assert_eq!(lead["LastName"], "Kept");
    assert_eq!(lead["SystemModstamp"], "2026-11-23T08:00:00.000+0000");
    assert_eq!(bench.org.count("Lead").unwrap(), 1);
    // The key that was taken back is free again, and ids are not used twice.
    let next = bench.make("Lead", json!({"LastName": "N", "Company": "C", "Ext__c": "k"}));
    assert!(next > lost);
}

#[test]
fn what_the_seed_or_a_test_forces_in_is_not_checked() {
    let mut bench = Bench::new();
    let s = bench.session();
    let fields = json!({"LastName": "Old", "IsConverted": true,
                        "SystemModstamp": "2020-01-01T00:00:00Z", "CreatedDate": "2019-01-01T00:00:00Z"});
    let id = bench.org.force(&s, "Lead", fields.as_object().unwrap()).unwrap();
    let lead = bench.get("Lead", id);
    assert_eq!(lead["SystemModstamp"], "2020-01-01T00:00:00.000+0000");
    assert_eq!(lead["CreatedDate"], "2019-01-01T00:00:00.000+0000");
    assert_eq!(lead["IsConverted"], true);
    let fields = json!({"Id": id, "Company": "Late"});
    bench.org.force(&s, "Lead", fields.as_object().unwrap()).unwrap();
    assert_eq!(bench.get("Lead", id)["Company"], "Late");
    assert_eq!(bench.org.count("Lead").unwrap(), 1);
}

#[test]
fn a_full_org_takes_no_more_records() {
    let mut bench = Bench::new();
    let id = bench.lead("A");
    bench.org.organization_mut().data_storage_full = true;
    let fields = json!({"LastName": "B", "Company": "C"});
    assert_eq!(codes(bench.create("Lead", fields)), ["STORAGE_LIMIT_EXCEEDED"]);
    bench.update("Lead", id, json!({"Title": "x"})).unwrap();
}

#[test]
fn a_locked_record_cannot_be_changed_nor_hung_onto() {
    let mut bench = Bench::new();
    let account = bench.make("Account", json!({"Name": "A"}));
    let contact = bench.make("Contact", json!({"LastName": "C", "AccountId": account}));
    bench.org.lock(account);
    assert_eq!(codes(bench.update("Account", account, json!({"Site": "x"}))), ["UNABLE_TO_LOCK_ROW"]);
    assert_eq!(codes(bench.update("Contact", contact, json!({"Title": "x"}))), ["UNABLE_TO_LOCK_ROW"]);
    let fields = json!({"LastName": "D", "AccountId": account});
    assert_eq!(codes(bench.create("Contact", fields)), ["UNABLE_TO_LOCK_ROW"]);
    bench.org.unlock(&account);
    bench.update("Contact", contact, json!({"Title": "x"})).unwrap();
}

use super::*;

fn query(bench: &mut Bench, soql: &str, scope: QueryScope) -> Vec<Value> {
    let s = bench.session();
    bench.org.query(&s, soql, scope).unwrap_or_else(|error| panic!("{}", error.message)).records
}

#[test]
fn a_merge_leaves_one_record_that_has_everything() {
    let mut bench = Bench::new();
    let (a, b) = (bench.lead("A"), bench.lead("B"));
    let (one, two) = (bench.make("Campaign", json!({"Name": "1"})), bench.make("Campaign", json!({"Name": "2"})));
    let both = bench.make("CampaignMember", json!({"CampaignId": one, "LeadId": a}));
    let doubled = bench.make("CampaignMember", json!({"CampaignId": one, "LeadId": b}));
    let moved = bench.make("CampaignMember", json!({"CampaignId": two, "LeadId": b}));
    let task = bench.make("Task", json!({"Subject": "x", "WhoId": b}));
    bench.tick(60);
    let s = bench.session();
    bench.org.merge(&s, "Lead", a, &[b]).unwrap();
    assert_eq!(bench.get("Task", task)["WhoId"], json!(a));
    assert_eq!(bench.get("CampaignMember", moved)["LeadId"], json!(a));
    assert_eq!(bench.get("CampaignMember", both)["LeadId"], json!(a));
    assert!(bench.org.retrieve(&s, "CampaignMember", doubled.as_str(), None).is_err());
    assert_eq!(bench.get("Lead", a)["SystemModstamp"], "2026-11-23T08:01:00.000+0000");
    assert_eq!(bench.org.retrieve(&s, "Lead", b.as_str(), None).unwrap_err().code, "ENTITY_IS_DELETED");
    let soql = format!("SELECT IsDeleted, MasterRecordId FROM Lead WHERE Id = '{b}'");
    assert!(query(&mut bench, &soql, QueryScope::Live).is_empty());
    let gone = query(&mut bench, &soql, QueryScope::All);
    assert_eq!((&gone[0]["IsDeleted"], &gone[0]["MasterRecordId"]), (&json!(true), &json!(a)));
    for (master, losers) in [(a, vec![]), (a, vec![a]), (a, vec![b])] {
        assert!(bench.org.merge(&s, "Lead", master, &losers).is_err(), "{losers:?}");
    }
    assert!(bench.org.merge(&s, "Task", task, &[task]).is_err());
}

#[test]
fn a_converted_lead_becomes_a_contact_of_an_account() {
    let mut bench = Bench::new();
    let fields = json!({"LastName": "Dupont", "FirstName": "Anne", "Company": "Kayo", "City": "Lyon", "Email": "a@x.example"});
    let lead = bench.make("Lead", fields);
    let campaign = bench.make("Campaign", json!({"Name": "1"}));
    let member = bench.make("CampaignMember", json!({"CampaignId": campaign, "LeadId": lead}));
    let task = bench.make("Task", json!({"Subject": "x", "WhoId": lead}));
    bench.tick(60);
    let s = bench.session();
    let how = Conversion { opportunity: Some("Deal".to_owned()), ..Conversion::default() };
    let converted = bench.org.convert_lead(&s, lead, &how).unwrap();
    let contact = bench.get("Contact", converted.contact);
    for (field, want) in [("Name", json!("Anne Dupont")), ("MailingCity", json!("Lyon")), ("AccountId", json!(converted.account))] {
        assert_eq!(contact[field], want, "{field}");
    }
    let account = bench.get("Account", converted.account);
    assert_eq!((&account["Name"], &account["BillingCity"]), (&json!("Kayo"), &json!("Lyon")));
    let lead_now = bench.get("Lead", lead);
    for (field, want) in [
        ("IsConverted", json!(true)),
        ("Status", json!("Closed - Converted")),
        ("ConvertedDate", json!("2026-11-23")),
        ("ConvertedContactId", json!(converted.contact)),
        ("ConvertedOpportunityId", json!(converted.opportunity)),
        ("SystemModstamp", json!("2026-11-23T08:01:00.000+0000")),
    ] {
        assert_eq!(lead_now[field], want, "{field}");
    }
    let member = bench.get("CampaignMember", member);
    assert_eq!((&member["LeadId"], &member["ContactId"], &member["Type"]), (&json!(lead), &json!(converted.contact), &json!("Contact")));
    assert_eq!(bench.get("Task", task)["WhoId"], json!(converted.contact));
    assert!(bench.org.convert_lead(&s, lead, &how).is_err());
    assert_eq!(bench.org.count("Contact").unwrap(), 1);
}

#[test]
fn records_come_back_from_the_recycle_bin() {
    let mut bench = Bench::new();
    let lead = bench.lead("A");
    let s = bench.session();
    bench.org.delete(&s, "Lead", lead.as_str()).unwrap();
    bench.org.undelete(&s, lead).unwrap();
    assert_eq!(bench.get("Lead", lead)["IsDeleted"], false);
    assert_eq!(bench.org.undelete(&s, lead), Err(ApiError::not_found()));
}

#[test]
fn tracked_fields_leave_history() {
    let mut seed = seed();
    seed.tracked_fields = vec!["Lead.Title".to_owned(), "Lead.OwnerId".to_owned(), "Lead.Description".to_owned()];
    seed.users[1].active = true;
    let mut bench = Bench::with(&seed);
    let id = bench.lead("A");
    let other = bench.org.user_by_name("gone@org.example").unwrap().id;
    let changes = json!({"Title": "T", "OwnerId": other, "City": "Lyon", "Description": "long"});
    bench.update("Lead", id, changes).unwrap();
    let soql = format!("SELECT Field, OldValue, NewValue, DataType FROM LeadHistory WHERE LeadId = '{id}'");
    let rows = query(&mut bench, &soql, QueryScope::Live);
    let rows: Vec<_> = rows.iter().map(|row| (row["Field"].clone(), row["OldValue"].clone(), row["NewValue"].clone())).collect();
    let row = |field: &str, old: Value, new: Value| (json!(field), old, new);
    let user = bench.user;
    assert_eq!(
        rows,
        [
            row("created", json!(null), json!(null)),
            row("Title", json!(null), json!("T")),
            row("Description", json!(null), json!(null)),
            row("Owner", json!("Ada Admin"), json!("Ada Gone")),
            row("Owner", json!(user), json!(other)),
        ]
    );
    let s = bench.session();
    let error = bench.org.create(&s, "LeadHistory", &Fields::new());
    assert_eq!(codes(error), ["INVALID_TYPE_FOR_OPERATION"]);
}

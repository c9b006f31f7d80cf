use super::*;

#[test]
fn a_member_once_and_with_the_default_status() {
    let mut bench = Bench::new();
    let campaign = bench.make("Campaign", json!({"Name": "Fair"}));
    let lead = bench.make("Lead", json!({"LastName": "L", "Company": "Kayo", "Email": "l@x.example"}));
    let id = bench.make("CampaignMember", json!({"CampaignId": campaign, "LeadId": lead}));
    let member = bench.get("CampaignMember", id);
    for (field, want) in [
        ("Status", json!("Sent")),
        ("HasResponded", json!(false)),
        ("FirstRespondedDate", json!(null)),
        ("Type", json!("Lead")),
        ("LeadOrContactId", json!(lead)),
        ("Email", json!("l@x.example")),
        ("CompanyOrAccount", json!("Kayo")),
    ] {
        assert_eq!(member[field], want, "{field}");
    }
    let errors = bench.create("CampaignMember", json!({"CampaignId": campaign, "LeadId": lead})).unwrap_err();
    assert_eq!((errors[0].code.as_str(), errors[0].message.as_str()), ("DUPLICATE_VALUE", "Already a campaign member."));
    let campaign = bench.get("Campaign", campaign);
    assert_eq!((&campaign["NumberOfLeads"], &campaign["NumberOfContacts"]), (&json!(1), &json!(0)));
}

#[test]
fn a_status_that_means_responded() {
    let mut bench = Bench::new();
    let campaign = bench.make("Campaign", json!({"Name": "Fair"}));
    let contact = bench.make("Contact", json!({"LastName": "C"}));
    let id = bench.make("CampaignMember", json!({"CampaignId": campaign, "ContactId": contact, "Status": "Sent"}));
    bench.update("CampaignMember", id, json!({"Status": "responded"})).unwrap();
    let member = bench.get("CampaignMember", id);
    assert_eq!(member["Status"], "Responded");
    assert_eq!((&member["HasResponded"], &member["FirstRespondedDate"]), (&json!(true), &json!("2026-11-23")));
    assert_eq!(bench.get("Campaign", campaign)["NumberOfResponses"], 1);
    let cases = [
        (json!({"Status": "Elsewhere"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        (json!({"CampaignId": campaign}), "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (json!({"HasResponded": false}), "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ];
    for (fields, code) in cases {
        assert_eq!(codes(bench.update("CampaignMember", id, fields.clone())), [code], "{fields}");
    }
}

#[test]
fn a_member_is_a_lead_or_a_contact() {
    let mut bench = Bench::new();
    let campaign = bench.make("Campaign", json!({"Name": "Fair"}));
    let lead = bench.lead("L");
    let contact = bench.make("Contact", json!({"LastName": "C"}));
    let neither = json!({"CampaignId": campaign});
    assert_eq!(codes(bench.create("CampaignMember", neither)), ["REQUIRED_FIELD_MISSING"]);
    let both = json!({"CampaignId": campaign, "LeadId": lead, "ContactId": contact});
    assert_eq!(codes(bench.create("CampaignMember", both)), ["FIELD_INTEGRITY_EXCEPTION"]);
    let nowhere = json!({"LeadId": lead});
    assert_eq!(codes(bench.create("CampaignMember", nowhere)), ["REQUIRED_FIELD_MISSING"]);
}

#[test]
fn a_campaign_has_one_default_status() {
    let mut bench = Bench::new();
    let campaign = bench.make("Campaign", json!({"Name": "Fair"}));
    let fields = json!({"CampaignId": campaign, "Label": "Invited", "IsDefault": true});
    bench.make("CampaignMemberStatus", fields);
    let lead = bench.lead("L");
    let id = bench.make("CampaignMember", json!({"CampaignId": campaign, "LeadId": lead}));
    assert_eq!(bench.get("CampaignMember", id)["Status"], "Invited");
}

use cirrus::{BulkIngestSpec, BulkOperation, Bytes, CirrusError};
use passerelle_clients_cirrus::{Org, refusal};
use salesforce_sim::{Effect, Matcher};
use serde_json::json;

#[tokio::test]
async fn refusals_carry_status_and_code() {
    let org = Org::start().await;
    let client = org.client();
    let leads = client.sobject("Lead");
    let long = json!({"LastName": "x".repeat(81), "Company": "Clients"});
    let cases = [
        (client.query("SELECT Id FROM").await.err(), 400, "MALFORMED_QUERY"),
        (client.query("SELECT Nope FROM Lead").await.err(), 400, "INVALID_FIELD"),
        (client.query("SELECT Id FROM Nope__c").await.err(), 400, "INVALID_TYPE"),
        (client.sobject("Nope__c").describe().await.err(), 404, "NOT_FOUND"),
        (leads.retrieve("00Q000000000000AAA").await.err(), 404, "NOT_FOUND"),
        (leads.create(&json!({"LastName": "Alone"})).await.err(), 400, "REQUIRED_FIELD_MISSING"),
        (leads.create(&long).await.err(), 400, "STRING_TOO_LONG"),
    ];
    for (error, status, code) in cases {
        assert_eq!(refusal(error.expect(code)), (status, code.to_owned()));
    }
}

#[tokio::test]
async fn a_missing_field_is_named() {
    let org = Org::start().await;
    match org.client().sobject("Lead").create(&json!({"LastName": "Alone"})).await {
        Err(CirrusError::Api { errors, .. }) => assert_eq!(errors[0].fields, ["Company"]),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_stays_ended() {
    let org = Org::start().await;
    let client = org.lent_client();
    client.limits().await.unwrap();
    org.sim.control().expire_access_tokens();
    assert_eq!(refusal(client.limits().await.unwrap_err()), (401, "INVALID_SESSION_ID".to_owned()));
}

#[tokio::test]
async fn a_used_up_limit_is_a_refusal() {
    let org = Org::start().await;
    org.sim.control().set_api_usage(100_000);
    assert_eq!(refusal(org.client().query("SELECT Id FROM Lead").await.unwrap_err()), (403, "REQUEST_LIMIT_EXCEEDED".to_owned()));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_where_that_is_safe_and_not_where_it_is_not() {
    let org = Org::start().await;
    let client = org.client();
    client.limits().await.unwrap();
    org.sim.control().fault(Matcher::route("limits").times(1), Effect::CutAfter);
    client.limits().await.unwrap();
    org.sim.control().fault(Matcher::route("sobject").times(1), Effect::CutAfter);
    let lost = client.sobject("Lead").create(&json!({"LastName": "Once", "Company": "Clients"})).await.unwrap_err();
    assert!(matches!(lost, CirrusError::Http(_)), "{lost:?}");
    assert_eq!(client.query("SELECT Id FROM Lead").await.unwrap().total_size, 1);
}

#[tokio::test]
async fn what_the_org_does_not_build_it_says() {
    let org = Org::start().await;
    let client = org.client();
    let spec = BulkIngestSpec::new("Lead", BulkOperation::Insert);
    let whole = client.bulk().ingest().create_with_data(&spec, Bytes::from_static(b"LastName,Company\nA,B\n")).await;
    let parallel = client.bulk().query().result_pages("750000000000001AAA", None).await;
    let searched = client.search("FIND {Lee AND NOT Kim}").await;
    for error in [whole.err(), parallel.err(), searched.err()] {
        assert_eq!(refusal(error.unwrap()), (501, "NOT_IMPLEMENTED".to_owned()));
    }
}

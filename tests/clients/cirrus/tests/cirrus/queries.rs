use cirrus::QueryOptions;
use futures::TryStreamExt;
use passerelle_clients_cirrus::{Org, ROWS, complete, number};
use serde_json::{Value, json};

const SOQL: &str = "SELECT Id, Row__c FROM Contact WHERE Row__c != NULL";

#[tokio::test]
async fn all_rows_arrive_page_by_page_each_once() {
    let org = Org::with_rows().await;
    let client = org.client();
    let mut page = client.query(SOQL).await.unwrap();
    assert_eq!((page.total_size, page.records.len(), page.done), (ROWS as i64, 2000, false));
    let mut numbers: Vec<usize> = page.records.iter().map(number).collect();
    while let Some(next) = page.next_records_url.clone() {
        page = client.query_more(&next).await.unwrap();
        numbers.extend(page.records.iter().map(number));
    }
    assert!(page.done && complete(numbers));
}

#[tokio::test]
async fn all_rows_arrive_as_a_stream_each_once() {
    let org = Org::with_rows().await;
    let client = org.client();
    let small = QueryOptions::new().batch_size(500);
    for stream in [client.query_stream(SOQL), client.query_stream_with_options(SOQL, &small)] {
        let rows: Vec<Value> = stream.try_collect().await.unwrap();
        assert!(complete(rows.iter().map(number).collect()), "{}", rows.len());
    }
}

#[tokio::test]
async fn a_query_of_everything_shows_deleted_records() {
    let org = Org::start().await;
    let client = org.client();
    let made = client.sobject("Lead").create(&json!({"LastName": "Gone", "Company": "Clients"})).await.unwrap();
    client.sobject("Lead").delete(&made.id).await.unwrap();
    assert_eq!(client.query("SELECT Id FROM Lead").await.unwrap().total_size, 0);
    let all = client.query_all("SELECT Id, IsDeleted FROM Lead").await.unwrap();
    assert!(all.total_size == 1 && all.records[0]["IsDeleted"] == true, "{:?}", all.records);
}

#[tokio::test]
async fn the_client_quotes_what_the_org_reads() {
    let org = Org::start().await;
    let client = org.client();
    let name = r#"O'Neil \ "the" 100%_"#;
    client.sobject("Lead").create(&json!({"LastName": name, "Company": "Clients"})).await.unwrap();
    client.sobject("Lead").create(&json!({"LastName": "O'Neil 100 percent", "Company": "Clients"})).await.unwrap();
    let exact = client.query(&format!("SELECT LastName FROM Lead WHERE LastName = {}", cirrus::soql::quote(name))).await.unwrap();
    assert!(exact.total_size == 1 && exact.records[0]["LastName"] == name, "{:?}", exact.records);
    let pattern = cirrus::soql::escape_like("100%_");
    let like = client.query(&format!("SELECT LastName FROM Lead WHERE LastName LIKE '%{pattern}'")).await.unwrap();
    assert!(like.total_size == 1 && like.records[0]["LastName"] == name, "{:?}", like.records);
}

#[tokio::test]
async fn a_search_finds_a_name_that_holds_operators() {
    let org = Org::start().await;
    let client = org.client();
    for name in ["Saint-Exupéry (Antoine)", "Saint"] {
        client.sobject("Lead").create(&json!({"LastName": name, "Company": "Clients"})).await.unwrap();
    }
    let term = cirrus::sosl::escape_term("Saint-Exupéry (Antoine)");
    let found = client.search(&format!("FIND {{{term}}} IN NAME FIELDS RETURNING Lead(LastName)")).await.unwrap().search_records;
    assert!(found.len() == 1 && found[0]["LastName"] == "Saint-Exupéry (Antoine)", "{found:?}");
}

#[tokio::test]
async fn the_client_reads_how_much_of_the_limit_is_used() {
    let org = Org::start().await;
    let client = org.client();
    client.query("SELECT Id FROM Lead").await.unwrap();
    client.query("SELECT Id FROM Lead").await.unwrap();
    let info = client.last_limit_info().unwrap();
    assert_eq!((info.used, info.allowed), (2, 100_000));
}

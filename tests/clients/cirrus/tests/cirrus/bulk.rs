use cirrus::{BulkIngestJob, BulkIngestSpec, BulkJobListOptions, BulkJobState, BulkOperation, BulkQuerySpec, Bytes, Cirrus};
use passerelle_clients_cirrus::{Org, complete, count, refusal};

/// Looks at a job until it is done. The org lets a job go on at each look, so a few are enough.
async fn ingest(client: &Cirrus, spec: &BulkIngestSpec, csv: String) -> BulkIngestJob {
    let jobs = client.bulk().ingest();
    let job = jobs.create(spec).await.unwrap();
    assert_eq!(job.state, BulkJobState::Open);
    jobs.upload(&job.id, Bytes::from(csv)).await.unwrap();
    assert_eq!(jobs.close(&job.id).await.unwrap().state, BulkJobState::UploadComplete);
    for _ in 0..10 {
        let seen = jobs.get(&job.id).await.unwrap();
        if seen.state.is_terminal() {
            return seen;
        }
    }
    panic!("the job does not end");
}

/// The rows of CSV that holds no quotes, without the head.
fn rows(csv: &[u8]) -> Vec<Vec<String>> {
    let text = String::from_utf8(csv.to_vec()).unwrap();
    text.lines().skip(1).map(|line| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect()).collect()
}

#[tokio::test]
async fn a_job_inserts_upserts_and_deletes() {
    let org = Org::start().await;
    let client = org.client();
    let jobs = client.bulk().ingest();
    let company = |n: usize| if n == 3 { "" } else { "Clients" };
    let lines: String = (0..1000).map(|n| format!("Bulk {n},{},bulk-{n}\n", company(n))).collect();
    let inserted = ingest(&client, &BulkIngestSpec::new("Lead", BulkOperation::Insert), format!("LastName,Company,Ext__c\n{lines}")).await;
    assert_eq!((inserted.state, inserted.number_records_processed, inserted.number_records_failed), (BulkJobState::JobComplete, Some(1000), Some(1)));
    let successes = rows(&jobs.successful_results(&inserted.id).await.unwrap());
    let failures = String::from_utf8(jobs.failed_results(&inserted.id).await.unwrap().to_vec()).unwrap();
    assert_eq!(successes.len(), 999);
    assert!(failures.lines().count() == 2 && failures.contains("REQUIRED_FIELD_MISSING:") && failures.contains("bulk-3"), "{failures}");

    let spec = BulkIngestSpec::new("Lead", BulkOperation::Upsert).external_id_field_name("Ext__c");
    let upserted = ingest(&client, &spec, "Ext__c,LastName,Company\nbulk-3,New,Clients\nbulk-4,Old,Clients\n".to_owned()).await;
    let created: Vec<String> = rows(&jobs.successful_results(&upserted.id).await.unwrap()).into_iter().map(|row| row[1].clone()).collect();
    assert_eq!(created, ["true", "false"]);

    let ids: String = successes.iter().map(|row| format!("{}\n", row[0])).collect();
    let deleted = ingest(&client, &BulkIngestSpec::new("Lead", BulkOperation::Delete), format!("Id\n{ids}")).await;
    assert_eq!(deleted.number_records_failed, Some(0));
    assert_eq!(count(&client, "SELECT Id FROM Lead").await, 1);
    assert_eq!(jobs.list(&BulkJobListOptions::new()).await.unwrap().records.len(), 3);
}

#[tokio::test]
async fn a_job_that_was_given_up_writes_nothing() {
    let org = Org::start().await;
    let client = org.client();
    let jobs = client.bulk().ingest();
    let job = jobs.create(&BulkIngestSpec::new("Lead", BulkOperation::Insert)).await.unwrap();
    jobs.upload(&job.id, Bytes::from_static(b"LastName,Company\nOne,Clients\n")).await.unwrap();
    assert_eq!(jobs.abort(&job.id).await.unwrap().state, BulkJobState::Aborted);
    assert_eq!(rows(&jobs.unprocessed_records(&job.id).await.unwrap()), [["One", "Clients"]]);
    jobs.delete(&job.id).await.unwrap();
    assert_eq!(refusal(jobs.get(&job.id).await.unwrap_err()), (404, "NOT_FOUND".to_owned()));
    assert_eq!(count(&client, "SELECT Id FROM Lead").await, 0);
}

#[tokio::test]
async fn a_query_job_brings_all_rows_in_three_pages_each_once() {
    let org = Org::with_rows().await;
    let client = org.client();
    let jobs = client.bulk().query();
    let spec = BulkQuerySpec::new("SELECT Id, Row__c FROM Contact WHERE Row__c != NULL", BulkOperation::Query);
    let mut job = jobs.create(&spec).await.unwrap();
    for _ in 0..10 {
        job = jobs.get(&job.id).await.unwrap();
        if job.state.is_terminal() {
            break;
        }
    }
    assert_eq!(job.state, BulkJobState::JobComplete);
    let (mut numbers, mut pages, mut locator) = (Vec::new(), 0, None);
    loop {
        let page = jobs.results(&job.id, locator.as_deref(), Some(2000)).await.unwrap();
        let row = |row: Vec<String>| row[1].parse::<f64>().unwrap() as usize;
        let found: Vec<usize> = rows(&page.csv).into_iter().map(row).collect();
        assert_eq!(page.number_of_records, Some(found.len() as i64));
        numbers.extend(found);
        pages += 1;
        locator = page.locator;
        if locator.is_none() {
            break;
        }
    }
    assert!(pages == 3 && complete(numbers));
    jobs.delete(&job.id).await.unwrap();
}

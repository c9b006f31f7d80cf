//! Standard objects and parts of queries that a real org has and this one has not: 501, never a guess.

use serde_json::{Value, json};

use crate::common::*;

#[tokio::test]
async fn objects_of_a_real_org_are_not_built_and_others_do_not_exist() {
    let world = world();
    let client = world.client();
    for (object, status, code) in
        [("Case", 501, "NOT_IMPLEMENTED"), ("Product2", 501, "NOT_IMPLEMENTED"), ("Leadz", 404, "NOT_FOUND"), ("My__c", 404, "NOT_FOUND")]
    {
        let record = json!({"attributes": {"type": object, "referenceId": "r"}, "Name": "A"});
        let single = [
            ("GET", format!("/sobjects/{object}"), Value::Null),
            ("GET", format!("/sobjects/{object}/describe"), Value::Null),
            ("POST", format!("/sobjects/{object}"), json!({"Name": "A"})),
            ("GET", format!("/sobjects/{object}/500000000000001AAA"), Value::Null),
            ("PATCH", format!("/sobjects/{object}/500000000000001AAA"), json!({"Name": "A"})),
            ("DELETE", format!("/sobjects/{object}/500000000000001AAA"), Value::Null),
            ("PATCH", format!("/sobjects/{object}/Key__c/k"), json!({"Name": "A"})),
            ("GET", format!("/sobjects/{object}/updated?start=2026-11-23T07:00:00Z&end=2026-11-23T07:30:00Z"), Value::Null),
            ("GET", format!("/sobjects/{object}/deleted?start=2026-11-23T07:00:00Z&end=2026-11-23T07:30:00Z"), Value::Null),
            ("POST", format!("/composite/tree/{object}"), json!({"records": [record]})),
            ("GET", format!("/composite/sobjects/{object}?ids=500000000000001AAA&fields=Id"), Value::Null),
            ("PATCH", format!("/composite/sobjects/{object}/Key__c"), json!({"records": [record]})),
        ];
        for (method, path, body) in single {
            let answer = client.send(method, &path, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}: {}", answer.text);
        }
        let (want, word) = if status == 501 { (501, "NOT_IMPLEMENTED") } else { (400, "INVALID_TYPE") };
        for path in [format!("/query?q=SELECT+Id+FROM+{object}"), format!("/search?q={}", encode(&format!("FIND {{xyz}} RETURNING {object}(Id)")))] {
            let answer = client.get(&path).await;
            assert_eq!((answer.status, answer.code().as_str()), (want, word), "{path}: {}", answer.text);
        }
        let job = client.post("/jobs/ingest", json!({"object": object, "operation": "insert"})).await;
        assert_eq!(job.status, if status == 501 { 501 } else { 400 }, "{}", job.text);
        let collection = client.post("/composite/sobjects", json!({"records": [record]})).await;
        assert_eq!(collection.status, if status == 501 { 501 } else { 200 }, "{}", collection.text);
        let sub = json!({"method": "GET", "url": format!("/services/data/v66.0/sobjects/{object}/describe"), "referenceId": "r"});
        let composite = client.post("/composite", json!({"compositeRequest": [sub]})).await.json();
        assert_eq!(composite["compositeResponse"][0]["httpStatusCode"], status, "{composite}");
    }
}

#[tokio::test]
async fn known_soql_that_is_not_built_says_so() {
    let world = world();
    let client = world.client();
    for soql in [
        "SELECT LeadSource, COUNT(Id) FROM Lead GROUP BY ROLLUP(LeadSource)",
        "SELECT FORMAT(CreatedDate) FROM Lead",
        "SELECT Id FROM Lead USING SCOPE team",
    ] {
        for path in ["query", "queryAll"] {
            let answer = client.get(&format!("/{path}?q={}", encode(soql))).await;
            assert_eq!((answer.status, answer.code().as_str()), (501, "NOT_IMPLEMENTED"), "{soql}: {}", answer.text);
        }
    }
    for sosl in [
        "FIND {Dupont AND NOT Durand} RETURNING Lead",
        "FIND {Dupont} RETURNING Lead(Id) WITH DIVISION = 'x'",
        "FIND {Dupont} RETURNING Lead(Id) UPDATE VIEWSTAT",
        "FIND {Dupont} RETURNING Lead(Id USING ListView = x)",
    ] {
        let answer = client.get(&format!("/search?q={}", encode(sosl))).await;
        assert_eq!((answer.status, answer.code().as_str()), (501, "NOT_IMPLEMENTED"), "{sosl}: {}", answer.text);
    }
    assert_eq!(client.query("SELECT l.Id FROM Lead AS l WHERE l.LastName = 'A'").await, Vec::<Value>::new());
}

/// Objects beside leads, contacts, accounts and events have the fields that clients use; the others of a real org are known.
#[tokio::test]
async fn fields_of_a_real_org_are_not_built_and_others_do_not_exist() {
    let world = world();
    let client = world.client();
    let deal = json!({"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-12-01"});
    let id = client.post("/sobjects/Opportunity", deal).await.json()["id"].as_str().unwrap().to_owned();
    for (field, status, code) in [("NextStep", 501, "NOT_IMPLEMENTED"), ("Nope", 400, "INVALID_FIELD"), ("NextStep__c", 400, "INVALID_FIELD")] {
        let mut body = json!({});
        body[field] = json!("x");
        for (method, path, body) in [
            ("GET", format!("/query?q=SELECT+{field}+FROM+Opportunity"), Value::Null),
            ("GET", format!("/query?q=SELECT+Id+FROM+Opportunity+WHERE+{field}='x'"), Value::Null),
            ("GET", format!("/sobjects/Opportunity/{id}?fields={field}"), Value::Null),
            ("PATCH", format!("/sobjects/Opportunity/{id}"), body),
        ] {
            let answer = client.send(method, &path, body).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{method} {path}: {}", answer.text);
        }
    }
    for (path, status) in [("Pricebook2.Name", 501), ("Owner.UserRole.Name", 501), ("Nobody.Name", 400)] {
        assert_eq!(client.get(&format!("/query?q=SELECT+{path}+FROM+Opportunity")).await.status, status, "{path}");
    }
}

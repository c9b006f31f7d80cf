//! Companies and their accounts: by the events of their people, and by the hourly run.

use passerelle_core::domain::{
    company::{identities, name_identity},
    ids::ConnectionId,
    person::Person,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person, record, settled};
use salesforce_sim::{Effect, Matcher, Seed, id::Id};
use serde_json::{Value, json};

/// KAYO's preset for contacts, with accounts whose name, site and city go both ways.
fn accounts(document: &mut Value) {
    let attributes = document["platform"]["attributes"].as_array_mut().unwrap();
    attributes.extend(["name", "site", "city", "id"].map(|name| json!({"name": format!("company.{name}"), "type": "text"})));
    document["people"]["when_unknown"] = json!("contact");
    document["people"]["update_contacts"] = json!("on");
    document["people"]["account"] = json!({"mode": "find_or_create", "mapping": "account"});
    let rule = |from: &str, to: &str, strategy: &str| json!({"from": from, "to": to, "strategy": strategy, "direction": "both"});
    document["mappings"]["account"] = json!({"object": "Account", "fields": [
        rule("company.name", "Name", "always_salesforce"),
        rule("company.site", "Website", "most_recent"),
        rule("company.city", "BillingCity", "always_platform")]});
    document["workflows"] = json!([{"name": "captured", "trigger": "contact_captured", "actions": [{"person": {}}]}]);
}

async fn scene_with(records: &[Value], change: impl Fn(&mut Value)) -> (Scene, ConnectionId) {
    let mut seed = settled(|doubts| doubts.references_into_collections = true);
    seed.records.extend(records.iter().map(|fields| record("Account", fields.clone())));
    scene_of(seed, change).await
}

async fn scene_of(seed: Seed, change: impl Fn(&mut Value)) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    let document = scene.document("kayo", |document| {
        accounts(document);
        change(document);
    });
    scene.apply(&document).await;
    (scene, kayo)
}

/// What the platform says now of somebody and their company.
fn says(scene: &Scene, n: usize, id: &str, company: Value) -> Value {
    let mut person = person(n);
    person.as_object_mut().unwrap().remove("company");
    let mut event = capture(id, person);
    event["occurred_at"] = json!(passerelle_core::ports::Clock::now(&*scene.clock));
    event["company"] = company;
    event
}

fn account(scene: &Scene) -> Value {
    let mut all = scene.records("Account");
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn id_of(record: &Value) -> Id {
    record["Id"].as_str().unwrap().parse().unwrap()
}

/// The company of a platform id, or of a name.
async fn company(scene: &Scene, c: &ConnectionId, known: Value) -> Person {
    let table = &scene.stack.ports().table;
    let alias = known.as_str().map_or_else(|| identities(json!({"id": known}).as_object().unwrap()).remove(0), name_identity);
    let keys: Vec<_> = table.load_aliases(c, &[alias]).await.unwrap().into_iter().map(|(_, key)| key).collect();
    table.load_people(c, &keys).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_of_one_company_make_one_account_which_later_events_change() {
    let (scene, kayo) = scene_with(&[], |_| {}).await;
    scene
        .accept(
            "kayo",
            &json!([
                says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "site": "https://acme.example", "city": "Lyon"})),
                says(&scene, 2, "e2", json!({"id": 7})),
            ]),
        )
        .await;
    let calls = scene.api_calls();
    scene.sweep().await;
    assert_eq!(scene.api_calls() - calls, 2, "accounts cost no call of their own");
    let made = account(&scene);
    assert_eq!((&made["Name"], &made["Website"], &made["BillingCity"]), (&json!("ACME"), &json!("https://acme.example"), &json!("Lyon")));
    assert!(scene.records("Contact").iter().all(|contact| contact["AccountId"] == made["Id"]), "{:?}", scene.records("Contact"));

    let calls = scene.api_calls();
    scene.work(&kayo, &says(&scene, 3, "e3", json!({"id": 7, "name": "ACME France", "city": "Paris"}))).await;
    assert_eq!(scene.api_calls() - calls, 2);
    let changed = account(&scene);
    assert_eq!(
        (&changed["Name"], &changed["BillingCity"]),
        (&json!("ACME"), &json!("Paris")),
        "Salesforce's name stays, and the platform's city goes"
    );
    assert!(scene.records("Contact").iter().all(|contact| contact["AccountId"] == made["Id"]));
    let outcome = json!(scene.event(&kayo, "e3").await.outcome);
    assert!(outcome["records"].as_array().unwrap().contains(&made["Id"]), "the event tells of both: {outcome}");

    // Once more, and nothing is written.
    scene.accept("kayo", &says(&scene, 3, "e4", json!({"id": 7, "city": "Paris"}))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e4").await.status, "unchanged");
    assert_eq!(account(&scene), changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_without_accounts_makes_none_and_touches_none() {
    for mapping in [json!("account"), json!(null)] {
        let (scene, kayo) = scene_with(&[json!({"Name": "ACME"})], |document| {
            document["people"]["account"] = json!({"mode": "off", "mapping": mapping});
        })
        .await;
        let before = account(&scene);
        scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "city": "Lyon"}))).await;
        scene.work(&kayo, &says(&scene, 2, "e2", json!({"id": 8, "name": "Other", "city": "Lyon"}))).await;
        assert_eq!(account(&scene), before);
        assert!(scene.records("Contact").iter().all(|contact| contact["AccountId"].is_null()));
    }
}

/// Leads belong to no account. The account of the company is the one with its name, if there is one, and it alone is changed.
#[tokio::test(flavor = "multi_thread")]
async fn the_company_of_a_lead_makes_no_account_and_changes_the_one_of_its_name() {
    let twins = [json!({"Name": "Twin"}), json!({"Name": "Twin"})];
    let known = [json!({"Name": "Acme", "BillingCity": "Nantes"}), twins[0].clone(), twins[1].clone()];
    let (scene, kayo) = scene_with(&known, |document| {
        document["people"]["when_unknown"] = json!("lead");
        document["mappings"]["lead"]["static"] = json!({"Company": "none"});
        document["mappings"]["lead"]["fields"].as_array_mut().unwrap().retain(|rule| rule["to"] != "Company");
    })
    .await;
    for (n, name) in ["ACME", "Unknown SA", "Twin"].into_iter().enumerate() {
        scene.work(&kayo, &says(&scene, n, &format!("e{n}"), json!({"name": name, "city": "Lyon"}))).await;
    }
    let cities: Vec<Value> = scene.records("Account").into_iter().map(|account| account["BillingCity"].clone()).collect();
    assert_eq!((cities.len(), cities.iter().filter(|city| **city == "Lyon").count()), (3, 1), "{cities:?}");
    assert_eq!(scene.records("Lead").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_by_its_name_in_an_attribute_of_the_person_is_one_too() {
    let (scene, kayo) = scene_with(&[], |_| {}).await;
    let named = |n: usize, company: &str| {
        let mut event = says(&scene, n, &format!("e{n}"), Value::Null);
        event["person"]["company"] = json!(company);
        event
    };
    scene.accept("kayo", &json!([named(1, "ACME"), named(2, " acme ")])).await;
    scene.sweep().await;
    scene.work(&kayo, &named(3, "Acme")).await;
    let made = account(&scene);
    assert!(scene.records("Contact").iter().all(|contact| contact["AccountId"] == made["Id"]));
    assert_eq!(company(&scene, &kayo, json!("acme")).await.link.unwrap().id.to_string(), made["Id"].as_str().unwrap());
}

/// A call with a new account and contacts, or a change of the account, is done, and its answer is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_answer_is_lost_makes_nothing_twice() {
    let (scene, kayo) = scene_with(&[], |_| {}).await;
    for (n, city) in ["Lyon", "Paris"].into_iter().enumerate() {
        let cut = Matcher { body_contains: Some(format!("\"BillingCity\":\"{city}\"")), count: Some(1), ..Matcher::default() };
        scene.org().control().fault(cut, Effect::CutAfter);
        let id = format!("e{n}");
        scene.accept("kayo", &says(&scene, n, &id, json!({"id": 7, "name": "ACME", "city": city}))).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, &id).await.status, "retry", "{city}: nobody was told");
        for _ in 0..3 {
            scene.sweep().await;
        }
        assert!(scene.event(&kayo, &id).await.due_at.is_none(), "{city}: it has ended");
        let made = account(&scene);
        assert_eq!((&made["BillingCity"], scene.records("Contact").len()), (&json!(city), n + 1));
        assert_eq!(company(&scene, &kayo, json!(7)).await.link.unwrap().id.to_string(), made["Id"].as_str().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_not_hung_on_and_a_merged_one_is_followed() {
    let (scene, kayo) = scene_with(&[], |_| {}).await;
    scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME"}))).await;
    let first = account(&scene);
    scene.as_colleague(|org, session| org.delete(session, "Account", first["Id"].as_str().unwrap()).unwrap());
    scene.work(&kayo, &says(&scene, 2, "e2", json!({"id": 7}))).await;
    let second = account(&scene);
    assert_ne!(second["Id"], first["Id"]);

    let master = scene.as_colleague(|org, session| {
        let master = org.create(session, "Account", json!({"Name": "ACME Group"}).as_object().unwrap()).unwrap();
        org.merge(session, "Account", master, &[id_of(&second)]).unwrap();
        master
    });
    scene.work(&kayo, &says(&scene, 3, "e3", json!({"id": 7, "city": "Lyon"}))).await;
    let left = account(&scene);
    assert_eq!((left["Id"].as_str().unwrap(), &left["BillingCity"]), (master.to_string().as_str(), &json!("Lyon")));
    assert_eq!(company(&scene, &kayo, json!(7)).await.link.unwrap().id.to_string(), master.to_string());
    let of =
        |n: usize| scene.records("Contact").into_iter().find(|contact| contact["Email"] == format!("p{n}@example.org")).unwrap()["AccountId"].clone();
    assert_eq!((of(2), of(3)), (left["Id"].clone(), left["Id"].clone()));
}

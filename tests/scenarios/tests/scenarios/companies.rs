//! Companies and their accounts: by the events of their people, and by the hourly run.

use jiff::SignedDuration;
use passerelle_core::{
    adapters::state::people::Whom,
    app::{reconcile::step as run_step, upsert::Workbench},
    domain::{
        company::{identities, name_identity},
        ids::ConnectionId,
        person::{Person, id_alias},
        place::Place,
        run::Run,
    },
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, person, record, set_rule, settled};
use salesforce_sim::{Effect, Matcher, Seed, id::Id};
use serde_json::{Value, json};

use crate::{reconcile::hour, synchronise::carry, webmecanik};

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
    event["occurred_at"] = json!(scene.clock.now());
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
    table.load_people(c, None, &keys).await.unwrap().remove(0)
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

/// Accounts go both ways each hour.
fn hourly(document: &mut Value) {
    document["reconciliation"] = json!({"push": "on", "pull": "on", "deleted_company": "company.gone"});
    document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "company.gone", "type": "boolean"}));
    document["platform"]["webhook"] = json!({"url": "https://platform.example.com/hooks/salesforce"});
}

/// What the platform is to be told of a company, the last first.
async fn told(scene: &Scene, c: &ConnectionId, company: &Person) -> Vec<Value> {
    let open = scene.stack.ports().table.open_deliveries(c, &company.key).await.unwrap();
    open.into_iter().rev().map(|(_, delivery)| serde_json::from_str(&delivery.body).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_a_colleague_edits_comes_to_the_company() {
    let (scene, kayo) = scene_with(&[], hourly).await;
    scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "site": "https://acme.example", "city": "Lyon"}))).await;
    hour(&scene, &kayo).await;
    scene.edit("Account", &account(&scene), &json!({"Name": "ACME Group", "Website": "https://group.example", "BillingCity": "Paris"}));
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.accounts, run.sheet.to_platform, run.sheet.to_salesforce), (1, 1, 1), "{run:?}");
    let acme = company(&scene, &kayo, json!(7)).await;
    let values = ["company.name", "company.site", "company.city"].map(|path| acme.value(path).cloned().unwrap());
    assert_eq!(values, [json!("ACME Group"), json!("https://group.example"), json!("Lyon")]);
    assert_eq!(account(&scene)["BillingCity"], "Lyon", "the platform's city goes back");
    let last = told(&scene, &kayo, &acme).await.remove(0);
    assert_eq!((&last["type"], &last["company"]), (&json!("company.updated"), &json!({"ids": ["7"], "name": "ACME Group"})));
    assert_eq!(last["changes"], json!({"company.name": "ACME Group", "company.site": "https://group.example"}));

    // Who names it by its new name means the same company; and nothing is left to be done.
    scene.work(&kayo, &says(&scene, 2, "e2", json!({"name": "ACME Group"}))).await;
    assert_eq!(scene.records("Contact").iter().filter(|contact| contact["AccountId"] == account(&scene)["Id"]).count(), 2);
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.to_platform, run.sheet.to_salesforce), (0, 0), "{run:?}");
    hour(&scene, &kayo).await;
    let (calls, before) = (scene.api_calls(), account(&scene));
    let run = hour(&scene, &kayo).await;
    assert_eq!((scene.api_calls() - calls, run.api_calls, run.sheet.read), (1, 1, 0), "an idle hour costs one call: {run:?}");
    assert_eq!(account(&scene), before);
}

/// Without hourly runs, and without news of its people, nothing else would look at a company.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_everybody_means_companies_too_and_who_counts_people_does_not() {
    let (scene, kayo) = scene_with(&[], |_| {}).await;
    let two = [says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "city": "Lyon"})), says(&scene, 2, "e2", json!({"id": 7}))];
    scene.accept("kayo", &json!(two)).await;
    scene.sweep().await;
    let made = account(&scene);
    scene.edit("Account", &made, &json!({"BillingCity": "Paris"}));
    for (to_salesforce, page) in [(1, 1), (0, 1), (0, 1_600)] {
        let run = carry(&scene, &kayo, &Workbench::with_pages_of(page), None).await;
        assert_eq!((run.sheet.asked, run.sheet.to_salesforce, run.sheet.unchanged), (3, to_salesforce, 3 - to_salesforce), "{run:?}");
        assert_eq!((&account(&scene)["BillingCity"], &account(&scene)["Id"]), (&json!("Lyon"), &made["Id"]));
    }
    // A project is its people.
    let run = carry(&scene, &kayo, &Workbench::default(), Some("salon-du-bourget")).await;
    assert_eq!(run.sheet.asked, 2, "{run:?}");
    let count = async |whom| {
        let (start, end) = (Place::at(jiff::Timestamp::UNIX_EPOCH), Place::at(scene.clock.now() + SignedDuration::from_secs(5)));
        scene.stack.ports().table.count_people(&kayo, whom, &start, &end).await.unwrap()
    };
    assert_eq!([count(Whom::Everybody).await, count(Whom::Linked).await, count(Whom::WithCompanies).await], [2, 2, 3]);
}

/// Both sides have changed the site; the later statement stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_of_both_sides_is_decided_by_the_strategy() {
    for (strategy, site) in
        [("most_recent", "https://b.example"), ("always_salesforce", "https://b.example"), ("always_platform", "https://a.example")]
    {
        let (scene, kayo) = scene_with(&[], |document| {
            hourly(document);
            let rule = json!({"from": "company.site", "to": "Website", "strategy": strategy, "direction": "both"});
            set_rule(document, "account", &rule);
        })
        .await;
        scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "site": "https://old.example"}))).await;
        hour(&scene, &kayo).await;
        let late = says(&scene, 1, "e2", json!({"id": 7, "site": "https://a.example"}));
        scene.clock.advance(SignedDuration::from_mins(10));
        scene.edit("Account", &account(&scene), &json!({"Website": "https://b.example"}));
        scene.accept("kayo", &late).await;
        scene.sweep().await;
        hour(&scene, &kayo).await;
        assert_eq!(account(&scene)["Website"], site, "{strategy}");
        assert_eq!(company(&scene, &kayo, json!(7)).await.value("company.site"), Some(&json!(site)), "{strategy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_told_and_a_restored_one_too() {
    let (scene, kayo) = scene_with(&[], hourly).await;
    scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME"}))).await;
    hour(&scene, &kayo).await;
    let id = id_of(&account(&scene));
    scene.as_colleague(|org, session| org.delete(session, "Account", &id.to_string()).unwrap());
    let run = hour(&scene, &kayo).await;
    assert!(run.sheet.deleted >= 1, "{run:?}");
    let acme = company(&scene, &kayo, json!(7)).await;
    assert_eq!(acme.value("company.gone"), Some(&json!(true)));
    let last = told(&scene, &kayo, &acme).await.remove(0);
    assert_eq!((&last["type"], &last["changes"]), (&json!("company.deleted"), &json!({"company.gone": true})));
    hour(&scene, &kayo).await;
    assert!(scene.records("Account").is_empty(), "nothing is made anew by a run");

    scene.as_colleague(|org, session| org.undelete(session, id).unwrap());
    hour(&scene, &kayo).await;
    assert_eq!(company(&scene, &kayo, json!(7)).await.value("company.gone"), Some(&json!(false)));
}

/// The city does not fit the account: it waits, and nobody's event does.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_a_company_that_does_not_fit_parks_the_company_and_nobodys_event() {
    for overflow in ["park", "drop"] {
        let (scene, kayo) = scene_with(&[json!({"Name": "ACME"})], |document| {
            hourly(document);
            document["mappings"]["account"]["fields"][2]["overflow"] = json!(overflow);
        })
        .await;
        let long = "Lyon ".repeat(10);
        let of = |n: usize, id: &str, more: Value| {
            let mut company = json!({"id": 7, "name": "ACME"});
            company.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            says(&scene, n, id, company)
        };
        for (n, more, site) in [
            (1, json!({"city": long, "site": "https://a.example"}), "https://a.example"),
            (2, json!({"site": "https://b.example"}), "https://b.example"),
        ] {
            let event = format!("e{n}");
            scene.accept("kayo", &of(n, &event, more)).await;
            scene.sweep().await;
            let stored = scene.event(&kayo, &event).await;
            assert_eq!((stored.status.as_str(), scene.records("Contact").len()), ("applied", n), "{overflow}");
            let found = account(&scene);
            assert_eq!((&found["Website"], &found["BillingCity"]), (&json!(site), &Value::Null), "{overflow}: the rest of it is written");
            let why = scene.stack.ports().table.load_why(&stored, 10).await.unwrap();
            let told = json!(why).to_string().contains(r#""code":"value_too_long","field":"Account.BillingCity","note":"waits""#);
            assert_eq!(told, overflow == "park", "{overflow}: {why:?}");
            scene.clock.advance(SignedDuration::from_secs(1));
        }
        hour(&scene, &kayo).await;
        let run = hour(&scene, &kayo).await;
        assert_eq!((run.sheet.parked, run.sheet.balances()), (u64::from(overflow == "park"), true), "{overflow}: {run:?}");
        scene.work(&kayo, &of(3, "e3", json!({"city": "Nice"}))).await;
        assert_eq!(account(&scene)["BillingCity"], "Nice");
        hour(&scene, &kayo).await;
        assert_eq!(hour(&scene, &kayo).await.sheet.parked, 0, "{overflow}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_merged_are_followed_by_runs() {
    let (scene, kayo) = scene_with(&[], hourly).await;
    scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "city": "Lyon"}))).await;
    hour(&scene, &kayo).await;
    let loser = id_of(&account(&scene));
    let master = scene.as_colleague(|org, session| {
        let fields = json!({"Name": "ACME Group", "Website": "https://group.example"});
        let master = org.create(session, "Account", fields.as_object().unwrap()).unwrap();
        org.merge(session, "Account", master, &[loser]).unwrap();
        master
    });
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.merged, run.sheet.deleted), (1, 0), "{run:?}");
    let acme = company(&scene, &kayo, json!(7)).await;
    assert_eq!(acme.link.as_ref().unwrap().id.to_string(), master.to_string());
    assert_eq!((acme.value("company.gone"), acme.value("company.name")), (None, Some(&json!("ACME Group"))));
    assert_eq!(told(&scene, &kayo, &acme).await.remove(0)["type"], json!("company.merged"));
    assert_eq!(account(&scene)["BillingCity"], "Lyon");
}

/// An event that no workflow writes leaves its news to the next run; without accounts in the document, runs read none.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_action_writes_of_a_company_goes_with_the_next_run() {
    let (scene, kayo) = scene_with(&[], |document| {
        hourly(document);
        let quiet = json!({"name": "seen", "trigger": "seen", "actions": [{"activity": {"object": "Task", "subject": "Seen"}}]});
        document["workflows"].as_array_mut().unwrap().push(quiet);
    })
    .await;
    scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME", "city": "Lyon"}))).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    let mut seen = says(&scene, 1, "e2", json!({"id": 7, "city": "Paris"}));
    seen["type"] = json!("seen");
    scene.work(&kayo, &seen).await;
    assert_eq!(account(&scene)["BillingCity"], "Lyon");
    let run = hour(&scene, &kayo).await;
    assert_eq!((&account(&scene)["BillingCity"], run.sheet.waited), (&json!("Paris"), 2), "the company and its person: {run:?}");

    scene
        .apply(&scene.document("kayo", |document| {
            accounts(document);
            hourly(document);
            document["people"]["account"]["mode"] = json!("off");
        }))
        .await;
    scene.edit("Account", &account(&scene), &json!({"BillingCity": "Nantes"}));
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.sheet.accounts, &account(&scene)["BillingCity"]), (0, &json!("Nantes")), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_contact_belongs_to_the_company_that_an_earlier_event_has_named() {
    let (scene, kayo) = scene_with(&[], |document| {
        hourly(document);
        let quiet = json!([{"name": "seen", "trigger": "contact_captured", "actions": [{"unsubscribe": {}}]}]);
        document["workflows"] = quiet;
    })
    .await;
    scene.accept("kayo", &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME"}))).await;
    scene.sweep().await;
    assert!(scene.records("Contact").is_empty());
    scene.apply(&scene.document("kayo", accounts)).await;
    scene.work(&kayo, &says(&scene, 1, "e2", Value::Null)).await;
    assert_eq!(scene.records("Contact")[0]["AccountId"], account(&scene)["Id"]);
}

/// Lets an hour pass and runs with pages of another length.
async fn hour_in_pages(scene: &Scene, c: &ConnectionId, bench: &Workbench) -> Run {
    scene.clock.advance(SignedDuration::from_mins(61));
    for _ in 0..50 {
        let step = run_step(scene.stack.ports(), bench, c, scene.clock.now() + SignedDuration::from_secs(60)).await.unwrap();
        if let Some(run) = step.ended {
            assert!(run.sheet.balances(), "{run:?}");
            return run;
        }
    }
    panic!("no end");
}

/// The name of a contact's account is read with the contact, and comes to the person with an edit of the contact or of the account.
#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_contacts_account_is_an_attribute_of_the_person_at_no_call_more() {
    let (scene, kayo) = scene_with(&[json!({"Name": "Other SA"})], |document| {
        hourly(document);
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.employer", "type": "text"}));
        let rule = json!({"from": "person.employer", "to": "Account.Name", "strategy": "always_salesforce", "direction": "to_platform"});
        set_rule(document, "contact", &rule);
    })
    .await;
    scene.work(&kayo, &says(&scene, 1, "e1", json!({"id": 7, "name": "ACME"}))).await;
    hour(&scene, &kayo).await;
    hour(&scene, &kayo).await;
    let contact = scene.records("Contact").remove(0);
    let other = scene.records("Account").into_iter().find(|account| account["Name"] == "Other SA").unwrap();
    scene.edit("Contact", &contact, &json!({"AccountId": other["Id"]}));
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.api_calls, run.sheet.to_platform), (1, 1), "{run:?}");
    let table = &scene.stack.ports().table;
    let employer = async || {
        let keys: Vec<_> = table.load_aliases(&kayo, &[id_alias("p1")]).await.unwrap().into_iter().map(|(_, key)| key).collect();
        table.load_people(&kayo, None, &keys).await.unwrap().remove(0).value("person.employer").cloned()
    };
    assert_eq!(employer().await, Some(json!("Other SA")));
    // Nobody edits the contact, and its account has another one, of whom nobody has heard.
    let stranger = json!({"LastName": "Stranger", "Email": "stranger@example.org", "AccountId": other["Id"]});
    scene.as_colleague(|org, session| org.create(session, "Contact", stranger.as_object().unwrap()).unwrap());
    hour(&scene, &kayo).await;
    scene.clock.advance(SignedDuration::from_hours(24));
    for (name, page) in [("Other Group", 1), ("Other Holding", 1_600)] {
        scene.edit("Account", &other, &json!({"Name": name}));
        let run = hour_in_pages(&scene, &kayo, &Workbench::with_pages_of(page)).await;
        assert_eq!((employer().await, run.sheet.unknown), (Some(json!(name)), 2), "the account is no company's, and the stranger nobody: {run:?}");
    }
    hour(&scene, &kayo).await;
    let run = hour(&scene, &kayo).await;
    assert_eq!((run.api_calls, run.sheet.read), (1, 0), "{run:?}");
    scene.work(&kayo, &says(&scene, 1, "e2", json!({"id": 7, "city": "Lyon"}))).await;
    assert_eq!(scene.records("Contact").remove(0)["AccountId"], other["Id"], "whom a colleague has moved stays there");
}

/// As Automation has it: its contacts name their companies, and Salesforce's accounts have the last word about the name.
#[tokio::test(flavor = "multi_thread")]
async fn webmecaniks_companies_follow_the_accounts_of_their_names() {
    let (scene, kayo) = Scene::of_preset(webmecanik::PRESET, webmecanik::fields(), vec![record("Account", json!({"Name": "ACME"}))]).await;
    let fields = json!({"email": "jeanne@example.org", "firstname": "Jeanne", "lastname": "Moreau", "lead_company": "ACME", "company": "acme"});
    webmecanik::deliver(&scene, "lead_post_save_new", fields, json!({})).await;
    assert_eq!(scene.records("Lead").len(), 1);
    assert_eq!(company(&scene, &kayo, json!("ACME")).await.link.unwrap().id.to_string(), account(&scene)["Id"].as_str().unwrap());
    assert_eq!(account(&scene)["Name"], "ACME", "the name is Salesforce's");
    hour(&scene, &kayo).await;
    scene.edit("Account", &account(&scene), &json!({"Name": "ACME Group"}));
    hour(&scene, &kayo).await;
    assert_eq!(company(&scene, &kayo, json!("acme group")).await.value("company.name"), Some(&json!("ACME Group")));
    let id = id_of(&account(&scene));
    scene.as_colleague(|org, session| org.delete(session, "Account", &id.to_string()).unwrap());
    hour(&scene, &kayo).await;
    assert_eq!(company(&scene, &kayo, json!("acme")).await.value("company.deleted_in_salesforce"), Some(&json!(true)));
}

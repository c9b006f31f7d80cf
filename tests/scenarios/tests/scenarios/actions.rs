//! What workflows do besides people and activities: campaign members, unsubscribing, accounts, owners.

use jiff::SignedDuration;
use passerelle_core::{
    app::{check, tokens::SessionCache},
    domain::ids::ConnectionId,
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, capture, custom_field, person, record, settled};
use salesforce_sim::{
    Effect, Matcher, Seed,
    seed::{CampaignSeed, CustomFieldKind, MemberStatusSeed, QueueSeed},
};
use serde_json::{Value, json};

/// KAYO's preset with other workflows and whatever else differs.
pub async fn scene(seed: Seed, change: impl Fn(&mut Value)) -> (Scene, ConnectionId) {
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo = scene.active("kayo").await;
    scene.apply(&scene.document("kayo", change)).await;
    (scene, kayo)
}

pub fn event(id: &str, kind: &str, minute: u8, person: Value) -> Value {
    let mut event = capture(id, person);
    event["type"] = json!(kind);
    event["occurred_at"] = json!(format!("2026-08-30T10:{minute:02}:00+02:00"));
    event
}

fn campaign(name: &str, statuses: &[&str]) -> CampaignSeed {
    let status =
        |(i, label): (usize, &&str)| MemberStatusSeed { label: (*label).to_owned(), is_default: i == 0, has_responded: i + 1 == statuses.len() };
    CampaignSeed {
        fields: json!({"Name": name, "IsActive": true}).as_object().unwrap().clone(),
        statuses: statuses.iter().enumerate().map(status).collect(),
        label: None,
    }
}

/// Registered, then attended, of a salon whose campaign the project names.
pub fn members(document: &mut Value) {
    let member = |status: &str| json!([{"person": {}}, {"campaign_member": {"status": status}}]);
    document["campaigns"] = json!({"order": ["Registered", "Attended"]});
    document["projects"]["list"]["salon-du-bourget"]["campaign"] = json!({"name": " salon 2026 "});
    document["workflows"] = json!([
        {"name": "registered", "trigger": "registered", "actions": member("Registered")},
        {"name": "attended", "trigger": "attended", "actions": member("Attended")}]);
}

pub fn with_campaign() -> Seed {
    let mut seed = settled(|doubts| doubts.references_into_collections = true);
    seed.campaigns.push(campaign("Salon 2026", &["Sent", "Registered", "Attended"]));
    seed
}

pub fn statuses(scene: &Scene) -> Vec<Value> {
    scene.records("CampaignMember").iter().map(|member| member["Status"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_moves_up_and_a_late_event_never_takes_them_down() {
    let (scene, kayo) = scene(with_campaign(), members).await;
    scene.accept("kayo", &event("r1", "registered", 1, person(1))).await;
    scene.sweep().await;
    assert_eq!(statuses(&scene), ["Registered"]);
    assert_eq!(scene.records("CampaignMember")[0]["LeadId"], scene.records("Lead")[0]["Id"]);
    scene.accept("kayo", &event("a1", "attended", 2, person(1))).await;
    scene.sweep().await;
    assert_eq!(statuses(&scene), ["Attended"]);
    // Registered again, whether late or later: they have attended.
    for (id, minute) in [("r2", 0), ("r3", 30)] {
        scene.accept("kayo", &event(id, "registered", minute, person(1))).await;
        scene.sweep().await;
        assert_eq!((scene.event(&kayo, id).await.status.as_str(), statuses(&scene)), ("applied", vec![json!("Attended")]), "{id}");
    }
    // Both at once, in any order of arrival, are one member and one write.
    scene.accept("kayo", &json!([event("a2", "attended", 2, person(2)), event("r4", "registered", 1, person(2))])).await;
    scene.sweep().await;
    assert_eq!(statuses(&scene), ["Attended", "Attended"]);
    let outcomes = scene.outcomes(&kayo, &["r1", "a1", "a2", "r4"]).await;
    assert!(outcomes.values().all(|outcome| outcome == "applied"), "{outcomes:?}");
}

/// People, campaign and memberships are looked up in one call, people and memberships written in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_new_members_cost_two_calls() {
    let (scene, kayo) = scene(with_campaign(), members).await;
    let before = scene.api_calls();
    let events: Vec<Value> = (0..100).map(|n| event(&format!("r{n}"), "registered", 1, person(n))).collect();
    scene.accept("kayo", &Value::from(events)).await;
    scene.sweep().await;
    assert_eq!((scene.records("CampaignMember").len(), scene.api_calls() - before), (100, 2));
    assert_eq!(scene.event(&kayo, "r99").await.status, "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_made_unseen_is_found_and_not_made_twice() {
    for (name, effect) in [("after", Effect::CutAfter), ("before", Effect::CutBefore)] {
        let (scene, kayo) = scene(with_campaign(), members).await;
        let writes = Matcher { body_contains: Some("\"CampaignId\":".to_owned()), count: Some(1), ..Matcher::default() };
        scene.org().control().fault(writes, effect);
        scene.accept("kayo", &event("r1", "registered", 1, person(1))).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "r1").await.status, "retry", "{name}");
        scene.sweep().await;
        assert_eq!((scene.event(&kayo, "r1").await.status.as_str(), scene.records("CampaignMember").len()), ("applied", 1), "{name}");
    }
}

/// Further fields of a membership go by a mapping of its own, for leads and for contacts.
#[tokio::test(flavor = "multi_thread")]
async fn a_membership_has_fields_by_its_own_mapping() {
    for (when_unknown, pointer) in [("lead", "LeadId"), ("contact", "ContactId")] {
        let mut seed = with_campaign();
        seed.custom_fields.push(custom_field("CampaignMember", "Badge__c", CustomFieldKind::Text { length: 5 }));
        let (scene, kayo) = scene(seed, |document| {
            members(document);
            document["people"]["when_unknown"] = json!(when_unknown);
            document["platform"]["attributes"] = json!([]);
            document["mappings"]["member"] =
                json!({"object": "CampaignMember", "fields": [{"from": "data.badge", "to": "Badge__c", "strategy": "always_platform", "overflow": "truncate"}]});
            for workflow in 0..2 {
                document["workflows"][workflow]["actions"][1]["campaign_member"]["mapping"] = json!("member");
            }
        })
        .await;
        for (id, kind, minute, badge, want) in [("r1", "registered", 1, "B-123456", "B-123"), ("a1", "attended", 2, "C-9", "C-9")] {
            let mut event = event(id, kind, minute, person(1));
            event["data"] = json!({"badge": badge});
            scene.accept("kayo", &event).await;
            scene.sweep().await;
            assert_eq!(scene.event(&kayo, id).await.status, "applied", "{when_unknown} {id}");
            let member = scene.records("CampaignMember").remove(0);
            assert_eq!((&member["Badge__c"], member[pointer].is_null()), (&json!(want), false), "{when_unknown} {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_campaign_is_told_and_cured_by_the_configuration() {
    let mut seed = with_campaign();
    seed.campaigns.extend([campaign("Twin", &["Registered", "Attended"]), campaign("Twin", &["Registered", "Attended"])]);
    seed.campaigns.push(campaign("Plain", &["Sent", "Responded"]));
    for (named, code, told) in [
        (json!({"name": "Salon 2025"}), "campaign_not_found", "Salon 2026"),
        (json!({"name": "Something else entirely"}), "campaign_not_found", "Something else"),
        (json!({"name": "Twin"}), "campaign_ambiguous", "701"),
        (json!({"name": "Plain"}), "campaign_status_unknown", "Sent, Responded"),
    ] {
        let (scene, kayo) = scene(seed.clone(), |document| {
            members(document);
            document["projects"]["list"]["salon-du-bourget"]["campaign"] = named.clone();
        })
        .await;
        scene.accept("kayo", &event("r1", "registered", 1, person(1))).await;
        scene.sweep().await;
        let outcome = json!(scene.event(&kayo, "r1").await.outcome);
        assert_eq!(outcome["problem"]["code"], code, "{outcome}");
        assert!(outcome["problem"]["message"].as_str().unwrap().contains(told), "{outcome}");
        assert_eq!((scene.records("CampaignMember").len(), scene.records("Lead").len()), (0, 1), "the person is there all the same");
        // The right name, or one of the ids, and it goes on.
        let ids = scene.records("Campaign");
        let id = ids.iter().find(|campaign| campaign["Name"] == "Twin").unwrap()["Id"].clone();
        scene
            .apply(&scene.document("kayo", |document| {
                members(document);
                document["projects"]["list"]["salon-du-bourget"]["campaign"] = json!({"id": id});
            }))
            .await;
        scene.sweep().await;
        scene.sweep().await;
        assert_eq!((scene.event(&kayo, "r1").await.status.as_str(), statuses(&scene)), ("applied", vec![json!("Registered")]), "{code}");
        assert_eq!(scene.records("CampaignMember")[0]["CampaignId"], id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_kept_by_its_id_and_its_new_name_is_told() {
    let (scene, kayo) = scene(with_campaign(), members).await;
    scene.accept("kayo", &event("r1", "registered", 1, person(1))).await;
    scene.sweep().await;
    let id = scene.records("CampaignMember")[0]["CampaignId"].as_str().unwrap().to_owned();
    scene.administer(|org, session| org.update(session, "Campaign", &id, json!({"Name": "Salon 2026 (Paris)"}).as_object().unwrap()).unwrap());
    scene.clock.advance(SignedDuration::from_hours(25));
    scene.accept("kayo", &event("r2", "registered", 2, person(2))).await;
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "r2").await.status, "applied");
    assert_eq!(scene.records("CampaignMember")[1]["CampaignId"], json!(id));
    let problems = scene.stack.ports().table.load_problems(&kayo).await.unwrap();
    assert_eq!(problems.iter().map(|problem| problem.finding.code.as_ref()).collect::<Vec<_>>(), ["campaign_renamed"]);
}

/// `verify` tells it before anything is sent, by one call more.
#[tokio::test(flavor = "multi_thread")]
async fn the_check_finds_what_is_wrong_with_a_campaign() {
    for (name, codes) in [("Salon 2026", vec![]), ("Salon 2025", vec!["campaign_not_found"])] {
        let (scene, kayo) = scene(with_campaign(), |document| {
            members(document);
            document["projects"]["list"]["salon-du-bourget"]["campaign"] = json!({"name": name});
        })
        .await;
        let before = scene.api_calls();
        let report = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
        let found: Vec<_> = report.findings.iter().filter(|finding| finding.code.starts_with("campaign")).collect();
        assert_eq!(found.iter().map(|finding| finding.code.as_ref()).collect::<Vec<_>>(), codes);
        assert!(
            found
                .iter()
                .all(|finding| finding.words.en.contains("There is Salon 2026") && finding.place == "projects.list.salon-du-bourget.campaign")
        );
        assert!(!report.has_errors() || !codes.is_empty(), "{:?}", report.findings);
        assert_eq!(scene.api_calls() - before, 2);
    }
}

fn unsubscribe(document: &mut Value) {
    document["workflows"] = json!([
        {"name": "captured", "trigger": "contact_captured", "actions": [{"person": {}}]},
        {"name": "unsubscribed", "trigger": "unsubscribed", "actions": [{"unsubscribe": {}}]}]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_no_emails_is_heard_whatever_else_is_updated() {
    // Contacts are not updated in KAYO's preset; leads are.
    for object in ["Contact", "Lead"] {
        let mut seed = Seed::demo();
        let mut fields = json!({"LastName": "Person 1", "Email": "p1@example.org", "Title": null});
        if object == "Lead" {
            fields["Company"] = json!("Company");
        }
        seed.records.push(record(object, fields));
        let (scene, kayo) = scene(seed, unsubscribe).await;
        let mut wish = person(1);
        wish["job"] = json!("CTO");
        scene.accept("kayo", &event("u1", "unsubscribed", 1, wish)).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "u1").await.status, "applied", "{object}");
        let found = &scene.records(object)[0];
        assert_eq!((&found["HasOptedOutOfEmail"], &found["Title"]), (&json!(true), &Value::Null), "{object}: nothing else is written");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unsubscribing_creates_nobody_and_yields_to_a_later_statement() {
    let (scene, kayo) = scene(Seed::demo(), unsubscribe).await;
    scene.accept("kayo", &event("u1", "unsubscribed", 1, person(1))).await;
    scene.sweep().await;
    assert_eq!((scene.event(&kayo, "u1").await.status.as_str(), scene.records("Lead").len()), ("unchanged", 0));
    // Captured later, the person is made with the wish that was known.
    scene.accept("kayo", &event("c1", "contact_captured", 2, person(1))).await;
    scene.sweep().await;
    assert_eq!(scene.records("Lead")[0]["HasOptedOutOfEmail"], json!(true));
    // A colleague notes that they changed their mind; an older wish that comes late does not undo it.
    scene.clock.advance(SignedDuration::from_mins(10));
    scene.edit("Lead", &scene.records("Lead")[0], &json!({"HasOptedOutOfEmail": false}));
    scene.accept("kayo", &event("u2", "unsubscribed", 0, person(1))).await;
    scene.sweep().await;
    assert_eq!(scene.records("Lead")[0]["HasOptedOutOfEmail"], json!(false));
    // A new one does.
    let mut again = event("u3", "unsubscribed", 0, person(1));
    again["occurred_at"] = json!(scene.clock.now());
    scene.accept("kayo", &again).await;
    scene.sweep().await;
    assert_eq!(scene.records("Lead")[0]["HasOptedOutOfEmail"], json!(true));
}

fn contacts(mode: &str) -> impl Fn(&mut Value) {
    let mode = mode.to_owned();
    move |document: &mut Value| {
        document["people"]["when_unknown"] = json!("contact");
        document["people"]["account"] = json!({"mode": mode});
        document["workflows"] = json!([{"name": "captured", "trigger": "contact_captured", "actions": [{"person": {}}]}]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contacts_get_the_account_of_their_company_only_where_that_is_asked_for() {
    let of = |n: usize, company: &str| {
        let mut person = person(n);
        person["company"] = json!(company);
        event(&format!("e{n}"), "contact_captured", 1, person)
    };
    for (mode, accounts, linked) in [("off", 3, 0), ("find", 3, 1), ("find_or_create", 4, 3)] {
        let mut seed = settled(|doubts| doubts.references_into_collections = true);
        seed.records.extend(["Known SA", "Twin", "twin"].map(|name| record("Account", json!({"Name": name}))));
        let (scene, kayo) = scene(seed, contacts(mode)).await;
        // Two people of one new company, one of a known one, one of a name that two accounts have.
        scene.accept("kayo", &json!([of(1, "New"), of(2, " new "), of(3, "KNOWN SA"), of(4, "Twin")])).await;
        let before = scene.api_calls();
        scene.sweep().await;
        assert_eq!(scene.api_calls() - before, 2, "{mode}");
        let contacts = scene.records("Contact");
        assert_eq!(contacts.len(), 4, "{mode}");
        assert_eq!(scene.records("Account").len(), accounts, "{mode}");
        assert_eq!(contacts.iter().filter(|contact| !contact["AccountId"].is_null()).count(), linked, "{mode}");
        if mode == "find_or_create" {
            let of = |n: usize| contacts.iter().find(|contact| contact["Email"] == format!("p{n}@example.org")).unwrap()["AccountId"].clone();
            assert_eq!(of(1), of(2));
            assert_eq!(scene.notes(&kayo, "e4").await, [json!({"note": "account_ambiguous", "name": "Twin"})]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_collaborator_is_no_active_user_goes_to_the_first_substitute_that_can() {
    let mut seed = Seed::demo();
    seed.queues.push(QueueSeed { name: "Salon".to_owned(), developer_name: "Salon".to_owned(), id: None });
    for (fallback, owner, unknown) in [
        (json!([{"queue": "Salon"}, "integration"]), "queue Salon", 0),
        (json!([{"user": "commercial@kayo.fr"}, {"user": "Technique@kayo.fr"}]), "user Technique@kayo.fr", 1),
        (json!([{"queue": "Nowhere"}]), "integration user", 1),
        (json!([]), "integration user", 0),
    ] {
        let (scene, kayo) = scene(seed.clone(), |document| document["people"]["owner_fallback"] = fallback.clone()).await;
        let mut event = capture("e1", person(1));
        // Camille has left.
        event["collaborator"]["email"] = json!("commercial@kayo.fr");
        scene.accept("kayo", &event).await;
        scene.sweep().await;
        assert_eq!(scene.event(&kayo, "e1").await.status, "applied", "{owner}");
        let notes = scene.notes(&kayo, "e1").await;
        assert!(notes.contains(&json!({"note": "owner_fallback", "to": owner})), "{owner}: {notes:?}");
        let lead = &scene.records("Lead")[0];
        let prefix = if owner.starts_with("queue") { "00G" } else { "005" };
        assert!(lead["OwnerId"].as_str().unwrap().starts_with(prefix), "{owner}: {lead}");
        let report = check::verify(scene.stack.ports(), &SessionCache::default(), &kayo).await.unwrap();
        let told = report.findings.iter().filter(|finding| finding.code == "owner_fallback_unknown").count();
        assert_eq!(told, unknown, "{owner}: {:?}", report.findings);
        // Queues own no events, so the activity goes to whoever comes next.
        assert!(scene.records("Event")[0]["OwnerId"].as_str().unwrap().starts_with("005"), "{owner}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collaborator_is_looked_for_once_a_day_and_one_who_left_meanwhile_is_noticed() {
    let (scene, kayo) = scene(settled(|doubts| doubts.references_into_collections = true), |document| {
        document["people"]["owner_fallback"] = json!(["integration"]);
        // Nothing else is to be read of a known person.
        document["people"]["update_leads"] = json!("off");
    })
    .await;
    let met = |id: &str| {
        let mut event = capture(id, person(1));
        event["collaborator"]["email"] = json!("commercial@kayo.fr");
        event
    };
    let camille = |active: bool| {
        scene.administer(|org, _| {
            let id = org.users().find(|user| user.email == "commercial@kayo.fr").unwrap().id;
            org.set_user_active(&id, active);
        });
    };
    camille(true);
    let owner_of_last = |scene: &Scene| scene.records("Event").last().unwrap()["OwnerId"].clone();
    scene.work(&kayo, &met("e1")).await;
    let seller = owner_of_last(&scene);
    // Known people and a known collaborator: only the write is left, in a shift of its own.
    let before = scene.api_calls();
    scene.work(&kayo, &met("e2")).await;
    assert_eq!((scene.api_calls() - before, owner_of_last(&scene)), (1, seller.clone()));
    // They leave; the refusal says so, and the activity goes to the substitute in the same shift.
    camille(false);
    scene.work(&kayo, &met("e3")).await;
    assert_eq!(scene.records("Event").len(), 3);
    assert_ne!(owner_of_last(&scene), seller);
    // From now on that is known. A quarter of an hour later it is asked whether they are back.
    let before = scene.api_calls();
    scene.work(&kayo, &met("e4")).await;
    assert_eq!(scene.api_calls() - before, 1);
    camille(true);
    scene.clock.advance(SignedDuration::from_mins(16));
    scene.work(&kayo, &met("e5")).await;
    assert_eq!(owner_of_last(&scene), seller);
}

//! A Mautic as the platform: what changes there comes with the hourly run, and what Salesforce changes is written to it.

use std::sync::Arc;

use jiff::SignedDuration;
use mautic_sim::{CLIENT_ID, CLIENT_SECRET, Fault, Field, Hook, Mautic, PASSWORD, USER};
use passerelle_core::{
    app::{
        check,
        configure::{self, ConfigureError},
        mautic,
        tokens::SessionCache,
    },
    domain::{
        finding::Finding,
        ids::ConnectionId,
        run::{Run, Tally},
    },
    ports::Clock,
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, custom_field, logs, set_rule};
use salesforce_sim::{Seed, id::Id, org::Conversion, seed::CustomFieldKind};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::webmecanik::fields;

const PRESET: &str = include_str!("../../../../infra/presets/webmecanik.yaml");

/// A connection between a simulated Mautic and a simulated org.
pub struct World {
    pub scene: Scene,
    pub mautic: Mautic,
    pub url: String,
    pub c: ConnectionId,
}

impl World {
    pub async fn new() -> Self {
        Self::with(json!({"client_credentials": {"client_id": CLIENT_ID}}), CLIENT_SECRET).await
    }

    pub async fn with(auth: Value, secret: &str) -> Self {
        Self::of(Seed::demo(), auth, secret).await
    }

    pub async fn of(mut seed: Seed, auth: Value, secret: &str) -> Self {
        seed.custom_fields.extend(fields());
        for object in ["Lead", "Contact"] {
            seed.custom_fields.push(custom_field(object, "vip__c", CustomFieldKind::Checkbox));
            seed.custom_fields.push(custom_field(object, "score__c", CustomFieldKind::Number { precision: 10, scale: 2 }));
        }
        let scene = Scene::with(seed, Switch::Off).await;
        let clock = Arc::clone(&scene.clock);
        let mautic = Mautic::new(Arc::new(move || clock.now()));
        mautic.with(|store| {
            let more = [("lead_company", "text"), ("deleted_in_salesforce", "boolean"), ("vip", "boolean"), ("score", "number")];
            store.fields.extend(more.map(|(alias, kind)| Field::new(alias, kind)));
            let more = [("deleted_in_salesforce", "boolean"), ("staff", "number")];
            store.company_fields.extend(more.map(|(alias, kind)| Field::new(alias, kind)));
        });
        let url = format!("http://{}", mautic.serve(0).await.unwrap());
        let c = scene.active("kayo").await;
        let world = Self { scene, mautic, url, c };
        world.apply(auth).await;
        world.secret(secret).await;
        world
    }

    pub async fn apply(&self, auth: Value) {
        self.scene.apply(&self.document(json!({"url": self.url, "auth": auth}))).await;
    }

    pub fn document(&self, mautic: Value) -> Value {
        self.scene.document_of(PRESET, "kayo", |document| {
            document["platform"]["mautic"] = mautic.clone();
            document["platform"]["attributes"] = json!([]);
            document["reconciliation"] = json!({"push": "on", "pull": "on", "deleted": "person.deleted_in_salesforce",
                                                "deleted_company": "company.deleted_in_salesforce", "unknown_records": "person"});
            for (alias, to) in [("companycity", "BillingCity"), ("staff", "NumberOfEmployees")] {
                let rule = json!({"from": format!("company.{alias}"), "to": to, "strategy": "most_recent", "direction": "both", "clears": true});
                set_rule(document, "account", &rule);
            }
            for mapping in ["lead", "contact"] {
                let rules = [("vip", "vip__c"), ("score", "score__c"), ("email", "Email"), ("position", "Title"), ("phone", "Phone")];
                for (alias, to) in rules {
                    let rule = json!({"from": format!("person.{alias}"), "to": to, "strategy": "most_recent", "direction": "both", "clears": true});
                    set_rule(document, mapping, &rule);
                }
            }
        })
    }

    pub async fn secret(&self, secret: &str) {
        configure::set_platform_secret(self.scene.stack.ports(), &self.c, &secret.to_owned().into()).await.unwrap();
    }

    /// Lets an hour pass and runs; then the platform is told.
    pub async fn hour(&self) -> Run {
        self.scene.clock.advance(SignedDuration::from_mins(61));
        self.scene.stack.invoke_reconcile(json!({"due": true})).await.unwrap();
        let run = self.scene.stack.ports().table.load_runs(&self.c, 100).await.unwrap().pop().unwrap();
        assert!(run.balances(), "{run:?}");
        self.scene.sweep().await;
        run
    }

    /// Runs until both sides have what the other one had at first.
    pub async fn settle(&self) {
        self.hour().await;
        self.hour().await;
        self.writes();
    }

    pub fn now(&self) -> jiff::Timestamp {
        self.scene.clock.now()
    }

    /// A contact as somebody makes it in Mautic.
    pub fn add(&self, name: &str, more: Value) -> u64 {
        let mut values = json!({"email": format!("{name}@example.org"), "lastname": name, "lead_company": "ACME"});
        values.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let now = self.now();
        self.mautic.with(|store| store.add(&values, now))
    }

    pub fn edit_contact(&self, id: u64, values: Value) {
        let now = self.now();
        self.mautic.with(|store| store.edit(id, &values, now));
    }

    pub fn contact(&self, id: u64, alias: &str) -> Value {
        self.mautic.with(|store| store.contacts[&id].value(alias).clone())
    }

    pub fn lead(&self, name: &str) -> Value {
        let email = format!("{name}@example.org");
        self.scene.records("Lead").into_iter().find(|lead| lead["Email"] == email).unwrap_or_else(|| panic!("no lead {email}"))
    }

    pub fn edit_lead(&self, name: &str, fields: Value) {
        self.scene.edit("Lead", &self.lead(name), &fields);
    }

    /// The requests that change anything in Mautic, since the last look.
    pub fn writes(&self) -> Vec<String> {
        self.mautic.with(|store| store.take_requests()).into_iter().filter(|line| !line.starts_with("GET") && !line.contains("/token")).collect()
    }

    pub async fn problems(&self) -> Vec<(String, String)> {
        let problems = self.scene.stack.ports().table.load_problems(&self.c).await.unwrap();
        problems.into_iter().map(|problem| (problem.finding.code.to_string(), problem.finding.cure.en)).collect()
    }

    pub async fn given_up(&self) -> Vec<String> {
        let dead = self.scene.stack.ports().table.undelivered(&self.c, jiff::Timestamp::UNIX_EPOCH, 100).await.unwrap();
        dead.into_iter().map(|(_, delivery)| delivery.cause.unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_contacts_of_mautic_and_their_edits_come_with_the_run() {
    let world = World::new().await;
    let ada = world.add("ada", json!({"position": "Engineer", "vip": 1}));
    assert_eq!(world.mautic.with(|store| store.contacts[&ada].date_modified), None);
    let run = world.hour().await;
    assert_eq!((run.platform.as_ref().unwrap().contacts.news, run.sheet.to_salesforce), (1, 1), "{run:?}");
    let lead = world.lead("ada");
    assert_eq!((&lead["Title"], &lead["vip__c"], &lead["webmecanik_id__c"]), (&json!("Engineer"), &json!(true), &json!(ada.to_string())));

    world.edit_contact(ada, json!({"position": "", "vip": 0, "city": "Lyon"}));
    world.hour().await;
    let lead = world.lead("ada");
    assert_eq!((&lead["Title"], &lead["vip__c"]), (&Value::Null, &json!(false)));
    // There and back again is a change like any other.
    world.edit_contact(ada, json!({"position": "Engineer"}));
    world.hour().await;
    assert_eq!(world.lead("ada")["Title"], "Engineer");
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_in_salesforce_reach_mautic_zeros_and_blanks_too() {
    let world = World::new().await;
    let ada = world.add("ada", json!({"position": "Engineer", "vip": 1, "score": 7, "phone": "+33612345678", "city": "Lyon"}));
    world.settle().await;
    world.edit_lead("ada", json!({"Title": "CTO", "Phone": null}));
    world.hour().await;
    assert_eq!((world.contact(ada, "position"), world.contact(ada, "phone")), (json!("CTO"), Value::Null));
    assert_eq!(world.writes(), ["PATCH /api/contacts/batch/edit"]);

    world.edit_lead("ada", json!({"vip__c": false, "score__c": 0, "Title": null}));
    world.hour().await;
    assert_eq!((world.contact(ada, "vip"), world.contact(ada, "score"), world.contact(ada, "position")), (json!(0), json!(0.0), Value::Null));
    assert_eq!(world.contact(ada, "city"), json!("Lyon"), "what Salesforce does not know stays");
    assert_eq!(world.writes(), [format!("PUT /api/contacts/{ada}/edit")]);
    world.edit_lead("ada", json!({"score__c": 0.5}));
    world.hour().await;
    assert_eq!(world.contact(ada, "score"), json!(0.5));
}

#[tokio::test(flavor = "multi_thread")]
async fn opt_outs_go_both_ways_in_mautic() {
    let world = World::new().await;
    let (ada, ben) = (world.add("ada", json!({})), world.add("ben", json!({})));
    world.settle().await;
    world.edit_lead("ada", json!({"HasOptedOutOfEmail": true}));
    let now = world.now();
    world.mautic.with(|store| store.set_do_not_contact(ben, "email", Some(1), now));
    world.hour().await;
    let opted_out = |id: u64| world.mautic.with(|store| store.contacts[&id].do_not_contact.iter().map(|entry| entry.reason).collect::<Vec<_>>());
    assert_eq!((opted_out(ada), world.lead("ben")["HasOptedOutOfEmail"].clone()), (vec![1], json!(true)));
    assert_eq!(world.writes(), [format!("POST /api/contacts/{ada}/dnc/email/add")]);
    // And back.
    world.edit_lead("ada", json!({"HasOptedOutOfEmail": false}));
    world.hour().await;
    assert_eq!(opted_out(ada), [] as [i64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_of_mautic_writes_nothing_on_either_side() {
    let world = World::new().await;
    let ada = world.add("ada", json!({"position": "Engineer", "vip": 1}));
    world.settle().await;
    world.edit_lead("ada", json!({"Title": "CTO", "vip__c": false}));
    world.hour().await;
    let (lead, contact) = (world.lead("ada"), world.mautic.with(|store| store.contacts[&ada].clone()));
    world.writes();
    for _ in 0..3 {
        let run = world.hour().await;
        assert_eq!((run.platform.unwrap().contacts.news, run.sheet.applied), (0, 0));
    }
    assert_eq!(world.writes(), [] as [String; 0]);
    assert_eq!((world.lead("ada"), world.mautic.with(|store| store.contacts[&ada].clone())), (lead, contact));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mautic_has_not_heard_yet_is_not_taken_back_by_what_it_says() {
    let world = World::new().await;
    let ada = world.add("ada", json!({"position": "Engineer"}));
    world.settle().await;
    world.edit_lead("ada", json!({"Title": "CTO"}));
    world.mautic.with(|store| store.faults.push(Fault::new("/batch/edit", 503, 100)));
    world.hour().await;
    // Somebody edits another field there, and the whole contact comes with the old title.
    world.edit_contact(ada, json!({"phone": "+33612345678"}));
    world.hour().await;
    let lead = world.lead("ada");
    assert_eq!((&lead["Title"], lead["Phone"].as_str().is_some()), (&json!("CTO"), true), "{lead}");
    world.mautic.with(|store| store.faults.clear());
    world.hour().await;
    assert_eq!(world.contact(ada, "position"), json!("CTO"));
    world.hour().await;
    assert_eq!(world.lead("ada")["Title"], "CTO");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_gets_id_object_and_moment_of_its_record_and_says_nothing_new_by_them() {
    let world = World::new().await;
    let record = json!({"id": "sf_id", "object": "sf_object", "synced_at": "sf_synced"});
    world
        .mautic
        .with(|store| store.fields.extend([("sf_id", "text"), ("sf_object", "text"), ("sf_synced", "datetime")].map(|(a, k)| Field::new(a, k))));
    let mautic = |record: &Value| json!({"url": world.url, "auth": {"client_credentials": {"client_id": CLIENT_ID}}, "record": record});
    for (place, wrong) in [("id", "email"), ("object", "vip"), ("synced_at", "SF synced"), ("object", "sf_id")] {
        let mut wrongly = record.clone();
        wrongly[place] = json!(wrong);
        let refused = configure::apply(world.scene.stack.ports(), &world.document(mautic(&wrongly))).await.unwrap_err();
        assert!(matches!(&refused, ConfigureError::Invalid(faults) if faults[0].place == format!("platform.mautic.record.{place}")), "{refused:?}");
    }
    world.scene.apply(&world.document(mautic(&record))).await;

    let ada = world.add("ada", json!({"position": "Engineer"}));
    world.hour().await;
    let of = || ["sf_id", "sf_object", "sf_synced"].map(|alias| world.contact(ada, alias));
    let [id, object, _] = of();
    assert_eq!((id, object), (world.lead("ada")["Id"].clone(), json!("Lead")), "as soon as there is a record");
    world.settle().await;
    let first = of()[2].clone();
    first.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!((world.hour().await.platform.unwrap().contacts.news, of()[2].clone()), (0, first.clone()), "nothing goes along with nothing");
    assert_eq!(world.writes(), [] as [String; 0]);

    world.edit_lead("ada", json!({"Title": "CTO"}));
    world.hour().await;
    assert!(world.contact(ada, "position") == json!("CTO") && of()[2].as_str() > first.as_str(), "{:?}", of());

    let lead: Id = world.lead("ada")["Id"].as_str().unwrap().parse().unwrap();
    let how = Conversion { account: None, contact: None, opportunity: None };
    world.scene.as_colleague(|org, session| org.convert_lead(session, lead, &how).unwrap());
    world.hour().await;
    let contact = world.scene.records("Contact").into_iter().find(|contact| contact["Email"] == "ada@example.org").unwrap();
    assert_eq!(of()[..2], [contact["Id"].clone(), json!("Contact")]);
    assert_eq!(world.hour().await.platform.unwrap().contacts.news, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_is_gone_from_mautic_costs_nobody_else() {
    let world = World::new().await;
    let ids: Vec<u64> = ["ada", "ben", "cleo"].map(|name| world.add(name, json!({}))).into();
    world.settle().await;
    for name in ["ada", "ben", "cleo"] {
        world.edit_lead(name, json!({"Title": "CTO"}));
    }
    world.mautic.with(|store| store.contacts.remove(&ids[1]));
    world.hour().await;
    assert_eq!((world.contact(ids[0], "position"), world.contact(ids[2], "position")), (json!("CTO"), json!("CTO")));
    assert_eq!((world.writes(), world.given_up().await), (vec!["PATCH /api/contacts/batch/edit".to_owned()], vec!["delivery_gone".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_another_contact_never_makes_one_of_two() {
    let world = World::new().await;
    let ada = world.add("ada", json!({}));
    world.settle().await;
    // Nobody has the address in Salesforce, but another contact in Mautic, of which no run has heard.
    let ben = world.add("ben", json!({}));
    world.edit_lead("ada", json!({"Email": "ben@example.org", "Title": "CTO"}));
    // The run that takes the edit over cannot read it there.
    world.mautic.with(|store| store.faults.push(Fault::new("/api/contacts", 503, 1)));
    world.hour().await;
    assert_eq!(world.mautic.with(|store| store.contacts.keys().copied().collect::<Vec<_>>()), [ada, ben]);
    assert_eq!((world.contact(ada, "email"), world.contact(ada, "position")), (json!("ada@example.org"), json!("CTO")));
    assert!(logs::kept().contains("delivery_email_taken"));
}

/// What cannot be read as a contact is told, and the others are not left out for it.
#[tokio::test(flavor = "multi_thread")]
async fn every_contact_that_was_read_is_accounted_for() {
    let world = World::new().await;
    let [ada, ben, cleo] = ["ada", "ben", "cleo"].map(|name| world.add(name, json!({})));
    let now = world.now();
    let [acme, other] = ["ACME", "Other"].map(|name| world.mautic.with(|store| store.add_company(&json!({"companyname": name}), now)));
    world.mautic.with(|store| store.garbled.extend([ben, other]));
    let there = world.hour().await.platform.unwrap();
    assert_eq!((there.contacts, there.events), (Tally { read: 3, news: 2, known: 0, unreadable: 1 }, 2), "{there:?}");
    assert_eq!(there.companies.as_ref().unwrap().tally, Tally { read: 2, news: 1, known: 0, unreadable: 1 });
    assert!(there.calls >= 4, "{there:?}");
    assert_eq!((world.lead("ada")["LastName"].clone(), world.lead("cleo")["LastName"].clone()), (json!("ada"), json!("cleo")));
    assert!(logs::kept().contains("platform_item_unreadable"));

    // Who opts out and moves is two events of one contact; who was edited and says nothing new is told as well.
    world.mautic.with(|store| store.garbled.clear());
    let now = world.now();
    world.mautic.with(|store| store.set_do_not_contact(ada, "email", Some(1), now));
    world.edit_contact(ada, json!({"position": "CTO"}));
    [ben, cleo].into_iter().for_each(|id| world.edit_contact(id, json!({})));
    world.mautic.with(|store| [acme, other].into_iter().for_each(|id| store.edit_company(id, &json!({"companycity": "Lyon"}), now)));
    let there = world.hour().await.platform.unwrap();
    assert_eq!((there.contacts, there.events), (Tally { read: 3, news: 2, known: 1, unreadable: 0 }, 3), "{there:?}");
    assert_eq!(there.companies.unwrap().tally, Tally { read: 2, news: 2, known: 0, unreadable: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_salesforce_only_becomes_a_contact_of_mautic_and_gets_its_id() {
    let world = World::new().await;
    world.hour().await;
    world.scene.as_colleague(|org, session| {
        let fields = json!({"LastName": "Dora", "Company": "ACME", "Email": "dora@example.org", "Title": "DSI"});
        org.create(session, "Lead", fields.as_object().unwrap()).unwrap();
    });
    world.hour().await;
    let id = world.mautic.with(|store| store.by_email("dora@example.org").unwrap().id);
    assert_eq!((world.contact(id, "lastname"), world.contact(id, "position")), (json!("Dora"), json!("DSI")));
    world.hour().await;
    assert_eq!(world.lead("dora")["webmecanik_id__c"], json!(id.to_string()));
    // The same person from now on.
    world.edit_lead("dora", json!({"Title": "CTO"}));
    world.hour().await;
    assert_eq!(world.contact(id, "position"), json!("CTO"));
    assert_eq!(world.scene.records("Lead").iter().filter(|lead| lead["Email"] == "dora@example.org").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_has_run_out_is_renewed_and_a_busy_mautic_is_tried_again() {
    let world = World::new().await;
    let ada = world.add("ada", json!({}));
    world.settle().await;
    world.edit_lead("ada", json!({"Email": "ada.m@example.org", "Title": "CTO"}));
    // Between the look for the address and the write.
    world.mautic.with(|store| store.faults.push(Fault { kind: "invalid_grant".to_owned(), ..Fault::new("/batch/edit", 401, 1) }));
    world.hour().await;
    assert_eq!((world.contact(ada, "position"), world.contact(ada, "email")), (json!("CTO"), json!("ada.m@example.org")));
    let lead = world.scene.records("Lead").into_iter().find(|lead| lead["Title"] == "CTO").unwrap();
    world.scene.edit("Lead", &lead, &json!({"Title": "CEO"}));
    world.mautic.with(|store| store.faults.push(Fault::new("/batch/edit", 429, 1)));
    world.hour().await;
    assert_eq!(world.contact(ada, "position"), json!("CTO"));
    world.scene.sweep().await;
    assert_eq!(world.contact(ada, "position"), json!("CEO"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_of_mautic_are_told_with_their_cure_and_lose_nothing() {
    let world = World::with(json!({"basic": {"user": USER}}), "wrong").await;
    let ada = world.add("ada", json!({}));
    let run = world.hour().await;
    assert_eq!(run.platform.unwrap().problem.as_deref(), Some("platform_credentials"));
    let [(code, cure)] = world.problems().await.try_into().unwrap();
    assert!(code == "platform_credentials" && cure.contains("PASSERELLE_PLATFORM_SECRET"), "{code}: {cure}");
    world.mautic.with(|store| store.api_enabled = false);
    world.hour().await;
    assert_eq!(world.problems().await[0].0, "platform_api_disabled");
    world.mautic.with(|store| store.api_enabled = true);
    world.secret(PASSWORD).await;
    // However long it was: what it did not read is still to be read.
    world.scene.clock.advance(SignedDuration::from_hours(24 * 3));
    world.hour().await;
    assert_eq!((world.problems().await, world.lead("ada")["webmecanik_id__c"].clone()), (vec![], json!(ada.to_string())));
    world.settle().await;
    // The same on the other way.
    world.edit_lead("ada", json!({"Title": "CTO"}));
    world.mautic.with(|store| store.faults.push(Fault { kind: "access_denied".to_owned(), ..Fault::new("/batch/edit", 403, 1) }));
    world.hour().await;
    assert_eq!(world.problems().await[0].0, "platform_forbidden");
    world.scene.sweep().await;
    assert_eq!((world.problems().await, world.contact(ada, "position")), (vec![], json!("CTO")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_of_mautic_become_attributes() {
    let world = World::new().await;
    let (_, document) = configure::load_current(world.scene.stack.ports(), &world.c).await.unwrap().unwrap();
    let attributes = mautic::attributes(world.scene.stack.ports(), &document).await.unwrap();
    let kind = |name: &str| attributes.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.kind.as_str());
    assert_eq!(
        [kind("person.email"), kind("person.vip"), kind("person.score"), kind("person.gone"), kind("company.name"), kind("company.companyemail")],
        [Some("email"), Some("boolean"), Some("number"), None, Some("text"), Some("email")]
    );
    world.secret("wrong").await;
    let error = mautic::attributes(world.scene.stack.ports(), &document).await.unwrap_err();
    assert_eq!(error.problem().unwrap().code, "platform_credentials");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_mautic_does_not_have_or_of_another_type_are_told_by_the_check_and_when_a_document_is_applied() {
    let world = World::new().await;
    let ports = world.scene.stack.ports();
    let of_mautic = |findings: Vec<Finding>| -> Vec<(String, String)> {
        let found = findings.into_iter().filter(|found| found.code.starts_with("mautic_"));
        found.map(|found| (found.code.to_string(), found.place)).collect()
    };
    let verify = || async { check::verify(ports, &SessionCache::default(), &world.c).await.unwrap().findings };
    let applied = |secret: Option<&str>| mautic::findings(ports, &world.c, secret.map(Into::into));
    let found = verify().await;
    // The document declares no types, so it is Mautic's by which the staff is a number that may lose something.
    assert!(found.iter().any(|found| found.code == "type_lossy" && found.words.en.contains("company.staff")), "{found:?}");
    assert_eq!((of_mautic(found), of_mautic(applied(None).await.unwrap())), (vec![], vec![]));

    let mut document = world.document(json!({"url": world.url, "auth": {"client_credentials": {"client_id": CLIENT_ID}}}));
    document["reconciliation"]["deleted"] = json!("person.city");
    set_rule(&mut document, "lead", &json!({"from": "person.positon", "to": "Title", "direction": "both"}));
    world.scene.apply(&document).await;
    let (missing, kind) = ("mautic_field_missing", "mautic_field_type");
    let found = of_mautic(verify().await);
    assert!(found.iter().any(|(code, place)| code == missing && place.starts_with("mappings.lead.fields[")), "{found:?}");
    assert!(found.contains(&(kind.to_owned(), "reconciliation.deleted".to_owned())), "{found:?}");
    let codes = |found: Vec<Finding>| found.into_iter().map(|found| found.code.to_string()).collect::<Vec<_>>();
    assert_eq!(codes(applied(None).await.unwrap()), [missing, kind]);
    assert_eq!(codes(applied(Some("wrong")).await.unwrap()), ["platform_credentials"]);
    world.mautic.with(|store| store.faults.push(Fault::new("/fields/company", 503, 1)));
    assert_eq!(codes(applied(None).await.unwrap()), ["mautic_unasked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_contacts_of_one_moment_are_all_read() {
    let world = World::new().await;
    for n in 0..450 {
        world.add(&format!("n{n}"), json!({}));
    }
    let run = world.hour().await;
    assert_eq!(run.platform.unwrap().contacts.news, 450);
    let leads = world.scene.records("Lead").into_iter().filter(|lead| lead["LastName"].as_str().is_some_and(|name| name.starts_with('n'))).count();
    assert_eq!(leads, 450);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_of_mautic_is_taken_with_its_signature_and_the_run_finds_nothing_new() {
    let world = World::new().await;
    world.hour().await;
    let keys = configure::webhook_keys(world.scene.stack.ports(), &world.c).await.unwrap();
    let url = format!("{}/v1/hooks/kayo", world.scene.stack.addresses().gateway);
    let hook = Hook { id: 1, url, triggers: vec!["mautic.lead_post_save_new".to_owned()], secret: keys[0].expose_secret().to_owned() };
    world.mautic.with(|store| store.hooks.push(hook));
    let ada = world.add("ada", json!({"website": "https://example.org/a"}));
    world.mautic.tell_saved(ada, true).await;
    world.scene.sweep().await;
    assert_eq!(world.lead("ada")["webmecanik_id__c"], json!(ada.to_string()));
    assert_eq!(world.hour().await.platform.unwrap().contacts.news, 0);
}

//! Companies of a Mautic and accounts of Salesforce, both ways.

use jiff::SignedDuration;
use mautic_sim::{CLIENT_ID, Fault, Hook};
use passerelle_core::{
    app::configure,
    domain::{
        company::{identities, name_identity},
        person::{Person, id_alias},
    },
};
use passerelle_scenarios::set_rule;
use salesforce_sim::id::Id;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{mautic::World, webmecanik};

impl World {
    /// An account, made by a colleague.
    fn add_account(&self, fields: Value) -> Id {
        self.scene.as_colleague(|org, session| org.create(session, "Account", fields.as_object().unwrap()).unwrap())
    }

    fn account(&self, id: Id) -> Value {
        self.scene.records("Account").into_iter().find(|account| account["Id"] == id.to_string()).unwrap()
    }

    fn edit_account(&self, id: Id, fields: Value) {
        self.scene.edit("Account", &self.account(id), &fields);
    }

    fn add_company(&self, values: Value) -> u64 {
        let now = self.now();
        self.mautic.with(|store| store.add_company(&values, now))
    }

    fn edit_company(&self, id: u64, values: Value) {
        let now = self.now();
        self.mautic.with(|store| store.edit_company(id, &values, now));
    }

    fn company(&self, id: u64, alias: &str) -> Value {
        self.mautic.with(|store| store.companies[&id].value(alias).clone())
    }

    /// Whoever an identity leads to.
    async fn known(&self, alias: String) -> Option<Person> {
        let table = &self.scene.stack.ports().table;
        let keys: Vec<_> = table.load_aliases(&self.c, &[alias]).await.unwrap().into_iter().map(|(_, key)| key).collect();
        table.load_people(&self.c, None, &keys).await.unwrap().pop()
    }

    async fn known_company(&self, id: u64) -> Option<Person> {
        self.known(identities(json!({"id": id}).as_object().unwrap()).remove(0)).await
    }

    /// Has Mautic tell of a trigger.
    async fn hook(&self, trigger: &str) {
        let keys = configure::webhook_keys(self.scene.stack.ports(), &self.c).await.unwrap();
        let url = format!("{}/v1/hooks/kayo", self.scene.stack.addresses().gateway);
        let hook = Hook { id: 1, url, triggers: vec![format!("mautic.{trigger}")], secret: keys[0].expose_secret().to_owned() };
        self.mautic.with(|store| store.hooks.push(hook));
    }

    /// Two hours in which nothing happens.
    async fn quiet(&self) {
        self.writes();
        for _ in 0..2 {
            let run = self.hour().await;
            let there = run.platform.as_ref().unwrap();
            assert_eq!((there.contacts.news, there.companies.as_ref().unwrap().tally.news, run.sheet.applied), (0, 0, 0), "{run:?}");
        }
        assert_eq!(self.writes(), [] as [String; 0]);
    }
}

/// ACME on both sides, in Lyon there, and with somebody who belongs to it.
async fn acme() -> (World, u64, Id) {
    let world = World::new().await;
    let account = world.add_account(json!({"Name": "ACME"}));
    let company = world.add_company(json!({"companyname": "ACME", "companycity": "Lyon", "staff": 12}));
    let ada = world.add("ada", json!({}));
    assert!(world.mautic.with(|store| store.belong(company, ada, true)));
    world.settle().await;
    (world, company, account)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_is_edited_in_mautic_reaches_its_account_and_nobody_needs_to_be_edited() {
    let (world, company, account) = acme().await;
    let found = world.account(account);
    assert_eq!((&found["BillingCity"], &found["NumberOfEmployees"]), (&json!("Lyon"), &json!(12)));
    world.quiet().await;
    for (given, city) in [("Paris", json!("Paris")), ("", Value::Null), ("Lyon", json!("Lyon"))] {
        world.edit_company(company, json!({"companycity": given}));
        let run = world.hour().await;
        assert_eq!((run.platform.unwrap().companies.unwrap().tally.news, run.sheet.to_salesforce), (1, 1), "{given}");
        assert_eq!(world.account(account)["BillingCity"], city);
    }
    // The name is Salesforce's, as the document says, and goes back.
    world.edit_company(company, json!({"companyname": "ACME SA"}));
    world.settle().await;
    assert_eq!((&world.account(account)["Name"], world.company(company, "companyname")), (&json!("ACME"), json!("ACME")));
    world.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_edited_in_salesforce_reaches_the_company_of_mautic_and_is_no_news_there() {
    let (world, company, account) = acme().await;
    world.edit_account(account, json!({"Name": "ACME Group", "BillingCity": "Nice", "NumberOfEmployees": 0}));
    world.hour().await;
    let now = ["companyname", "companycity", "staff"].map(|alias| world.company(company, alias));
    assert_eq!(now, [json!("ACME Group"), json!("Nice"), json!(0)]);
    assert_eq!(world.writes(), ["PATCH /api/companies/batch/edit"]);
    world.quiet().await;
    // Mautic shows the new name with the contact, who is read as soon as anything else changes, and belongs to the same company.
    let ada = world.mautic.with(|store| store.by_email("ada@example.org").unwrap().id);
    assert_eq!(world.contact(ada, "company"), json!("ACME Group"));
    world.edit_contact(ada, json!({"position": "CTO"}));
    world.settle().await;
    let theirs = world.known(id_alias(&ada.to_string())).await.unwrap().company.unwrap().key;
    assert_eq!(theirs, world.known_company(company).await.unwrap().key);

    world.edit_account(account, json!({"BillingCity": null, "NumberOfEmployees": null}));
    world.hour().await;
    assert_eq!(["companycity", "staff"].map(|alias| world.company(company, alias)), [Value::Null, Value::Null]);
    world.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_account_is_told_to_the_company_and_a_restored_one_too() {
    let (world, company, account) = acme().await;
    world.scene.as_colleague(|org, session| org.delete(session, "Account", &account.to_string()).unwrap());
    world.hour().await;
    assert_eq!((world.company(company, "deleted_in_salesforce"), world.company(company, "companycity")), (json!(1), json!("Lyon")));
    world.quiet().await;
    world.scene.as_colleague(|org, session| org.undelete(session, account).unwrap());
    world.hour().await;
    assert_eq!(world.company(company, "deleted_in_salesforce"), json!(0));
    world.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_mautic_does_not_have_is_not_made_there_and_one_without_an_account_makes_none() {
    let (world, ..) = acme().await;
    let solo = world.add_account(json!({"Name": "Solo"}));
    world.add("ben", json!({"company": "Solo"}));
    world.add_company(json!({"companyname": "Nowhere SA"}));
    world.settle().await;
    let (companies, accounts) = (world.mautic.with(|store| store.companies.len()), world.scene.records("Account").len());
    world.edit_account(solo, json!({"BillingCity": "Nice"}));
    world.hour().await;
    assert_eq!((world.writes(), world.given_up().await), (vec![], vec!["delivery_company_unknown".to_owned()]));
    assert_eq!((world.mautic.with(|store| store.companies.len()), world.scene.records("Account").len()), (companies, accounts));
    // As soon as somebody makes it there, it is the same company.
    let made = world.add_company(json!({"companyname": "Solo"}));
    world.hour().await;
    assert_eq!(world.known_company(made).await, world.known(name_identity("Solo")).await);
    world.edit_account(solo, json!({"BillingCity": "Brest"}));
    world.hour().await;
    assert_eq!(world.company(made, "companycity"), json!("Brest"));
    world.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mautic_has_not_heard_yet_of_a_company_is_not_taken_back_by_what_it_says() {
    let (world, company, account) = acme().await;
    world.edit_account(account, json!({"BillingCity": "Nice"}));
    world.mautic.with(|store| store.faults.push(Fault::new("/companies/batch/edit", 503, 100)));
    world.hour().await;
    world.edit_company(company, json!({"staff": 13}));
    world.hour().await;
    let found = world.account(account);
    assert_eq!((&found["BillingCity"], &found["NumberOfEmployees"]), (&json!("Nice"), &json!(13)));
    world.mautic.with(|store| store.faults.clear());
    world.hour().await;
    assert_eq!((world.company(company, "companycity"), world.company(company, "staff")), (json!("Nice"), json!(13)));
    world.quiet().await;
    assert_eq!(world.account(account)["BillingCity"], "Nice");
}

/// A contact is told of whole, with the name that its company had.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_mautic_is_still_to_be_told_of_is_not_taken_back_by_what_it_says_of_a_contact() {
    let (world, company, account) = acme().await;
    let mut document = world.document(json!({"url": world.url, "auth": {"client_credentials": {"client_id": CLIENT_ID}}}));
    set_rule(&mut document, "account", &json!({"from": "company.name", "to": "Name", "strategy": "most_recent", "direction": "both"}));
    world.scene.apply(&document).await;
    world.settle().await;
    world.edit_account(account, json!({"Name": "ACME Group"}));
    world.mautic.with(|store| store.faults.push(Fault::new("/companies/batch/edit", 503, 100)));
    world.hour().await;
    world.hook("lead_post_save_update").await;
    let ada = world.mautic.with(|store| store.by_email("ada@example.org").unwrap().id);
    world.mautic.tell_saved(ada, false).await;
    world.scene.sweep().await;
    assert_eq!(world.known_company(company).await.unwrap().company_name(), Some("ACME Group"));
    world.mautic.with(|store| store.faults.clear());
    world.settle().await;
    assert_eq!((&world.account(account)["Name"], world.company(company, "companyname")), (&json!("ACME Group"), json!("ACME Group")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_is_gone_from_mautic_costs_no_other() {
    let (world, acme, account) = acme().await;
    let (other, gone) = (world.add_account(json!({"Name": "Other"})), world.add_account(json!({"Name": "Gone"})));
    let [there, lost] = ["Other", "Gone"].map(|name| world.add_company(json!({"companyname": name})));
    world.settle().await;
    [account, other, gone].into_iter().for_each(|id| world.edit_account(id, json!({"BillingCity": "Nice"})));
    world.mautic.with(|store| store.companies.remove(&lost));
    world.hour().await;
    assert_eq!([acme, there].map(|id| world.company(id, "companycity")), [json!("Nice"), json!("Nice")]);
    assert_eq!((world.writes(), world.given_up().await), (vec!["PATCH /api/companies/batch/edit".to_owned()], vec!["delivery_gone".to_owned()]));
    world.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_companies_are_read_at_first_however_old_and_then_those_that_have_changed() {
    let world = World::new().await;
    let account = world.add_account(json!({"Name": "n7"}));
    for n in 0..450 {
        world.add_company(json!({"companyname": format!("n{n}"), "companycity": "Lyon"}));
    }
    world.scene.clock.advance(SignedDuration::from_hours(24 * 90));
    let run = world.hour().await;
    let companies = run.platform.unwrap().companies.unwrap();
    assert_eq!((companies.tally.read, companies.tally.news, &world.account(account)["BillingCity"]), (450, 450, &json!("Lyon")));
    let run = world.hour().await;
    assert_eq!(run.platform.unwrap().companies.unwrap().tally.read, 0);
}

/// The user of the credentials may see no companies: contacts come all the same, and companies as soon as it may.
#[tokio::test(flavor = "multi_thread")]
async fn companies_that_cannot_be_read_keep_no_contact_from_coming() {
    let world = World::new().await;
    world.add("ada", json!({"position": "Engineer"}));
    let acme = world.add_company(json!({"companyname": "ACME"}));
    world.mautic.with(|store| store.faults.push(Fault { kind: "access_denied".to_owned(), ..Fault::new("/api/companies", 403, 1) }));
    let run = world.hour().await;
    assert_eq!(run.platform.unwrap().problem.as_deref(), Some("platform_forbidden"));
    assert_eq!((&world.lead("ada")["Title"], world.known_company(acme).await), (&json!("Engineer"), None));
    let run = world.hour().await;
    assert_eq!((run.platform.unwrap().contacts.news, world.known_company(acme).await.is_some()), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_of_a_contacts_company_ties_them_by_the_companys_id() {
    let (world, company, _) = acme().await;
    let twin = world.add_company(json!({"companyname": "ACME"}));
    let ben = world.add("ben", json!({}));
    world.settle().await;
    world.hook("lead_company_change").await;
    for id in [twin, company] {
        world.mautic.with(|store| store.belong(id, ben, true));
        world.mautic.tell_belongs(id, ben, true).await;
        world.scene.sweep().await;
        let theirs = world.known(id_alias(&ben.to_string())).await.unwrap().company.unwrap().key;
        assert_eq!(theirs, world.known_company(id).await.unwrap().key, "one of two of the same name");
        world.scene.clock.advance(SignedDuration::from_mins(1));
    }
}

/// Mautic tells of companies alone as well. That is taken, as whoever is refused a hundred times stops telling; the run brings what was saved.
#[tokio::test(flavor = "multi_thread")]
async fn the_webhooks_of_companies_alone_are_taken_and_the_run_brings_what_was_saved() {
    let (world, company, account) = acme().await;
    world.edit_company(company, json!({"companycity": "Paris"}));
    let core = json!({"companyname": {"alias": "companyname", "value": "ACME"}, "companycity": {"alias": "companycity", "value": "Paris"}});
    let at = "2026-08-30T08:00:00+00:00";
    let before = world.account(account);
    let saved = json!({"company": {"id": company, "score": 0, "fields": {"core": core.clone(), "professional": []}}, "timestamp": at});
    webmecanik::send(&world.scene, "company_post_save", saved).await;
    assert_eq!(world.account(account), before, "nothing comes of it by itself");
    world.hour().await;
    assert_eq!(world.account(account)["BillingCity"], "Paris");

    world.mautic.with(|store| store.companies.remove(&company));
    let gone = json!({"id": company, "company": {"id": null, "score": 0, "fields": {"core": core, "professional": []}}, "timestamp": at});
    webmecanik::send(&world.scene, "company_post_delete", gone).await;
    world.hour().await;
    assert_eq!(world.account(account)["BillingCity"], "Paris");
    world.edit_account(account, json!({"BillingCity": "Nice"}));
    world.hour().await;
    assert_eq!(world.given_up().await, ["delivery_gone"]);
}

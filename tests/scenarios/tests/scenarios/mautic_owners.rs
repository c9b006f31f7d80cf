//! Owners of a Mautic's contacts and companies. Mautic shows user names and takes ids, Salesforce's users go by e-mail address.

use mautic_sim::{CLIENT_ID, CLIENT_SECRET, Fault, Field, Hook, User};
use passerelle_core::app::configure;
use passerelle_scenarios::set_rule;
use salesforce_sim::id::Id;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::{
    mautic::World,
    owners::{ANNE, PAUL, seed, user},
};

/// Users of the Mautic, by their ids there.
const ANNE_THERE: u64 = 902;
const PAUL_THERE: u64 = 903;

fn auth() -> Value {
    json!({"client_credentials": {"client_id": CLIENT_ID}})
}

/// A Mautic in which Anne and Paul have accounts that are called otherwise than they are addressed; rules carry owners of both objects.
async fn world() -> World {
    let world = World::of(seed(), auth(), CLIENT_SECRET).await;
    world.mautic.with(|store| store.users.extend([User::new(ANNE_THERE, "anne", "Anne@Kayo.fr"), User::new(PAUL_THERE, "p.martin", PAUL)]));
    world.scene.apply(&document(&world, json!({}))).await;
    world
}

fn document(world: &World, more: Value) -> Value {
    let mut mautic = json!({"url": world.url, "auth": auth()});
    mautic.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut document = world.document(mautic);
    for mapping in ["lead", "contact"] {
        let rule = json!({"from": "person.owner", "to": "OwnerId", "by": "Email", "strategy": "most_recent", "direction": "both"});
        set_rule(&mut document, mapping, &rule);
    }
    let rule = json!({"from": "company.owner", "to": "OwnerId", "by": "Email", "strategy": "always_salesforce", "direction": "to_platform"});
    set_rule(&mut document, "account", &rule);
    document
}

impl World {
    /// Somebody gives a contact another owner, in Mautic's own pages.
    fn give(&self, contact: u64, owner: u64) {
        self.mautic.with(|store| store.contacts.get_mut(&contact).unwrap().owner = Some(owner));
        self.edit_contact(contact, json!({}));
    }

    fn owner_there(&self, contact: u64) -> Option<u64> {
        self.mautic.with(|store| store.contacts[&contact].owner)
    }

    fn company_owner(&self, company: u64) -> Option<u64> {
        self.mautic.with(|store| store.companies[&company].owner)
    }

    /// How often the users were asked for since the last look.
    fn asked_for_users(&self) -> usize {
        self.mautic.with(|store| store.take_requests()).iter().filter(|request| *request == "GET /api/users").count()
    }

    /// Two hours in which nothing is written on either side.
    async fn is_quiet(&self) {
        self.writes();
        let lead = self.lead("ada");
        for _ in 0..2 {
            let run = self.hour().await;
            assert_eq!((run.platform.as_ref().unwrap().contacts.news, run.sheet.applied), (0, 0), "{run:?}");
        }
        assert_eq!((self.writes(), self.lead("ada")), (vec![], lead));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_a_contact_goes_both_ways_by_the_address() {
    let world = world().await;
    let ada = world.add("ada", json!({}));
    world.give(ada, ANNE_THERE);
    world.hour().await;
    assert_eq!(world.lead("ada")["OwnerId"], user(&world.scene, ANNE));
    assert_eq!(world.asked_for_users(), 1);
    world.settle().await;
    world.is_quiet().await;

    world.edit_lead("ada", json!({"OwnerId": user(&world.scene, PAUL)}));
    world.hour().await;
    assert_eq!((world.owner_there(ada), world.writes()), (Some(PAUL_THERE), vec!["PATCH /api/contacts/batch/edit".to_owned()]));
    world.is_quiet().await;
    assert_eq!(world.lead("ada")["OwnerId"], user(&world.scene, PAUL));

    world.give(ada, ANNE_THERE);
    world.hour().await;
    assert_eq!(world.lead("ada")["OwnerId"], user(&world.scene, ANNE));
    // Whose address is known is asked for no more than once a day.
    world.asked_for_users();
    let ben = world.add("ben", json!({}));
    world.give(ben, ANNE_THERE);
    world.hour().await;
    assert_eq!((world.lead("ben")["OwnerId"].clone(), world.asked_for_users()), (user(&world.scene, ANNE), 0));
    world.settle().await;
    world.is_quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_that_a_webhook_tells_goes_by_the_address_as_well() {
    let world = world().await;
    let ada = world.add("ada", json!({}));
    world.settle().await;
    let keys = configure::webhook_keys(world.scene.stack.ports(), &world.c).await.unwrap();
    let url = format!("{}/v1/hooks/kayo", world.scene.stack.addresses().gateway);
    let triggers = vec!["mautic.lead_post_save_update".to_owned()];
    world.mautic.with(|store| store.hooks.push(Hook { id: 1, url, triggers, secret: keys[0].expose_secret().to_owned() }));
    for (owner, email) in [(PAUL_THERE, PAUL), (ANNE_THERE, ANNE)] {
        world.give(ada, owner);
        world.mautic.tell_saved(ada, false).await;
        world.scene.sweep().await;
        assert_eq!(world.lead("ada")["OwnerId"], user(&world.scene, email));
        world.is_quiet().await;
    }
    // Mautic's users cannot be asked for: the owner is left to the run, and the rest is written at once.
    world.mautic.with(|store| {
        store.users.push(User::new(904, "other", PAUL));
        store.users.retain(|user| user.id != PAUL_THERE);
        store.faults.push(Fault::new("/api/users", 503, 1));
    });
    world.mautic.with(|store| store.contacts.get_mut(&ada).unwrap().owner = Some(904));
    world.edit_contact(ada, json!({"position": "CTO"}));
    world.mautic.tell_saved(ada, false).await;
    world.scene.sweep().await;
    world.hour().await;
    world.edit_contact(ada, json!({"phone": "+33612345678"}));
    world.mautic.tell_saved(ada, false).await;
    world.scene.sweep().await;
    world.hour().await;
    assert_eq!(world.lead("ada")["OwnerId"], user(&world.scene, PAUL));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whom_mautic_does_not_know_is_told_and_the_rest_is_written() {
    let world = world().await;
    let ada = world.add("ada", json!({}));
    world.give(ada, ANNE_THERE);
    world.settle().await;
    world.mautic.with(|store| store.users.iter_mut().find(|user| user.id == PAUL_THERE).unwrap().published = false);
    world.edit_lead("ada", json!({"OwnerId": user(&world.scene, PAUL), "Title": "CTO"}));
    world.hour().await;
    assert_eq!((world.owner_there(ada), world.contact(ada, "position")), (Some(ANNE_THERE), json!("CTO")));
    let [(code, cure)] = world.problems().await.try_into().unwrap();
    assert!(code == "delivery_owner_unknown" && cure.contains("Make the user"), "{code}: {cure}");
    assert_eq!(world.given_up().await, [] as [String; 0]);

    world.mautic.with(|store| store.users.iter_mut().for_each(|user| user.published = true));
    world.edit_lead("ada", json!({"OwnerId": user(&world.scene, ANNE)}));
    world.hour().await;
    world.edit_lead("ada", json!({"OwnerId": user(&world.scene, PAUL)}));
    world.hour().await;
    assert_eq!((world.owner_there(ada), world.problems().await), (Some(PAUL_THERE), vec![]));
    world.is_quiet().await;
}

/// The role may not view users. Where a rule is about owners, the run waits for the right; where none is, contacts come without.
#[tokio::test(flavor = "multi_thread")]
async fn users_who_may_not_be_viewed_stop_only_whom_they_concern() {
    let forbidden = || Fault { kind: "access_denied".to_owned(), ..Fault::new("/api/users", 403, 1) };
    let world = world().await;
    let ada = world.add("ada", json!({}));
    world.give(ada, ANNE_THERE);
    world.mautic.with(|store| store.faults.push(forbidden()));
    let run = world.hour().await;
    assert_eq!(run.platform.unwrap().problem.as_deref(), Some("platform_forbidden"));
    assert_eq!(world.problems().await[0].0, "platform_forbidden");
    world.hour().await;
    assert_eq!((world.problems().await, world.lead("ada")["OwnerId"].clone()), (vec![], user(&world.scene, ANNE)));

    world.apply(auth()).await;
    let ben = world.add("ben", json!({"position": "DSI"}));
    world.give(ben, PAUL_THERE);
    world.mautic.with(|store| store.faults.push(forbidden()));
    let run = world.hour().await;
    assert_eq!((run.platform.unwrap().problem, world.lead("ben")["Title"].clone()), (None, json!("DSI")));
}

/// Mautic never tells who owns a company, so that goes one way.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_of_an_account_becomes_the_companys() {
    let world = world().await;
    let named = json!({"Name": "ACME"});
    let account: Id = world.scene.as_colleague(|org, session| org.create(session, "Account", named.as_object().unwrap()).unwrap());
    let now = world.now();
    let acme = world.mautic.with(|store| store.add_company(&json!({"companyname": "ACME"}), now));
    let ada = world.add("ada", json!({}));
    world.mautic.with(|store| store.belong(acme, ada, true));
    world.settle().await;
    let edit = |fields: Value| world.scene.edit("Account", &json!({"Id": account.to_string()}), &fields);
    world.writes();
    for (email, there) in [(PAUL, PAUL_THERE), (ANNE, ANNE_THERE)] {
        edit(json!({"OwnerId": user(&world.scene, email)}));
        world.hour().await;
        assert_eq!((world.company_owner(acme), world.writes()), (Some(there), vec!["PATCH /api/companies/batch/edit".to_owned()]));
        world.is_quiet().await;
    }
    // Nobody there has the address: the owner stays, and the rest is written.
    world.mautic.with(|store| store.users.retain(|user| user.id != PAUL_THERE));
    edit(json!({"OwnerId": user(&world.scene, PAUL), "BillingCity": "Nice"}));
    world.hour().await;
    assert_eq!(world.company_owner(acme), Some(ANNE_THERE));
    assert_eq!(world.mautic.with(|store| store.companies[&acme].value("companycity").clone()), json!("Nice"));
    assert_eq!(world.problems().await.into_iter().map(|(code, _)| code).collect::<Vec<_>>(), ["delivery_owner_unknown"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_gets_id_object_and_moment_of_its_account_and_says_nothing_new_by_them() {
    let world = world().await;
    let own = [("sf_account", "text"), ("sf_kind", "text"), ("sf_synced", "datetime")];
    world.mautic.with(|store| store.company_fields.extend(own.map(|(alias, kind)| Field::new(alias, kind))));
    let record = json!({"id": "sf_account", "object": "sf_kind", "synced_at": "sf_synced"});
    for (place, wrong) in [("id", "companyname"), ("object", "staff"), ("object", "sf_account"), ("synced_at", "owner")] {
        let mut wrongly = record.clone();
        wrongly[place] = json!(wrong);
        let refused = configure::apply(world.scene.stack.ports(), &document(&world, json!({"company_record": wrongly}))).await.unwrap_err();
        assert!(format!("{refused:?}").contains(&format!("platform.mautic.company_record.{place}")), "{refused:?}");
    }
    world.scene.apply(&document(&world, json!({"company_record": record}))).await;

    let named = json!({"Name": "ACME"});
    let account: Id = world.scene.as_colleague(|org, session| org.create(session, "Account", named.as_object().unwrap()).unwrap());
    let now = world.now();
    let acme = world.mautic.with(|store| store.add_company(&json!({"companyname": "ACME"}), now));
    world.settle().await;
    let of = |company: u64| own.map(|(alias, _)| world.mautic.with(|store| store.companies[&company].value(alias).clone()));
    let [id, object, first] = of(acme);
    assert_eq!((id, object), (json!(account.to_string()), json!("Account")), "as soon as there is an account");
    first.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    for _ in 0..2 {
        let run = world.hour().await;
        assert_eq!((run.platform.unwrap().companies.unwrap().tally.news, world.writes()), (0, vec![]), "it is no news there");
    }
    world.scene.edit("Account", &json!({"Id": account.to_string()}), &json!({"BillingCity": "Lyon"}));
    world.hour().await;
    assert!(of(acme)[2].as_str() > first.as_str(), "{:?}", of(acme));

    // One that was known by its name only is told as soon as its id is known.
    let named = json!({"Name": "Solo"});
    let solo: Id = world.scene.as_colleague(|org, session| org.create(session, "Account", named.as_object().unwrap()).unwrap());
    world.add("ben", json!({"company": "Solo"}));
    world.settle().await;
    let now = world.now();
    let made = world.mautic.with(|store| store.add_company(&json!({"companyname": "Solo"}), now));
    world.hour().await;
    assert_eq!(of(made)[..2], [json!(solo.to_string()), json!("Account")]);
}

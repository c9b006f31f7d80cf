//! A document against its org at the moments when somebody decides: when it is applied, and when its connection is activated.

use passerelle_core::{
    app::{
        configure::{self, Applied, ConfigureError},
        connections::{self, ConnectionError},
    },
    domain::{config::ConfigFault, finding::Finding, ids::ConnectionId},
};
use passerelle_local::Switch;
use passerelle_scenarios::{Scene, custom_field};
use salesforce_sim::{
    Seed,
    org::Org,
    seed::{CustomFieldKind, FieldAccess, FieldRule, Who},
};
use serde_json::{Value, json};

fn add(rule: Value) -> impl Fn(&mut Value) {
    move |document| document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule.clone())
}

async fn apply(scene: &Scene, change: impl Fn(&mut Value)) -> Result<Applied, ConfigureError> {
    configure::apply(scene.stack.ports(), &scene.document("kayo", change)).await
}

async fn refused(scene: &Scene, change: impl Fn(&mut Value)) -> Vec<ConfigFault> {
    match apply(scene, change).await {
        Err(ConfigureError::Invalid(faults)) => faults,
        other => panic!("{other:?}"),
    }
}

fn codes(findings: &[Finding]) -> Vec<(&str, &str)> {
    findings.iter().map(|finding| (finding.code.as_ref(), finding.place.as_str())).collect()
}

async fn version(scene: &Scene, c: &ConnectionId) -> u64 {
    scene.stack.ports().table.load_meta(c).await.unwrap().unwrap().config_version
}

#[tokio::test(flavor = "multi_thread")]
async fn types_that_cannot_go_together_are_refused_though_nobody_has_described_the_org_yet() {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    let before = scene.api_calls();
    let faults = refused(&scene, add(json!({"from": "person.email", "to": "AnnualRevenue"}))).await;
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].place, "mappings.lead.fields[9].to");
    assert!(faults[0].message.starts_with("person.email (email) → Lead.AnnualRevenue (currency) : "), "{}", faults[0].message);
    assert_eq!((version(&scene, &kayo).await, scene.api_calls() - before), (1, 1), "nothing is stored, and one call was asked");

    // What the document itself names is of a type too, in whatever place it stands.
    let faults = refused(&scene, |document| {
        document["mappings"]["lead"]["static"] = json!({"NumberOfEmployees": "many"});
        document["mappings"]["lead"]["fields"][7]["overflow"] = json!({"default": ["a", ["b"]]});
    })
    .await;
    let places: Vec<&str> = faults.iter().map(|fault| fault.place.as_str()).collect();
    assert_eq!(places, ["mappings.lead.static.NumberOfEmployees", "mappings.lead.fields[7].overflow.default"]);

    // The org is described for a day: what is applied next costs nothing.
    apply(&scene, |_| {}).await.unwrap();
    let before = scene.api_calls();
    apply(&scene, add(json!({"from": "person.job", "to": "Industry"}))).await.unwrap();
    assert_eq!((version(&scene, &kayo).await, scene.api_calls() - before), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_get_lost_is_told_by_applying_and_by_activating() {
    let scene = Scene::new().await;
    let lossy = |document: &mut Value| {
        document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.bio", "type": "long_text"}));
        document["mappings"]["lead"]["static"] = json!({"Website": "x".repeat(256), "Nope__c": "x"});
        add(json!({"from": "person.bio", "to": "Street"}))(document);
    };
    let kayo = scene.connect("kayo").await;
    let applied = apply(&scene, lossy).await.unwrap();
    let want = [
        ("type_lossy", "mappings.lead.fields[9].to"),
        ("field_missing", "mappings.lead.static.Nope__c.to"),
        ("value_too_long", "mappings.lead.static.Website"),
    ];
    let mut told = codes(&applied.warnings);
    told.sort_unstable_by_key(|(_, place)| *place);
    assert_eq!(told, want, "{:#?}", applied.warnings);
    let lossy = applied.warnings.iter().find(|finding| finding.code == "type_lossy").unwrap();
    assert!(lossy.words.fr.starts_with("person.bio (long_text) → Lead.Street (textarea) : "), "{}", lossy.words.fr);
    assert_eq!(codes(&connections::activate(scene.stack.ports(), &kayo).await.unwrap()).len(), want.len());
}

/// A document that was stored before there was an org is held against it when the connection is to work.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_before_the_org_is_checked_when_its_connection_is_activated() {
    let mut seed = Seed::demo();
    seed.custom_fields.push(custom_field("Lead", "Born__c", CustomFieldKind::Date));
    let scene = Scene::with(seed, Switch::Off).await;
    let kayo: ConnectionId = "kayo".parse().unwrap();
    let wrong = add(json!({"from": "person.email", "to": "Born__c"}));
    let applied = apply(&scene, &wrong).await.unwrap();
    assert!(applied.warnings.is_empty());
    scene.authorise("kayo").await;

    let error = connections::activate(scene.stack.ports(), &kayo).await.unwrap_err();
    assert_eq!(error.code(), "type_impossible");
    assert!(error.to_string().contains("mappings.lead.fields[9].to: person.email (email) → Lead.Born__c (date): "), "{error}");
    assert_eq!(json!(scene.stack.ports().table.load_meta(&kayo).await.unwrap().unwrap().status), json!("ready"));
    apply(&scene, |_| {}).await.unwrap();
    connections::activate(scene.stack.ports(), &kayo).await.unwrap();
}

async fn standing(scene: &Scene, kayo: &ConnectionId) -> (Value, Vec<String>) {
    let ports = scene.stack.ports();
    let meta = ports.table.load_meta(kayo).await.unwrap().unwrap();
    let standing = connections::standing(ports, kayo, &meta).await.unwrap();
    (json!(standing.stage), standing.lacks.iter().map(|finding| finding.code.to_string()).collect())
}

/// From the first document to work: each state, and what it lacks. What the state says is what activating says.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_incomplete_until_it_could_be_activated() {
    let mut seed = Seed::demo();
    seed.custom_fields.push(custom_field("Lead", "Born__c", CustomFieldKind::Date));
    let scene = Scene::with(seed, Switch::Off).await;
    let (ports, kayo): (_, ConnectionId) = (scene.stack.ports(), "kayo".parse().unwrap());
    let stands = |stage: &str, lacks: &[&str]| (json!(stage), lacks.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());

    apply(&scene, add(json!({"from": "person.email", "to": "Born__c"}))).await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("draft", &["not_connected"]));
    scene.authorise("kayo").await;
    for _ in 0..2 {
        assert_eq!(standing(&scene, &kayo).await, stands("incomplete", &["type_impossible"]));
        assert_eq!(connections::activate(ports, &kayo).await.unwrap_err().code(), "type_impossible");
    }
    // Nothing is sent for an event that comes now.
    scene.accept("kayo", &passerelle_scenarios::capture("e1", passerelle_scenarios::person(1))).await;
    scene.sweep().await;
    assert_eq!((scene.event(&kayo, "e1").await.status.as_str(), scene.records("Lead").len()), ("open", 0));

    apply(&scene, |_| {}).await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("ready", &[]));
    // A grant that was refused meanwhile is in the way, until it is tested or connected anew.
    connections::mark_broken(ports, &kayo, "ip_restricted").await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("incomplete", &["grant_gone"]));
    assert_eq!(connections::activate(ports, &kayo).await.unwrap_err().code(), "grant_gone");
    passerelle_core::app::connect::test(ports, &kayo).await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("ready", &[]));
    connections::activate(ports, &kayo).await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("active", &[]));
    scene.sweep().await;
    assert_eq!(scene.event(&kayo, "e1").await.status, "applied");
    connections::pause(ports, &kayo).await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("paused", &[]));
    connections::mark_broken(ports, &kayo, "token_expired").await.unwrap();
    assert_eq!(connections::activate(ports, &kayo).await.unwrap_err().code(), "grant_gone", "a paused one neither");
    connections::mark_connected(ports, &kayo, "00D").await.unwrap();
    connections::activate(ports, &kayo).await.unwrap();
    connections::mark_broken(ports, &kayo, "token_expired").await.unwrap();
    assert_eq!(standing(&scene, &kayo).await, stands("broken", &[]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_with_person_accounts_is_refused_with_the_cause() {
    let scene = Scene::new().await;
    scene.org().with_org(Org::enable_person_accounts);
    let kayo = scene.connect("kayo").await;
    let error = connections::activate(scene.stack.ports(), &kayo).await.unwrap_err();
    assert_eq!(error.code(), "person_accounts");
    assert!(matches!(&error, ConnectionError::Refused { findings, .. } if findings.len() == 1), "{error:?}");
    assert!(error.to_string().contains("Person Accounts are switched on in this org."), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_cannot_be_asked_takes_documents_but_does_not_begin_to_work() {
    let scene = Scene::new().await;
    let kayo = scene.connect("kayo").await;
    scene.org().with_org(|org| org.organization_mut().api_enabled = false);
    let applied = apply(&scene, |document| document["connection"]["name"] = json!("Other")).await.unwrap();
    assert_eq!(codes(&applied.warnings), [("api_disabled", "salesforce")]);
    assert_eq!(connections::activate(scene.stack.ports(), &kayo).await.unwrap_err().code(), "api_disabled");
    scene.org().with_org(|org| org.organization_mut().api_enabled = true);
    connections::activate(scene.stack.ports(), &kayo).await.unwrap();
}

/// A refused document leaves no trace: neither the descriptions that it caused nor the lock are its own.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_refused_document_learnt_does_not_hide_a_change_of_the_org() {
    let scene = Scene::new().await;
    let kayo = scene.active("kayo").await;
    scene.clock.advance(jiff::SignedDuration::from_hours(25));
    let rule = FieldRule { sobject: "Lead".to_owned(), field: "Phone".to_owned(), who: Who::Everyone, access: FieldAccess::ReadOnly };
    scene.org().with_org(|org| org.set_field_access(&rule).unwrap());
    refused(&scene, add(json!({"from": "person.email", "to": "AnnualRevenue"}))).await;
    scene.accept("kayo", &passerelle_scenarios::capture("e1", passerelle_scenarios::person(1))).await;
    scene.sweep().await;
    let problems = scene.stack.ports().table.load_problems(&kayo).await.unwrap();
    assert_eq!(problems.iter().map(|problem| problem.finding.code.as_ref()).collect::<Vec<_>>(), ["permission_lost"]);
}

//! The check of a configuration over the simulated org: every finding is produced by an org or a document that is so.

use passerelle_core::{
    app::{
        check::{self, Report},
        tokens::SessionCache,
    },
    domain::finding::Severity,
};
use passerelle_local::Switch;
use passerelle_scenarios::Scene;
use salesforce_sim::{
    Seed,
    org::Org,
    seed::{CustomField, CustomFieldKind, DuplicateAction, DuplicateRule, FieldAccess, FieldRule, PicklistEntry, RecordTypeSeed, Who},
};
use serde_json::{Value, json};

async fn verify(scene: &Scene) -> Report {
    check::verify(scene.stack.ports(), &SessionCache::default(), &"kayo".parse().unwrap()).await.unwrap()
}

fn codes(report: &Report, severity: Severity) -> Vec<&str> {
    report.findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.code.as_ref()).collect()
}

/// An org and a document, connected, each changed.
async fn checked(seed: Seed, document: impl Fn(&mut Value), org: impl FnOnce(&mut Org)) -> Report {
    let scene = Scene::with(seed, Switch::Off).await;
    scene.connect("kayo").await;
    scene.apply(&scene.document("kayo", document)).await;
    scene.org().with_org(org);
    verify(&scene).await
}

fn hide(org: &mut Org, field: &str) {
    let rule = FieldRule { sobject: "Lead".to_owned(), field: field.to_owned(), who: Who::Everyone, access: FieldAccess::Hidden };
    org.set_field_access(&rule).unwrap();
}

fn add_rule(document: &mut Value, rule: Value) {
    document["mappings"]["lead"]["fields"].as_array_mut().unwrap().push(rule);
}

fn opt_out(document: &mut Value) {
    document["platform"]["attributes"].as_array_mut().unwrap().push(json!({"name": "person.opt_out", "type": "boolean"}));
    for mapping in ["lead", "contact"] {
        document["mappings"][mapping]["fields"].as_array_mut().unwrap().push(json!({"from": "person.opt_out", "to": "HasOptedOutOfEmail"}));
    }
}

fn private_leads(org: &mut Org) {
    let user = org.users().next().unwrap();
    let (id, permissions) = (user.id, salesforce_sim::seed::Permissions { view_all_data: false, modify_all_data: false, ..user.permissions });
    org.set_user_permissions(&id, permissions);
    let session = org.edit_as(id);
    let settings = json!({"Id": org.organization_id(), "DefaultLeadAccess": "None"});
    org.force(&session, "Organization", settings.as_object().unwrap()).unwrap();
}

fn see_all_leads(org: &mut Org) {
    let user = org.users().next().unwrap().id;
    let session = org.edit_as(user);
    let mut make = |object: &str, fields: Value| org.force(&session, object, fields.as_object().unwrap()).unwrap();
    let set = make("PermissionSet", json!({"Name": "All_Leads", "Label": "All leads"}));
    make("PermissionSetAssignment", json!({"AssigneeId": user, "PermissionSetId": set}));
    make("ObjectPermissions", json!({"ParentId": set, "SobjectType": "Lead", "PermissionsRead": true, "PermissionsViewAllRecords": true}));
}

fn required_grade() -> CustomField {
    CustomField { sobject: "Lead".to_owned(), name: "Grade__c".to_owned(), required: true, ..CustomField::default() }
}

fn with_grades() -> Seed {
    let values = vec![PicklistEntry::Text("Hot".to_owned())];
    let kind = CustomFieldKind::Picklist { values, restricted: true };
    let mut seed = Seed::demo();
    seed.custom_fields.push(CustomField { required: false, kind, ..required_grade() });
    seed
}

fn with_text() -> Seed {
    let mut seed = Seed::demo();
    seed.custom_fields.push(CustomField { required: false, ..required_grade() });
    seed
}

/// Applying refuses what cannot go together; the org may change later.
fn revenue(org: &mut Org) {
    let kind = CustomFieldKind::Currency { precision: 8, scale: 2 };
    org.change_custom_field(&CustomField { required: false, kind, ..required_grade() }).unwrap();
}

fn with_rules() -> Seed {
    let rule = DuplicateRule {
        name: "Same_Mail".to_owned(),
        sobject: "Lead".to_owned(),
        against: None,
        match_fields: vec!["Email".to_owned()],
        action: DuplicateAction::Alert,
        message: "Twice.".to_owned(),
        on_update: false,
    };
    let kinds = ["Fair", "Web"].map(|name| RecordTypeSeed {
        sobject: "Lead".to_owned(),
        developer_name: name.to_owned(),
        name: name.to_owned(),
        id: None,
        default: name == "Fair",
        active: true,
    });
    Seed { duplicate_rules: vec![rule], record_types: kinds.into(), ..Seed::demo() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_org_and_kayos_preset_have_no_error_and_cost_one_call() {
    let scene = Scene::new().await;
    scene.connect("kayo").await;
    let report = verify(&scene).await;
    assert_eq!(codes(&report, Severity::Error), [""; 0], "{report:#?}");
    // KAYO cannot promise a name or a company, and the demonstration connects an administrator.
    let warnings = codes(&report, Severity::Warning);
    assert_eq!(warnings.iter().filter(|code| **code == "required_from_optional").count(), 2, "{warnings:?}");
    assert!(warnings.contains(&"too_many_rights"));
    assert_eq!(report.api_calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_thing_that_will_fail_is_an_error() {
    type Case = (fn() -> Seed, fn(&mut Value), fn(&mut Org), &'static str);
    let table: [Case; 9] = [
        (Seed::demo, |d| d["mappings"]["lead"]["static"] = json!({"Nope__c": "x"}), |_| {}, "field_missing"),
        (Seed::demo, |_| {}, |org| hide(org, "kayo_last_audio_duration__c"), "field_hidden"),
        (with_text, |d| add_rule(d, json!({"from": "person.email", "to": "Grade__c"})), revenue, "type_impossible"),
        (Seed::demo, |d| d["mappings"]["lead"]["static"] = json!({"Website": "x".repeat(256)}), |_| {}, "value_too_long"),
        (
            with_grades,
            |d| add_rule(d, json!({"from": "person.salutation", "to": "Grade__c", "values": {"M": "Lukewarm"}})),
            |_| {},
            "value_not_in_picklist",
        ),
        (Seed::demo, |_| {}, |org| assert!(org.add_custom_field(&required_grade()).is_ok()), "required_unfilled"),
        (Seed::demo, |_| {}, Org::enable_person_accounts, "person_accounts"),
        (Seed::demo, opt_out, |org| hide(org, "HasOptedOutOfEmail"), "opt_out_hidden"),
        (with_rules, |d| d["mappings"]["lead"]["static"] = json!({"RecordTypeId": "012000000000000AAA"}), |_| {}, "record_type_unknown"),
    ];
    for (seed, document, org, code) in table {
        let report = checked(seed(), document, org).await;
        assert_eq!(codes(&report, Severity::Error), [code], "{report:#?}");
        assert!(report.has_errors());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_fail_is_a_warning() {
    let report = checked(with_rules(), opt_out, private_leads).await;
    let warnings = codes(&report, Severity::Warning);
    for code in ["duplicate_rule", "opt_out_untracked", "view_all_missing"] {
        assert!(warnings.contains(&code), "{code}: {report:#?}");
    }
    assert!(codes(&report, Severity::Info).contains(&"record_type_default"));
    assert!(!warnings.contains(&"too_many_rights"));

    let tracked = Seed { tracked_fields: ["Lead", "Contact"].map(|object| format!("{object}.HasOptedOutOfEmail")).into(), ..Seed::demo() };
    let seen = |org: &mut Org| {
        private_leads(org);
        see_all_leads(org);
    };
    let report = checked(tracked, opt_out, seen).await;
    let warnings = codes(&report, Severity::Warning);
    assert!(!warnings.contains(&"opt_out_untracked") && !warnings.contains(&"view_all_missing"), "{report:#?}");

    let report = checked(Seed::demo().without_external_ids(), |_| {}, |_| {}).await;
    assert_eq!(codes(&report, Severity::Info).iter().filter(|code| **code == "key_field_missing").count(), 2, "leads and events");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted_before_they_run_out() {
    let scene = Scene::new().await;
    scene.connect("kayo").await;
    scene.apply(&scene.document("kayo", |document| document["connection"]["events_per_day"] = json!(50_000))).await;
    scene.org().control().set_api_usage(85_000);
    let report = verify(&scene).await;
    let warnings = codes(&report, Severity::Warning);
    assert!(warnings.contains(&"quota_nearly_used") && warnings.contains(&"volume_high"), "{report:#?}");
    scene.org().control().set_api_usage(100_000);
    assert_eq!(codes(&verify(&scene).await, Severity::Error), ["quota_used_up"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_cannot_be_asked_says_why() {
    let scene = Scene::new().await;
    scene.apply(&scene.document("kayo", |_| {})).await;
    assert_eq!(codes(&verify(&scene).await, Severity::Error), ["not_connected"]);
    scene.connect("kayo").await;
    scene.org().with_org(|org| org.organization_mut().api_enabled = false);
    assert_eq!(codes(&verify(&scene).await, Severity::Error), ["api_disabled"]);
    scene.org().with_org(|org| org.organization_mut().api_enabled = true);
    scene.org().control().revoke_refresh_tokens(None);
    assert_eq!(codes(&verify(&scene).await, Severity::Error), ["grant_gone"]);
}

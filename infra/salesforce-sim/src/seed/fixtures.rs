//! The two ready-made orgs.

use serde_json::{Map, Value, json};

use super::{
    AppSeed, AssignmentRule, CampaignSeed, CustomField, CustomFieldKind, DuplicateAction, DuplicateRule, FieldAccess, Flows, MemberStatusSeed,
    OrganizationSeed, Permissions, PicklistEntry, QueueSeed, Seed, UserSeed, ValidationRule,
};

/// The external id that Passerelle brings into an org.
const EXTERNAL_ID: &str = "Passerelle_Id__c";
/// Where the conformance cases' apps are called back.
const CALLBACK: &str = "https://client.example/callback";

impl Seed {
    /// The org people try things with: a French trade-show customer with a collaborator who owns
    /// the records, an integration user, and a salesman who has left.
    #[must_use]
    pub fn demo() -> Self {
        let mut custom_fields: Vec<CustomField> = ["Lead", "Contact"]
            .map(|sobject| CustomField {
                sobject: sobject.to_owned(),
                name: "kayo_last_audio_duration__c".to_owned(),
                // Salesforce allows 40 characters for a label; the whole text is the help.
                label: "Dernier document audio consulté (durée)".to_owned(),
                help: Some("Dernier document audio consulté (temps de consultation)".to_owned()),
                kind: CustomFieldKind::Text { length: 255 },
                ..CustomField::default()
            })
            .into();
        custom_fields.extend(["Lead", "Contact", "Activity"].map(|sobject| CustomField {
            sobject: sobject.to_owned(),
            name: EXTERNAL_ID.to_owned(),
            label: "Passerelle Id".to_owned(),
            kind: CustomFieldKind::Text { length: 64 },
            external_id: true,
            unique: true,
            case_sensitive: true,
            ..CustomField::default()
        }));
        Self {
            organization: OrganizationSeed { name: "KAYO SAS".to_owned(), ..OrganizationSeed::default() },
            users: demo_users(),
            apps: vec![AppSeed {
                name: "Passerelle".to_owned(),
                client_id: "3MVG9.Passerelle.Demo.Consumer.Key".to_owned(),
                secret: Some("8F2D0C1B7A6E5943-demo-consumer-secret".to_owned()),
                callback_urls: vec!["http://127.0.0.1:8787/oauth/kayo/callback".to_owned()],
                ..AppSeed::default()
            }],
            custom_fields,
            campaigns: vec![CampaignSeed {
                fields: object(json!({"Name": "Salon du Bourget", "Type": "Trade Show",
                                      "Status": "In Progress", "IsActive": true})),
                statuses: [("Invité", true, false), ("Rencontré", false, true), ("À relancer", false, true)]
                    .map(|(label, is_default, has_responded)| MemberStatusSeed { label: label.to_owned(), is_default, has_responded })
                    .into(),
                label: Some("bourget".to_owned()),
            }],
            ..Self::default()
        }
    }

    /// The same org without the external ids that a careful administrator may not have made yet.
    #[must_use]
    pub fn without_external_ids(mut self) -> Self {
        self.custom_fields.retain(|field| field.name != EXTERNAL_ID);
        self
    }

    /// The same org with one more address that every app may be called back at.
    #[must_use]
    pub fn with_callback(mut self, url: &str) -> Self {
        for app in &mut self.apps {
            app.callback_urls.push(url.to_owned());
        }
        self
    }

    /// The org the conformance cases are written for: users U1 (administrator) and U2
    /// (integration), queue Q1, apps A1 to A6.
    #[must_use]
    pub fn conformance() -> Self {
        Self {
            organization: OrganizationSeed { name: "Conformance".to_owned(), ..OrganizationSeed::default() },
            users: vec![conformance_user("U1", true), conformance_user("U2", false)],
            queues: vec![QueueSeed { name: "Q1".to_owned(), developer_name: "Q1".to_owned(), id: None }],
            apps: conformance_apps(),
            custom_fields: conformance_fields(),
            validation_rules: vec![ValidationRule {
                sobject: "Lead".to_owned(),
                condition: "Score__c > 1000".to_owned(),
                message: "The score must not be greater than 1000.".to_owned(),
                field: Some("Score__c".to_owned()),
            }],
            assignment_rules: vec![AssignmentRule { sobject: "Lead".to_owned(), condition: None, owner: "Q1".to_owned() }],
            duplicate_rules: vec![DuplicateRule {
                name: "Standard_Contact_Duplicate_Rule".to_owned(),
                sobject: "Contact".to_owned(),
                against: None,
                match_fields: vec!["LastName".to_owned(), "Email".to_owned()],
                action: DuplicateAction::Alert,
                message: "Use one of these records?".to_owned(),
                on_update: false,
            }],
            tracked_fields: ["Lead.Status", "Lead.OwnerId", "Lead.Title", "Contact.Title"].map(str::to_owned).into(),
            ..Self::default()
        }
    }
}

fn demo_users() -> Vec<UserSeed> {
    let french = UserSeed { locale: "fr_FR".to_owned(), language: "fr".to_owned(), time_zone: "Europe/Paris".to_owned(), ..UserSeed::default() };
    vec![
        UserSeed {
            username: "technique@kayo.fr".to_owned(),
            password: "valentin-2026".to_owned(),
            email: "technique@kayo.fr".to_owned(),
            first_name: "Valentin".to_owned(),
            last_name: "Technique".to_owned(),
            ..french.clone()
        },
        UserSeed {
            username: "integration@kayo.fr".to_owned(),
            password: "integration-2026".to_owned(),
            email: "technique@kayo.fr".to_owned(),
            first_name: String::new(),
            last_name: "Integration".to_owned(),
            profile: "Salesforce API Only System Integrations".to_owned(),
            permission_sets: vec!["Passerelle_Sync".to_owned()],
            permissions: Permissions { approve_uninstalled_apps: false, customize_application: false, ..Permissions::default() },
            ..french.clone()
        },
        UserSeed {
            username: "commercial@kayo.fr".to_owned(),
            password: "commercial-2026".to_owned(),
            email: "commercial@kayo.fr".to_owned(),
            first_name: "Camille".to_owned(),
            last_name: "Ancienne".to_owned(),
            profile: "Standard User".to_owned(),
            active: false,
            permissions: Permissions {
                modify_all_data: false,
                approve_uninstalled_apps: false,
                customize_application: false,
                ..Permissions::default()
            },
            ..french
        },
    ]
}

fn conformance_user(name: &str, admin: bool) -> UserSeed {
    UserSeed {
        username: format!("{}@conformance.example", name.to_lowercase()),
        password: format!("password-of-{name}"),
        email: format!("{}@conformance.example", name.to_lowercase()),
        first_name: String::new(),
        last_name: name.to_owned(),
        profile: if admin { "System Administrator".to_owned() } else { "Integration".to_owned() },
        permissions: Permissions { approve_uninstalled_apps: admin, customize_application: admin, ..Permissions::default() },
        ..UserSeed::default()
    }
}

fn conformance_apps() -> Vec<AppSeed> {
    let app = |client_id: &str| AppSeed {
        name: client_id.to_owned(),
        client_id: client_id.to_owned(),
        secret: Some(format!("secret-of-{client_id}")),
        callback_urls: vec![CALLBACK.to_owned()],
        ..AppSeed::default()
    };
    let credentials = Flows { client_credentials: true, web_server: false, ..Flows::default() };
    let integration = "u2@conformance.example".to_owned();
    vec![
        app("A1"),
        AppSeed { secret: None, require_secret: false, ..app("A2") },
        AppSeed { flows: Flows { jwt_bearer: true, ..Flows::default() }, pre_authorized: vec![integration.clone()], ..app("A3") },
        AppSeed { flows: credentials, run_as: Some(integration), ..app("A4") },
        AppSeed { flows: credentials, ..app("A5") },
        AppSeed { rotation: false, ..app("A6") },
    ]
}

fn conformance_fields() -> Vec<CustomField> {
    let on_lead =
        |name: &str, kind: CustomFieldKind| CustomField { sobject: "Lead".to_owned(), name: name.to_owned(), kind, ..CustomField::default() };
    let text = |length| CustomFieldKind::Text { length };
    let grades = ["Hot", "Warm", "Cold"].map(|grade| PicklistEntry::Text(grade.to_owned()));
    let key = CustomField { external_id: true, unique: true, ..on_lead("Ext__c", text(64)) };
    vec![
        CustomField { sobject: "Account".to_owned(), ..key.clone() },
        CustomField { sobject: "Contact".to_owned(), ..key.clone() },
        key,
        CustomField { external_id: true, ..on_lead("NonU__c", text(64)) },
        on_lead("Grade__c", CustomFieldKind::Picklist { values: grades.into(), restricted: true }),
        on_lead("Score__c", CustomFieldKind::Number { precision: 4, scale: 0 }),
        CustomField { access: FieldAccess::Hidden, ..on_lead("Hidden__c", text(40)) },
        CustomField { access: FieldAccess::ReadOnly, ..on_lead("ReadOnly__c", text(40)) },
    ]
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;
    use crate::org::Org;

    fn org(seed: &Seed) -> Org {
        let clock = ManualClock::new("2026-11-23T08:00:00Z".parse().unwrap());
        Org::from_seed(seed, Arc::new(clock)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn has(org: &mut Org, sobject: &str, field: &str) -> bool {
        let user = org.users().next().unwrap().id;
        let s = org.edit_as(user);
        let fields = org.describe(&s, sobject).unwrap()["fields"].clone();
        fields.as_array().unwrap().iter().any(|own| own["name"] == field)
    }

    #[test]
    fn the_demonstration_org_with_and_without_external_ids() {
        let mut with = org(&Seed::demo());
        let mut without = org(&Seed::demo().without_external_ids());
        for sobject in ["Lead", "Contact", "Event", "Task"] {
            assert!(has(&mut with, sobject, EXTERNAL_ID), "{sobject}");
            assert!(!has(&mut without, sobject, EXTERNAL_ID), "{sobject}");
        }
        assert!(has(&mut without, "Contact", "kayo_last_audio_duration__c"));
        let active: Vec<bool> = with.users().map(|user| user.active).collect();
        assert_eq!(active, [true, true, false]);
        assert_eq!(with.count("CampaignMemberStatus").unwrap(), 3);
    }

    #[test]
    fn the_conformance_org_has_its_fixture() {
        let mut org = org(&Seed::conformance());
        assert!(has(&mut org, "Lead", "Ext__c") && has(&mut org, "Lead", "ReadOnly__c"));
        assert!(!has(&mut org, "Lead", "Hidden__c"));
        let apps = Seed::conformance().apps;
        let names: Vec<&str> = apps.iter().map(|app| app.client_id.as_str()).collect();
        assert_eq!(names, ["A1", "A2", "A3", "A4", "A5", "A6"]);
    }

    #[test]
    fn seeds_are_data_that_files_can_hold() {
        for seed in [Seed::demo(), Seed::conformance(), Seed::default()] {
            let text = serde_json::to_string(&seed).unwrap();
            let again: Seed = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&again).unwrap(), text);
            org(&again);
        }
        let partial: Seed = serde_json::from_value(json!({
            "organization": {"name": "Mine"},
            "users": [{"username": "me@x.example"}],
            "records": [
                {"sobject": "Account", "fields": {"Name": "A"}, "label": "a"},
                {"sobject": "Contact", "fields": {"LastName": "C", "AccountId": "@a"}}
            ]
        }))
        .unwrap();
        assert_eq!(org(&partial).count("Contact").unwrap(), 1);
        assert!(serde_json::from_value::<Seed>(json!({"user": []})).is_err());
    }

    #[test]
    fn seeds_that_contradict_themselves() {
        let base = Seed::conformance;
        let cases: Vec<(Seed, &str)> = vec![
            (Seed { users: Vec::new(), ..base() }, "the seed names no user"),
            (Seed { tracked_fields: vec!["Lead.Nope".to_owned()], ..base() }, "the seed refers to the field \"Lead.Nope\""),
            (
                Seed { assignment_rules: vec![AssignmentRule { sobject: "Lead".to_owned(), condition: None, owner: "nobody".to_owned() }], ..base() },
                "the seed refers to the user or queue \"nobody\"",
            ),
            (
                Seed {
                    validation_rules: vec![ValidationRule {
                        sobject: "Lead".to_owned(),
                        condition: "Nope__c = 1".to_owned(),
                        message: String::new(),
                        field: None,
                    }],
                    ..base()
                },
                "the seed's condition \"Nope__c = 1\" cannot be read",
            ),
        ];
        for (seed, want) in cases {
            let clock = ManualClock::new("2026-11-23T08:00:00Z".parse().unwrap());
            let Err(error) = Org::from_seed(&seed, Arc::new(clock)) else {
                panic!("{want}");
            };
            assert!(error.to_string().starts_with(want), "{error}");
        }
    }
}

//! What an org says about itself by query: duplicate rules, tracked fields, the caller's permissions.

use salesforce_sim::Seed;
use salesforce_sim::seed::{DuplicateAction, DuplicateRule, Permissions};
use serde_json::{Value, json};

use crate::common::*;

fn bare(mut records: Vec<Value>) -> Value {
    records.iter_mut().for_each(|record| {
        record.as_object_mut().unwrap().remove("attributes");
    });
    records.into()
}

#[tokio::test]
async fn setup_is_asked_for_by_query() {
    let mut seed = Seed { tracked_fields: vec!["Lead.HasOptedOutOfEmail".to_owned()], ..seed() };
    seed.duplicate_rules.push(DuplicateRule {
        name: "Same_Mail".to_owned(),
        sobject: "Lead".to_owned(),
        against: None,
        match_fields: vec!["Email".to_owned()],
        action: DuplicateAction::Block,
        message: "Twice.".to_owned(),
        on_update: false,
    });
    for user in &mut seed.users {
        user.permissions = Permissions { view_all_data: false, ..Permissions::default() };
    }
    let world = world_with(seed, salesforce_sim::Doubts::default());
    let client = world.client();
    let table = [
        (
            "SELECT DeveloperName, SobjectType FROM DuplicateRule WHERE IsActive = true",
            json!([{"DeveloperName": "Same_Mail", "SobjectType": "Lead"}]),
        ),
        (
            "SELECT EntityDefinitionId, IsFieldHistoryTracked FROM FieldDefinition WHERE EntityDefinitionId IN ('Lead','Contact') \
             AND QualifiedApiName IN ('HasOptedOutOfEmail') ORDER BY EntityDefinitionId",
            json!([{"EntityDefinitionId": "Contact", "IsFieldHistoryTracked": false}, {"EntityDefinitionId": "Lead", "IsFieldHistoryTracked": true}]),
        ),
        (
            "SELECT PermissionsViewAllData, PermissionsApiEnabled FROM UserPermissionAccess",
            json!([{"PermissionsViewAllData": false, "PermissionsApiEnabled": true}]),
        ),
        ("SELECT DefaultLeadAccess FROM Organization", json!([{"DefaultLeadAccess": "ReadEditTransfer"}])),
    ];
    // Asked twice, nothing doubles.
    for _ in 0..2 {
        for (soql, want) in &table {
            assert_eq!(bare(client.query(soql).await), *want, "{soql}");
        }
    }
}

//! The standard objects.

use jiff::Timestamp;

use super::read::{BadLine, blank, parse_object, parse_sets};
use super::{FieldDef, FieldType, Flag, Schema};

/// The text of every standard object, in the order of the global describe.
const OBJECTS: &[&str] = &[
    include_str!("objects/account.txt"),
    include_str!("objects/campaign.txt"),
    include_str!("objects/campaign_member.txt"),
    include_str!("objects/campaign_member_status.txt"),
    include_str!("objects/contact.txt"),
    include_str!("objects/contact_history.txt"),
    include_str!("objects/duplicate_rule.txt"),
    include_str!("objects/event.txt"),
    include_str!("objects/field_definition.txt"),
    include_str!("objects/field_permissions.txt"),
    include_str!("objects/group.txt"),
    include_str!("objects/lead.txt"),
    include_str!("objects/lead_history.txt"),
    include_str!("objects/lead_status.txt"),
    include_str!("objects/object_permissions.txt"),
    include_str!("objects/opportunity.txt"),
    include_str!("objects/organization.txt"),
    include_str!("objects/permission_set.txt"),
    include_str!("objects/permission_set_assignment.txt"),
    include_str!("objects/profile.txt"),
    include_str!("objects/record_type.txt"),
    include_str!("objects/task.txt"),
    include_str!("objects/user.txt"),
    include_str!("objects/user_permission_access.txt"),
];

impl Schema {
    /// The standard schema as an org has it that was made at `created`.
    ///
    /// The text is part of the program, so an object that cannot be read is a defect that the
    /// tests find; it is left out here.
    #[must_use]
    pub fn standard(created: Timestamp) -> Self {
        let mut schema = Self::default();
        for object in Self::read_all(created).into_iter().flatten() {
            schema.push(object);
        }
        schema
    }

    pub(super) fn read_all(created: Timestamp) -> Vec<Result<super::ObjectDef, BadLine>> {
        let sets = parse_sets(include_str!("objects/sets.txt"), include_str!("objects/timezones.txt"));
        OBJECTS.iter().map(|text| parse_object(text, &sets, created)).collect()
    }
}

/// The names of the standard objects, as their texts begin with them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OBJECTS.iter().filter_map(|text| text.lines().find_map(|line| line.strip_prefix("object "))?.split_whitespace().next())
}

/// The field that objects with record types have. Source: Object Reference, Lead.
pub(super) fn record_type_field() -> FieldDef {
    let flags = [Flag::CREATE, Flag::UPDATE, Flag::NIL, Flag::DEFAULTED, Flag::FILTER, Flag::GROUP, Flag::SORT, Flag::AGGREGATE];
    let flags = flags.into_iter().fold(Flag::default(), Flag::and);
    let mut field = blank("RecordTypeId", "Record Type ID", FieldType::Reference, flags);
    field.length = 18;
    field.reference_to = vec!["RecordType".into()];
    field.relationship = Some("RecordType".into());
    field
}

/// The field of accounts in orgs with person accounts. Source: Object Reference, Account.
pub(crate) fn person_account_field() -> FieldDef {
    let flags = [Flag::DEFAULTED, Flag::FILTER, Flag::GROUP, Flag::SORT];
    blank("IsPersonAccount", "Is Person Account", FieldType::Boolean, flags.into_iter().fold(Flag::default(), Flag::and))
}

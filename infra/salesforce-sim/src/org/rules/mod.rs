//! What the org does with a record beyond its fields: the rules of the standard objects, the
//! customer's own rules, and what follows a save.

mod activity;
mod automation;
mod campaign;
mod duplicates;
mod history;
mod lead;

use std::collections::{HashMap, HashSet};

use super::cell::Cell;
use super::save::Change;
use super::{Org, Session};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldNo, Flag, ObjectNo};
use crate::seed::{DuplicateAction, RewriteKind};
use crate::soql::Condition;

/// The customer's own rules, with names and conditions resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) validation: Vec<Validation>,
    pub(super) rewrites: HashMap<(ObjectNo, FieldNo), Vec<RewriteKind>>,
    pub(super) duplicates: Vec<Duplicates>,
    pub(super) assignment: Vec<Assignment>,
    pub(super) tracked: HashSet<(ObjectNo, FieldNo)>,
}

/// A condition under which a record is refused.
#[derive(Clone, Debug)]
pub(super) struct Validation {
    pub(super) object: ObjectNo,
    pub(super) condition: Condition,
    pub(super) message: String,
    pub(super) field: Option<String>,
}

/// When a record counts as a duplicate.
#[derive(Clone, Debug)]
pub(super) struct Duplicates {
    pub(super) name: String,
    pub(super) object: ObjectNo,
    pub(super) against: ObjectNo,
    /// The fields compared, in the record and in the others.
    pub(super) fields: Vec<(FieldNo, FieldNo)>,
    pub(super) action: DuplicateAction,
    pub(super) message: String,
    pub(super) on_update: bool,
}

/// Who gets the records that fulfil a condition.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) object: ObjectNo,
    pub(super) condition: Option<Condition>,
    pub(super) owner: Id,
}

impl Org {
    /// The rules of the standard objects.
    pub(super) fn apply_object_rules(&self, s: &Session, change: &mut Change) {
        let places = &self.places;
        if change.object == places.lead {
            self.lead_rules(s, change);
        } else if change.object == places.event {
            self.event_rules(s, change);
        } else if change.object == places.task {
            self.task_rules(s, change);
        } else if change.object == places.campaign_member {
            self.member_rules(s, change);
        } else if places.grants.contains(&change.object) {
            self.grant_rules(change);
        }
    }

    /// Refuses what the running user may not make at all.
    pub(super) fn check_may_make(&self, s: &Session, object: ObjectNo) -> Result<(), ApiError> {
        let is_campaign = object == self.places.campaign;
        if is_campaign && !self.permissions(s).marketing_user {
            return Err(self.no_right());
        }
        Ok(())
    }

    /// Source: Object Reference, FieldPermissions: editing needs reading.
    fn grant_rules(&self, change: &mut Change) {
        let edit = self.got(change, "PermissionsEdit").is_true();
        let read = self.got(change, "PermissionsRead").is_true();
        if edit && !read {
            change.errors.push(ApiError::integrity("Editing a field needs the permission to read it.", &["PermissionsEdit"]));
        }
        if change.is_new() && self.is_granted_twice(change) {
            let text = "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
            change.errors.push(ApiError::new(400, "DUPLICATE_VALUE", text).about::<_, String>([]));
        }
        let path = self.got(change, "Field").as_text().map(str::to_owned);
        let permissionable = |path: &str| {
            let field = self.field_key(path).and_then(|(object, no)| self.object(object)?.field(no));
            field.is_some_and(|field| field.has(Flag::PERMISSION))
        };
        // Fields that every record needs are everybody's: there is nothing to grant.
        if path.is_some_and(|path| !permissionable(&path)) {
            change.errors.push(ApiError::integrity("Field Name: bad value", &["Field"]));
        }
    }

    /// A permission set says of a field once what it allows, and a user has it once.
    fn is_granted_twice(&self, change: &Change) -> bool {
        let object = change.object;
        let assigned = self.field_no(object, "AssigneeId").is_some();
        let (link, other) = if assigned { ("AssigneeId", "PermissionSetId") } else { ("ParentId", "Field") };
        let wanted = self.got(change, other);
        let Some(to) = self.got(change, link).as_id() else {
            return false;
        };
        !wanted.is_null() && self.referring(object, link, to).any(|(_, row)| self.named(object, row, other) == *wanted)
    }

    /// What follows a save in other records.
    pub(super) fn after_save(&mut self, s: &Session, change: &Change) {
        if change.object == self.places.campaign && change.is_new() && !change.forced {
            self.give_statuses(s, change.id);
        } else if change.object == self.places.member_status {
            self.keep_one_default(s, change);
        }
    }

    /// Refuses a reference to a lead that has become a contact.
    fn refuse_converted(&self, change: &mut Change, field: &str) {
        let converted = self
            .got(change, field)
            .as_id()
            .filter(|_| self.is_changed(change, field))
            .and_then(|id| self.find(&id))
            .filter(|(object, ..)| *object == self.places.lead)
            .is_some_and(|(object, _, row)| self.named(object, row, "IsConverted").is_true());
        if converted && !change.forced {
            change.errors.push(converted_lead());
        }
    }

    /// The kind of record that a reference of a change points to.
    fn target(&self, change: &Change, field: &str) -> Option<ObjectNo> {
        let id = self.got(change, field).as_id()?;
        self.schema.by_prefix(id.prefix()).map(|(no, _)| no)
    }

    /// The running user's present day.
    fn today(&self, s: &Session) -> Cell<'static> {
        Cell::day(s.now.to_zoned(self.zone(s)).date())
    }
}

/// Source of the text: a recorded answer.
fn converted_lead() -> ApiError {
    ApiError::new(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead").about::<_, String>([])
}

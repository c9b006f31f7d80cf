//! Who may see and change what: field-level security, and the right to change a record.
//!
//! Source: Salesforce help, "Field-Level Security"; Object Reference, FieldPermissions: a
//! permission set only ever adds rights.

use std::collections::HashMap;

use super::cell::Cell;
use super::row::Row;
use super::{Org, Session};
use crate::doubts::RefusedRight;
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldDef, FieldNo, ObjectNo};
use crate::seed::FieldAccess;

/// For whom a field rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Everyone,
    Profile(String),
    User(Id),
    PermissionSet(Id),
}

type FieldKey = (ObjectNo, FieldNo);

/// The field rules of the seed, and those that FieldPermissions records make.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    rules: HashMap<FieldKey, Vec<(Holder, FieldAccess)>>,
    grants: HashMap<FieldKey, Vec<(Id, FieldAccess)>>,
    assigned: HashMap<Id, Vec<Id>>,
}

impl Security {
    pub(super) fn add(&mut self, field: FieldKey, holder: Holder, access: FieldAccess) {
        self.rules.entry(field).or_default().push((holder, access));
    }

    /// Drops every right on a field that is no more.
    pub(super) fn forget(&mut self, field: FieldKey) {
        self.rules.remove(&field);
        self.grants.remove(&field);
    }
}

impl Org {
    /// What the running user may do with a field.
    pub(crate) fn access(&self, s: &Session, object: ObjectNo, no: FieldNo, field: &FieldDef) -> FieldAccess {
        // The parts of a place are open to whom the place is.
        let whole = field.compound.as_deref().filter(|_| field.custom);
        if let Some((no, whole)) = whole.and_then(|whole| self.object(object)?.field_named(whole)) {
            return self.access(s, object, no, whole);
        }
        let key = (object, no);
        let rules = self.security.rules.get(&key);
        let grants = self.security.grants.get(&key);
        if rules.is_none() && grants.is_none() {
            return field.access;
        }
        let profile = self.user(&s.user).map(|user| user.profile.as_str());
        let sets = self.security.assigned.get(&s.user);
        let has_set = |set: &Id| sets.is_some_and(|sets| sets.contains(set));
        let mut own = field.access;
        let mut rank = 0;
        let mut added = FieldAccess::Hidden;
        for (holder, access) in rules.into_iter().flatten() {
            let new_rank = match holder {
                Holder::Everyone => 1,
                Holder::Profile(name) if profile == Some(name) => 2,
                Holder::User(id) if *id == s.user => 3,
                Holder::PermissionSet(set) if has_set(set) => {
                    added = added.max(*access);
                    continue;
                }
                _ => continue,
            };
            // The rule that names the user most closely decides.
            if new_rank >= rank {
                (own, rank) = (*access, new_rank);
            }
        }
        for (set, access) in grants.into_iter().flatten() {
            if has_set(set) {
                added = added.max(*access);
            }
        }
        own.max(added)
    }

    /// A field the running user can see, by name in any letter case.
    pub(crate) fn visible_field(&self, s: &Session, object: ObjectNo, name: &str) -> Option<(FieldNo, &FieldDef)> {
        let (no, field) = self.object(object)?.field_named(name)?;
        (self.access(s, object, no, field) > FieldAccess::Hidden).then_some((no, field))
    }

    /// Refuses the change of a record that the running user does not own, unless the user may
    /// modify all data or a queue owns it.
    pub(super) fn check_may_change(&self, s: &Session, object: ObjectNo, row: &Row) -> Result<(), ApiError> {
        if self.permissions(s).modify_all_data {
            return Ok(());
        }
        let owner = self.object(object).and_then(|object| object.known.owner).and_then(|field| row.get(field).as_id());
        match owner {
            Some(owner) if owner != s.user && self.users.contains_key(&owner) => Err(self.no_right()),
            _ => Ok(()),
        }
    }

    /// The refusal of a write that the running user has no right to.
    pub(super) fn no_right(&self) -> ApiError {
        ApiError::insufficient_access(match self.doubts().refused_right {
            RefusedRight::BadRequest => 400,
            RefusedRight::Forbidden => 403,
        })
    }

    /// Reads the permission sets' grants and their holders anew from the records.
    pub(super) fn follow_grants(&mut self) {
        self.security.grants = self.read_grants();
        self.security.assigned = self.read_assigned();
    }

    fn read_grants(&self) -> HashMap<FieldKey, Vec<(Id, FieldAccess)>> {
        let mut grants: HashMap<_, Vec<_>> = HashMap::new();
        let Some(object) = self.schema.object_no("FieldPermissions") else {
            return grants;
        };
        let rows = self.table(object).into_iter().flat_map(|table| table.iter());
        for (_, row) in rows {
            let access = if self.named(object, row, "PermissionsEdit").is_true() {
                FieldAccess::Edit
            } else if self.named(object, row, "PermissionsRead").is_true() {
                FieldAccess::ReadOnly
            } else {
                continue;
            };
            let set = self.named(object, row, "ParentId").as_id();
            let field = self.named(object, row, "Field");
            if let (Some(set), Some(key)) = (set, field.as_text().and_then(|f| self.field_key(f))) {
                grants.entry(key).or_default().push((set, access));
            }
        }
        grants
    }

    fn read_assigned(&self) -> HashMap<Id, Vec<Id>> {
        let mut assigned: HashMap<_, Vec<_>> = HashMap::new();
        let Some(object) = self.schema.object_no("PermissionSetAssignment") else {
            return assigned;
        };
        let rows = self.table(object).into_iter().flat_map(|table| table.iter());
        for (_, row) in rows {
            let cells = ["AssigneeId", "PermissionSetId"].map(|name| self.named(object, row, name));
            if let [Cell::Id(user), Cell::Id(set)] = cells {
                assigned.entry(user).or_default().push(set);
            }
        }
        assigned
    }

    /// The place of a field written `Lead.Title`.
    pub(super) fn field_key(&self, path: &str) -> Option<FieldKey> {
        let (object, field) = path.split_once('.')?;
        let (no, object) = self.schema.object_named(object)?;
        Some((no, object.field_no(field)?))
    }
}

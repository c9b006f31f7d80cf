//! The way of a record into the store: defaults, automation, rules, stamps, history.
//!
//! The order follows the Apex Developer Guide, "Triggers and Order of Execution": the org's
//! before-save automation, system validation, custom validation, duplicate rules, saving,
//! assignment. Nothing is written before everything is checked.

use std::collections::BTreeSet;

use super::cell::{Cell, OwnedCell};
use super::row::{Draft, Row};
use super::table::Slot;
use super::{Org, Session};
use crate::error::ApiError;
use crate::id::Id;
use crate::schema::{FieldNo, FieldType, Flag, ID_FIELD, ObjectNo};

/// A record on its way into the store.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) object: ObjectNo,
    pub(super) id: Id,
    /// What it was; `None` for a new record.
    pub(super) before: Option<(Slot, Row)>,
    /// What it will be.
    pub(super) draft: Draft,
    /// The fields the request brought.
    pub(super) given: BTreeSet<FieldNo>,
    pub(super) errors: Vec<ApiError>,
    /// The fields whose values could not be taken: nothing more is said of them.
    pub(super) refused: BTreeSet<FieldNo>,
    /// Whether rules are skipped: the seed and tests put what they want.
    pub(super) forced: bool,
}

impl Change {
    pub(super) const fn is_new(&self) -> bool {
        self.before.is_none()
    }

    pub(super) fn get(&self, field: FieldNo) -> &OwnedCell {
        self.draft.get(&field).unwrap_or(&Cell::Null)
    }

    pub(super) fn old(&self, field: FieldNo) -> Cell<'_> {
        self.before.as_ref().map_or(Cell::Null, |(_, row)| row.get(field))
    }

    /// Whether the field gets another value than it had.
    pub(super) fn changes(&self, field: FieldNo) -> bool {
        *self.get(field) != self.old(field)
    }

    pub(super) fn set(&mut self, field: FieldNo, cell: OwnedCell) {
        self.draft.insert(field, cell);
    }
}

impl Org {
    /// The value a change will leave in a named field.
    pub(super) fn got<'a>(&self, change: &'a Change, name: &str) -> &'a OwnedCell {
        match self.field_no(change.object, name) {
            Some(field) => change.get(field),
            None => &Cell::Null,
        }
    }

    /// Whether the request brought a named field.
    pub(super) fn is_given(&self, change: &Change, name: &str) -> bool {
        self.field_no(change.object, name).is_some_and(|field| change.given.contains(&field))
    }

    /// Whether a named field gets another value.
    pub(super) fn is_changed(&self, change: &Change, name: &str) -> bool {
        self.field_no(change.object, name).is_some_and(|field| change.changes(field))
    }

    pub(super) fn put(&self, change: &mut Change, name: &str, cell: OwnedCell) {
        if let Some(field) = self.field_no(change.object, name) {
            change.set(field, cell);
        }
    }

    /// Fills what a new record has without being told.
    pub(super) fn fill_defaults(&self, s: &Session, change: &mut Change) {
        let Some(object) = self.object(change.object) else {
            return;
        };
        for (no, field) in object.numbered() {
            if !change.get(no).is_null() || !field.has(Flag::DEFAULTED) {
                continue;
            }
            let value = match &field.default {
                Some(value) => super::convert::convert(field, value).unwrap_or(Cell::Null),
                None => match field.default_choice() {
                    // The statuses of a campaign's members are the campaign's own.
                    Some(_) if change.object == self.places.campaign_member => continue,
                    Some(choice) => Cell::text(choice.to_owned()),
                    None => continue,
                },
            };
            change.set(no, value);
        }
        // Source: Object Reference, "Custom Objects": a record without a name is called by its id.
        if let Some(name) = object.known.name.filter(|name| object.is("custom") && change.get(*name).is_null()) {
            change.set(name, Cell::text(change.id.to_string()));
        }
        if let Some(owner) = object.known.owner.filter(|owner| change.get(*owner).is_null()) {
            change.set(owner, Cell::Id(s.user));
        }
        if let Some(field) = object.known.record_type {
            let default = object.record_types.iter().find(|own| own.default && own.active);
            if let Some(default) = default.filter(|_| !change.given.contains(&field)) {
                change.set(field, Cell::Id(default.id));
            }
        }
    }

    /// Checks a record and stores it.
    pub(super) fn save(&mut self, s: &Session, mut change: Change) -> Result<Id, Vec<ApiError>> {
        if change.is_new() {
            self.fill_defaults(s, &mut change);
        }
        self.rewrite(&mut change);
        self.compose_name(&mut change);
        self.apply_object_rules(s, &mut change);
        if !change.forced {
            self.check_required(&mut change);
            self.check_owner(&mut change);
            self.check_record_type(&mut change);
            self.check_unique(&mut change);
            refuse_if_any(&mut change)?;
            self.check_validation_rules(s, &mut change);
            refuse_if_any(&mut change)?;
            self.check_duplicates(s, &change).map_err(|error| vec![error])?;
            self.assign(s, &mut change);
        }
        Ok(self.store(s, change))
    }

    fn store(&mut self, s: &Session, mut change: Change) -> Id {
        self.stamp_change(s, &mut change);
        self.write_history(s, &change);
        let row = Row::pack(&change.draft);
        match &change.before {
            Some((slot, _)) => self.change_row(change.object, *slot, row),
            None => {
                self.put_row(change.object, change.id, row);
            }
        }
        self.after_save(s, &change);
        change.id
    }

    fn stamp_change(&self, s: &Session, change: &mut Change) {
        let Some(known) = self.object(change.object).map(|object| object.known) else {
            return;
        };
        let kept: Draft = [known.modified_date, known.modified_by, known.modstamp, known.created_date, known.created_by]
            .into_iter()
            .flatten()
            .filter(|field| change.given.contains(field))
            .map(|field| (field, change.get(field).clone()))
            .collect();
        self.stamp(s, change.object, &mut change.draft);
        if change.is_new() {
            change.set(ID_FIELD, Cell::Id(change.id));
            if let Some(field) = known.created_date {
                change.set(field, Cell::instant(s.now));
            }
            if let Some(field) = known.created_by {
                change.set(field, Cell::Id(s.user));
            }
        }
        change.draft.extend(kept);
    }

    fn check_required(&self, change: &mut Change) {
        let Some(object) = self.object(change.object) else {
            return;
        };
        let missing: Vec<String> = object
            .numbered()
            .filter(|(no, field)| {
                let touched = change.is_new() || change.given.contains(no);
                let needs = field.has(Flag::CREATE) && !field.has(Flag::NIL);
                let kind = !matches!(field.kind, FieldType::Boolean | FieldType::Id);
                touched && needs && kind && change.get(*no).is_null() && !change.refused.contains(no)
            })
            .filter(|(_, field)| !self.is_reported(change, &field.name))
            .map(|(_, field)| field.name.to_string())
            .collect();
        if !missing.is_empty() {
            change.errors.push(ApiError::required(&missing));
        }
    }

    /// Whether an error about a field is known already: its value is then no longer looked at.
    fn is_reported(&self, change: &Change, field: &str) -> bool {
        change.errors.iter().flat_map(|error| error.fields.iter().flatten()).any(|name| name == field)
    }

    /// Source of the text: a recorded answer.
    fn check_owner(&self, change: &mut Change) {
        let Some(object) = self.object(change.object) else {
            return;
        };
        let Some(field) = object.known.owner.filter(|field| change.changes(*field)) else {
            return;
        };
        let inactive = change.get(field).as_id().and_then(|id| self.user(&id)).filter(|user| !user.active);
        if let Some(user) = inactive {
            let message = format!("operation performed with inactive user [{}] as owner of {}", self.quoted(&user.id), object.label.to_lowercase());
            let error = ApiError::new(400, "INACTIVE_OWNER_OR_USER", message);
            change.errors.push(error.about::<_, String>([]));
        }
    }

    fn check_record_type(&self, change: &mut Change) {
        let Some(object) = self.object(change.object) else {
            return;
        };
        let Some(field) = object.known.record_type.filter(|field| change.changes(*field)) else {
            return;
        };
        let Some(id) = change.get(field).as_id() else {
            return;
        };
        let known = object.record_types.iter().any(|own| own.id == id && own.active);
        if !known {
            let message = format!("Record Type ID: this ID value isn't valid for the user: {id}");
            let error = ApiError::new(400, "INVALID_CROSS_REFERENCE_KEY", message);
            change.errors.push(error.about(["RecordTypeId"]));
        }
    }

    fn check_unique(&self, change: &mut Change) {
        let Some(object) = self.object(change.object) else {
            return;
        };
        let mut errors = Vec::new();
        for (no, field) in object.numbered() {
            if !field.has(Flag::UNIQUE) || change.get(no).is_null() || !change.changes(no) {
                continue;
            }
            let holders = self.with_key(change.object, no, field, change.get(no));
            let other = holders.iter().find(|(_, id)| *id != change.id);
            if let Some((_, id)) = other {
                let message = format!("duplicate value found: {} duplicates value on record with id: {}", field.name, self.quoted(id));
                let error = ApiError::new(400, "DUPLICATE_VALUE", message);
                errors.push(error.about::<_, String>([]));
            }
        }
        change.errors.extend(errors);
    }

    /// People's names are put together from their parts.
    fn compose_name(&self, change: &mut Change) {
        let parts = ["FirstName", "LastName"];
        let composed = self
            .field_no(change.object, "LastName")
            .and_then(|_| self.object(change.object)?.known.name)
            .filter(|_| change.object != self.places.campaign_member);
        let Some(name) = composed else { return };
        let words: Vec<&str> = parts.iter().filter_map(|part| self.got(change, part).as_text()).collect();
        let text = words.join(" ");
        change.set(name, Cell::text(text));
    }
}

fn refuse_if_any(change: &mut Change) -> Result<(), Vec<ApiError>> {
    if change.errors.is_empty() { Ok(()) } else { Err(std::mem::take(&mut change.errors)) }
}

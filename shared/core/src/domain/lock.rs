//! The lock: what the mapped fields were like when somebody last agreed to them. Compared with the org on every reload, so
//! that a change in the org is told before the first write fails.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    config::Document,
    finding::{Finding, Sentence, Severity},
    ids::{FieldName, ObjectName},
    mapping::{FieldType, preflight},
    schema::{Field, ObjectSchema, Schemas},
    uses::{Feed, Target, Use, mapping_place, targets},
};

/// Every code of a problem that a change in the org can be.
pub const CODES: [&str; 7] =
    ["field_became_required", "field_shrunk", "field_type_changed", "field_vanished", "object_vanished", "permission_lost", "picklist_value_removed"];

/// The fingerprints of a document's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock(BTreeMap<ObjectName, Locked>);

/// What was so of one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Locked {
    /// The mapped fields.
    fields: BTreeMap<FieldName, Print>,
    /// Every field that a new record needed, mapped or not.
    needed: BTreeSet<FieldName>,
}

/// The fingerprint of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Print {
    #[serde(rename = "type")]
    kind: FieldType,
    computed: bool,
    length: u32,
    precision: u32,
    scale: u32,
    createable: bool,
    updateable: bool,
    /// The values of a restricted picklist that may be written: of a field that an attribute feeds all, else the document's own.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    values: BTreeSet<String>,
}

impl Print {
    fn of(field: &Field, named: &BTreeSet<String>, fed: bool) -> Self {
        let values = field.picklist.iter().filter(|value| field.restricted && (fed || named.contains(*value))).cloned().collect();
        Self {
            kind: field.kind.clone(),
            computed: field.computed,
            length: field.length,
            precision: field.precision,
            scale: field.scale,
            createable: field.createable,
            updateable: field.updateable,
            values,
        }
    }
}

impl Lock {
    /// The fingerprints as the org is now. What the org lacks already is no part of it: the check tells that.
    #[must_use]
    pub fn take(document: &Document, uses: &[Use], schemas: &Schemas) -> Self {
        let mut lock = Self::default();
        for target in targets(document) {
            if let Some(schema) = schemas.object(target.object.as_str()) {
                lock.0.insert(target.object.clone(), Locked { fields: BTreeMap::new(), needed: needed(schema, &target) });
            }
        }
        for (object, field) in uses.iter().map(|used| (&used.object, &used.field)).collect::<BTreeSet<_>>() {
            let found = schemas.object(object.as_str()).and_then(|schema| schema.fields.get(field));
            if let (Some(found), Some(locked)) = (found, lock.0.get_mut(object)) {
                let fed = uses.iter().any(|used| used.object == *object && used.field == *field && used.from.is_some());
                locked.fields.insert(field.clone(), Print::of(found, &named(uses, object, field), fed));
            }
        }
        lock
    }

    /// What has become worse since, one problem for each change.
    #[must_use]
    pub fn compare(&self, document: &Document, uses: &[Use], schemas: &Schemas) -> Vec<Finding> {
        let mut found = Vec::new();
        for target in targets(document) {
            let Some(locked) = self.0.get(&target.object) else { continue };
            let Some(schema) = schemas.object(target.object.as_str()) else {
                found.push(object_vanished(&target));
                continue;
            };
            for (name, print) in &locked.fields {
                // A rule that is no more cannot fail.
                if let Some(used) = uses.iter().find(|used| used.object == target.object && used.field == *name) {
                    match schema.fields.get(name) {
                        None => found.push(problem(used, Change::Vanished)),
                        Some(field) => {
                            let own = named(uses, &target.object, name);
                            changes(print, field, &target, &own).into_iter().for_each(|change| found.push(problem(used, change)));
                        }
                    }
                }
            }
            for name in needed(schema, &target).difference(&locked.needed) {
                let feeds: Vec<&Use> = uses.iter().filter(|used| used.object == target.object && used.field == *name && used.general).collect();
                if feeds.iter().all(|used| used.feed != Feed::Always) {
                    let place = feeds.first().map_or_else(|| mapping_place(document, target.object.as_str()), |used| format!("{}.from", used.place));
                    found.push(became_required(&target.object, name, place));
                }
            }
        }
        found
    }
}

fn needed(schema: &ObjectSchema, target: &Target) -> BTreeSet<FieldName> {
    let activity = matches!(target.object.as_str(), "Event" | "Task");
    if !target.creates || activity {
        return BTreeSet::new();
    }
    preflight::missing(target.object.as_str(), Some(schema), &|_| false).into_iter().collect()
}

/// The texts that the document names for a field.
fn named(uses: &[Use], object: &ObjectName, field: &FieldName) -> BTreeSet<String> {
    let own = uses.iter().filter(|used| used.object == *object && used.field == *field);
    own.flat_map(|used| &used.constants).filter_map(Value::as_str).flat_map(|text| text.split(';')).map(str::to_owned).collect()
}

/// How a field has become worse.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Vanished,
    Type(FieldType, FieldType),
    Shrunk(u32, u32),
    FewerDigits,
    /// A value that the document itself writes.
    ValueRemoved(String),
    /// One that the platform may send.
    ChoiceRemoved(String),
    PermissionLost,
}

fn changes(was: &Print, is: &Field, target: &Target, named: &BTreeSet<String>) -> Vec<Change> {
    let mut found = Vec::new();
    if was.kind != is.kind || (!was.computed && is.computed) {
        // Everything else follows from that.
        return vec![Change::Type(was.kind.clone(), is.kind.clone())];
    }
    if is.length < was.length {
        found.push(Change::Shrunk(was.length, is.length));
    }
    let whole = |precision: u32, scale: u32| precision.saturating_sub(scale);
    if whole(is.precision, is.scale) < whole(was.precision, was.scale) || is.scale < was.scale {
        found.push(Change::FewerDigits);
    }
    let gone = was.values.iter().filter(|value| is.restricted && !is.picklist.contains(value));
    found.extend(gone.map(|value| if named.contains(value) { Change::ValueRemoved(value.clone()) } else { Change::ChoiceRemoved(value.clone()) }));
    let lost_create = was.createable && !is.createable && target.creates;
    let lost_update = was.updateable && !is.updateable;
    if lost_create || lost_update {
        found.push(Change::PermissionLost);
    }
    found
}

fn problem(used: &Use, change: Change) -> Finding {
    let field = format!("{}.{}", used.object, used.field);
    let (code, words, cure) = match change {
        Change::Vanished => (
            "field_vanished",
            Sentence::new(
                format!("{field} was there and is no more: it was deleted, renamed, or hidden from the integration user."),
                format!("{field} existait et n'existe plus : il a été supprimé, renommé, ou masqué à l'utilisateur d'intégration."),
            ),
            Sentence::new(
                "Restore the field or its visibility, or take the rule out of the document.",
                "Rétablissez le champ ou sa visibilité, ou retirez la règle du document.",
            ),
        ),
        Change::Type(was, is) => (
            "field_type_changed",
            Sentence::new(
                format!("{field} was of type {} and is now {}, or is worked out by Salesforce.", was.as_str(), is.as_str()),
                format!("{field} était de type {} et est maintenant {}, ou calculé par Salesforce.", was.as_str(), is.as_str()),
            ),
            Sentence::new(
                "Check the rule and its transformations against the new type, then apply the document again.",
                "Vérifiez la règle et ses transformations avec le nouveau type, puis appliquez de nouveau le document.",
            ),
        ),
        Change::Shrunk(was, is) => (
            "field_shrunk",
            Sentence::new(
                format!("{field} took {was} characters and now takes {is}."),
                format!("{field} acceptait {was} caractères et n'en accepte plus que {is}."),
            ),
            Sentence::new(
                "Make the field longer again, or set `overflow: truncate` in the rule; then apply the document again.",
                "Rallongez le champ, ou écrivez `overflow: truncate` dans la règle ; puis appliquez de nouveau le document.",
            ),
        ),
        Change::FewerDigits => (
            "field_shrunk",
            Sentence::new(format!("{field} takes fewer digits than before."), format!("{field} accepte moins de chiffres qu'avant.")),
            Sentence::new(
                "Give the field its digits back, or accept it by applying the document again.",
                "Rendez ses chiffres au champ, ou acceptez-le en appliquant de nouveau le document.",
            ),
        ),
        Change::ValueRemoved(value) => (
            "picklist_value_removed",
            Sentence::new(
                format!("The picklist {field} no longer has the value {value:?}, which the document writes."),
                format!("La liste {field} n'a plus la valeur « {value} », que le document écrit."),
            ),
            Sentence::new(
                "Add the value to the picklist again, or change it in the document.",
                "Ajoutez de nouveau la valeur à la liste, ou changez-la dans le document.",
            ),
        ),
        Change::ChoiceRemoved(value) => {
            let words = Sentence::new(
                format!("The picklist {field} no longer has the value {value:?}. Where the platform sends it, the rule's `overflow` decides."),
                format!("La liste {field} n'a plus la valeur « {value} ». Si la plateforme l'envoie, `overflow` de la règle décide."),
            );
            let cure = Sentence::new(
                "Add the value to the picklist again, or accept it by applying the document again.",
                "Ajoutez de nouveau la valeur à la liste, ou acceptez-le en appliquant de nouveau le document.",
            );
            return Finding::new(Severity::Warning, "picklist_value_removed", format!("{}.to", used.place), words, cure);
        }
        Change::PermissionLost => (
            "permission_lost",
            Sentence::new(
                format!("The integration user could write {field} and no longer can."),
                format!("L'utilisateur d'intégration pouvait écrire {field} et ne le peut plus."),
            ),
            Sentence::new(
                "Give the integration user's permission set the right to edit the field.",
                "Donnez au jeu d'autorisations de l'utilisateur d'intégration le droit de modifier ce champ.",
            ),
        ),
    };
    Finding::new(Severity::Error, code, format!("{}.to", used.place), words, cure)
}

fn object_vanished(target: &Target) -> Finding {
    let object = &target.object;
    Finding::new(
        Severity::Error,
        "object_vanished",
        target.place.clone(),
        Sentence::new(
            format!("The integration user could see {object} and no longer can."),
            format!("L'utilisateur d'intégration voyait l'objet {object} et ne le voit plus."),
        ),
        Sentence::new(
            format!("Give the integration user's permission set the right to read {object}."),
            format!("Donnez au jeu d'autorisations de l'utilisateur d'intégration le droit de lire {object}."),
        ),
    )
}

fn became_required(object: &ObjectName, field: &FieldName, place: String) -> Finding {
    Finding::new(
        Severity::Error,
        "field_became_required",
        place,
        Sentence::new(
            format!("Salesforce now needs {object}.{field} in new records, and not everybody has a value for it."),
            format!("Salesforce exige désormais {object}.{field} dans les nouvelles fiches, et tout le monde n'a pas cette valeur."),
        ),
        Sentence::new(
            "Map the field from an attribute that is always there, give it a `default` or a static value, or make it optional in Salesforce.",
            "Associez le champ à un attribut toujours présent, donnez-lui un `default` ou une valeur statique, ou rendez-le facultatif dans Salesforce.",
        ),
    )
}

#[cfg(test)]
mod tests;

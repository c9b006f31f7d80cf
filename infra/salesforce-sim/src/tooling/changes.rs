//! Which changes of a custom field are built.

use crate::seed::{CustomField, CustomFieldKind};

/// What of a change is not built: that which Salesforce does only after a look at every record, or at all that names the
/// field.
pub(super) fn not_built(former: &CustomField, wanted: &CustomField) -> Option<&'static str> {
    let same_kind = std::mem::discriminant(&former.kind) == std::mem::discriminant(&wanted.kind);
    let (before, after) = (length(&former.kind), length(&wanted.kind));
    let refused = [
        ("type", !same_kind),
        ("length to a smaller one", after < before),
        ("precision or scale", digits(&former.kind) != digits(&wanted.kind)),
        ("referenceTo", target(&former.kind) != target(&wanted.kind)),
        ("required", former.required != wanted.required),
        ("unique", former.unique != wanted.unique),
        ("caseSensitive", former.case_sensitive != wanted.case_sensitive),
    ];
    refused.into_iter().find(|(_, differs)| *differs).map(|(what, _)| what)
}

fn length(kind: &CustomFieldKind) -> u32 {
    match kind {
        CustomFieldKind::Text { length } | CustomFieldKind::LongTextArea { length } => *length,
        _ => 0,
    }
}

fn digits(kind: &CustomFieldKind) -> Option<(u8, u8)> {
    match kind {
        CustomFieldKind::Number { precision, scale }
        | CustomFieldKind::Currency { precision, scale }
        | CustomFieldKind::Percent { precision, scale } => Some((*precision, *scale)),
        _ => None,
    }
}

fn target(kind: &CustomFieldKind) -> Option<(&str, Option<&str>)> {
    match kind {
        CustomFieldKind::Lookup { to, relationship } => Some((to, relationship.as_deref())),
        _ => None,
    }
}

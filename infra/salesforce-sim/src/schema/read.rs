//! Reads the schema text: one line for each field.
//!
//! ```text
//! object Lead 00Q | Lead | Leads | createable updateable
//! scopes everything=All leads; mine=My leads
//! urls describe rowTemplate sobject
//! Status | Status | picklist(255) | CUDFGSA |  | *Open - Not Contacted; Working - Contacted
//! OwnerId | Owner ID | reference | CUDFGSAmy | to=Group,User rel=Owner child=Leads cascade
//! ```
//!
//! The letters are those of [`Flag`]. Lines that start with `#` are notes.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{FieldDef, FieldType, Flag, ObjectDef, PicklistValue, WellKnown};
use crate::id::KeyPrefix;
use crate::seed::FieldAccess;

/// Picklists by name.
pub(super) type Sets = HashMap<String, Vec<PicklistValue>>;

/// A line that cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the schema line {0:?} cannot be read: {1}")]
pub(super) struct BadLine(String, &'static str);

/// Reads the shared picklists.
pub(super) fn parse_sets(text: &str, zones: &str) -> Sets {
    let mut sets: Sets =
        lines(text).filter_map(|line| line.split_once('|')).map(|(name, values)| (name.trim().to_owned(), parse_values(values))).collect();
    let zones = lines(zones).filter_map(|line| line.split_once('='));
    let zones = zones.map(|(value, label)| PicklistValue {
        value: value.into(),
        label: if label.ends_with(')') { label.into() } else { format!("{label} ({value})").into() },
        active: true,
        default: false,
    });
    sets.insert("timezones".to_owned(), zones.collect());
    sets
}

/// Reads one object.
pub(super) fn parse_object(text: &str, sets: &Sets, changed: Timestamp) -> Result<ObjectDef, BadLine> {
    let mut all = lines(text);
    let head = all.next().unwrap_or_default();
    let mut object = parse_head(head, changed).ok_or_else(|| BadLine(head.to_owned(), "it is no object head"))?;
    for line in all {
        if let Some(scopes) = line.strip_prefix("scopes ") {
            object.scopes =
                scopes.split(';').filter_map(|pair| pair.trim().split_once('=')).map(|(name, label)| (name.into(), label.into())).collect();
        } else if let Some(urls) = line.strip_prefix("urls ") {
            object.urls = urls.split_whitespace().map(Into::into).collect();
        } else {
            let field = parse_field(line, sets)?;
            let added = object.add(field);
            added.map_err(|_| BadLine(line.to_owned(), "its field is there already"))?;
        }
    }
    Ok(object)
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn parse_head(line: &str, changed: Timestamp) -> Option<ObjectDef> {
    let mut cells = line.strip_prefix("object ")?.split('|').map(str::trim);
    let (name, prefix) = cells.next()?.split_once(' ')?;
    let label = cells.next()?;
    let label_plural = cells.next()?;
    Some(ObjectDef {
        name: name.into(),
        prefix: KeyPrefix::parse(prefix)?,
        label: label.into(),
        label_plural: label_plural.into(),
        flags: cells.next()?.split_whitespace().map(Into::into).collect(),
        scopes: Vec::new(),
        urls: Vec::new(),
        fields: Vec::new(),
        known: WellKnown::default(),
        record_types: Vec::new(),
        changed,
        by_name: HashMap::new(),
    })
}

fn parse_field(line: &str, sets: &Sets) -> Result<FieldDef, BadLine> {
    let bad = |why| BadLine(line.to_owned(), why);
    let mut cells = line.split('|').map(str::trim);
    let name = cells.next().unwrap_or_default();
    let label = cells.next().ok_or_else(|| bad("it has no label"))?;
    let kind = cells.next().ok_or_else(|| bad("it has no type"))?;
    let flags = cells.next().ok_or_else(|| bad("it has no flags"))?;
    let (kind, sizes) = kind.strip_suffix(')').and_then(|kind| kind.split_once('(')).unwrap_or((kind, ""));
    let kind = FieldType::parse(kind).ok_or_else(|| bad("its type is unknown"))?;
    let flags = Flag::parse(flags).ok_or_else(|| bad("it has an unknown flag"))?;
    let mut field = blank(name, label, kind, flags);
    size(&mut field, sizes).ok_or_else(|| bad("its size is no number"))?;
    for word in cells.next().unwrap_or_default().split_whitespace() {
        attribute(&mut field, word).ok_or_else(|| bad("it has an unknown attribute"))?;
    }
    let values = cells.next().unwrap_or_default();
    field.picklist = match values.strip_prefix('@') {
        Some(set) => sets.get(set).cloned().ok_or_else(|| bad("its picklist is unknown"))?,
        None => parse_values(values),
    };
    Ok(field)
}

/// A field with nothing but these.
pub(super) fn blank(name: &str, label: &str, kind: FieldType, flags: Flag) -> FieldDef {
    FieldDef {
        name: name.into(),
        label: label.into(),
        kind,
        length: 0,
        precision: 0,
        scale: 0,
        digits: 0,
        compound: None,
        extra: None,
        reference_to: Vec::new(),
        relationship: None,
        child: super::ChildLink::default(),
        picklist: Vec::new(),
        default: None,
        custom: false,
        help: None,
        access: FieldAccess::Edit,
        gone: false,
        flags,
    }
}

fn size(field: &mut FieldDef, sizes: &str) -> Option<()> {
    match field.kind {
        FieldType::Id | FieldType::Reference => field.length = 18,
        FieldType::Int => field.digits = sizes.parse().ok()?,
        kind if kind.is_number() => {
            let (precision, scale) = sizes.split_once(',')?;
            field.precision = precision.trim().parse().ok()?;
            field.scale = scale.trim().parse().ok()?;
        }
        kind if kind.is_text() => field.length = sizes.parse().ok()?,
        _ => {}
    }
    Some(())
}

fn attribute(field: &mut FieldDef, word: &str) -> Option<()> {
    match word.split_once('=') {
        Some(("in", name)) => field.compound = Some(name.into()),
        Some(("extra", name)) => field.extra = Some(name.into()),
        Some(("to", names)) => field.reference_to = names.split(',').map(Into::into).collect(),
        Some(("rel", name)) => field.relationship = Some(name.into()),
        Some(("child", name)) => field.child.name = Some(name.into()),
        None if word == "cascade" => field.child.cascade = true,
        None if word == "restrict" => field.child.restrict = true,
        _ => return None,
    }
    Some(())
}

fn parse_values(text: &str) -> Vec<PicklistValue> {
    text.split(';')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (default, entry) = match entry.strip_prefix('*') {
                Some(rest) => (true, rest),
                None => (false, entry),
            };
            let (value, label) = entry.split_once('=').unwrap_or((entry, entry));
            PicklistValue { value: value.into(), label: label.into(), active: true, default }
        })
        .collect()
}

//! Every mapped field: there, visible, writable, of a type that goes together with the attribute's; and every value that the
//! document itself names fits.

use serde_json::Value;

use super::{View, error, operation, pairs::told, warning};
use crate::domain::{
    config::{Action, ActivityAction, ActivityObject},
    finding::{Finding, Sentence, Severity},
    ids::FieldName,
    mapping::{
        self, OPT_OUT, codec,
        preflight::{self, Misfit},
    },
    schema::Field,
    template::Template,
    uses::Use,
};

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let types = types(view);
    // A field that takes no such values at all is told once, by its type.
    let closed = |used: &Use| types.iter().any(|found| found.code == "type_impossible" && found.place == format!("{}.to", used.place));
    let mut found: Vec<Finding> = view.uses.iter().flat_map(|used| one(view, used, closed(used))).collect();
    found.extend(types);
    found.extend(activities(view));
    found
}

fn one(view: &View<'_>, used: &Use, closed: bool) -> Vec<Finding> {
    let object = used.object.as_str();
    // What is not described is told as a whole, by the object; the opt-out has a finding of its own.
    let Some(schema) = view.schemas.object(object) else { return Vec::new() };
    match schema.fields.get(&used.field) {
        None if used.field.as_str() == OPT_OUT => Vec::new(),
        None => vec![absent(view, object, &used.field, format!("{}.to", used.place), view.weight(object))],
        Some(_) if closed => Vec::new(),
        Some(field) => rights(view, used, field).into_iter().chain(constants(view, used, field)).collect(),
    }
}

/// A field that the description does not have: hidden where the org says that it exists, else missing.
fn absent(view: &View<'_>, object: &str, field: &FieldName, place: String, weight: Severity) -> Finding {
    let exists = view.facts.definitions.as_ref().is_some_and(|known| known.contains_key(&(object.to_owned(), field.to_string())));
    if exists {
        return Finding::new(
            weight,
            "field_hidden",
            place,
            Sentence::new(
                format!("{object}.{field} exists, but the integration user does not see it."),
                format!("{object}.{field} existe, mais l'utilisateur d'intégration ne le voit pas."),
            ),
            Sentence::new(
                "Give the integration user's permission set the right to read and edit the field.",
                "Donnez au jeu d'autorisations de l'utilisateur d'intégration le droit de lire et de modifier ce champ.",
            ),
        );
    }
    Finding::new(
        weight,
        "field_missing",
        place,
        Sentence::new(format!("The org has no field {object}.{field}."), format!("L'organisation n'a pas de champ {object}.{field}.")),
        Sentence::new(
            "Correct the API name, or create the field: `passerelle fields` with `--create` or `--sfdx` does it with its permission.",
            "Corrigez le nom d'API, ou créez le champ : `passerelle fields` avec `--create` ou `--sfdx` le fait, autorisation comprise.",
        ),
    )
}

/// A field that can be written at one moment only. Those that can never be written are a matter of types.
fn rights(view: &View<'_>, used: &Use, field: &Field) -> Option<Finding> {
    let target = view.target(used.object.as_str())?;
    let name = format!("{}.{}", used.object, used.field);
    let cure = Sentence::new(
        "Give the integration user the right to edit the field, or map another one.",
        "Donnez à l'utilisateur d'intégration le droit de modifier ce champ, ou choisissez-en un autre.",
    );
    let (en, fr, other) = match (field.createable, field.updateable) {
        (false, true) if target.creates => {
            ("it cannot be set on new records", "il ne peut pas être renseigné sur une nouvelle fiche", target.updates)
        }
        (true, false) if target.updates => ("it cannot be changed later", "il ne peut plus être modifié ensuite", target.creates),
        _ => return None,
    };
    let place = format!("{}.to", used.place);
    if !other {
        // The one thing that the mapping does is what the field does not allow.
        let words = Sentence::new(format!("{name} is never written: {en}."), format!("{name} n'est jamais écrit : {fr}."));
        return Some(error("field_not_writable", place, words, cure));
    }
    let words = Sentence::new(format!("{name} can be written only in part: {en}."), format!("{name} ne peut être écrit qu'en partie : {fr}."));
    Some(warning("field_partly_writable", place, words, cure))
}

/// Values that the document names and Salesforce would not take.
fn constants(view: &View<'_>, used: &Use, field: &Field) -> Vec<Finding> {
    let Some(target) = view.target(used.object.as_str()) else { return Vec::new() };
    let zone = view.document.connection.zone();
    let refused = used.constants.iter().filter_map(|value| {
        let encoded = codec::encode(value, None, field, &zone).map_err(Misfit::from).map(Option::unwrap_or_default);
        let misfit = encoded.and_then(|value| preflight::check(field, &value, operation(target))).err()?;
        // What cannot be written now is told by the rights.
        (misfit != Misfit::NotWritable).then(|| constant(used, value, &misfit))
    });
    refused.collect()
}

fn constant(used: &Use, value: &Value, misfit: &Misfit) -> Finding {
    let (name, words) = (format!("{}.{}", used.object, used.field), misfit.words());
    error(
        misfit.code(),
        &*used.place,
        Sentence::new(
            format!("Salesforce would not take the document's own value {value} for {name}. {}", words.en),
            format!("Salesforce refuserait la valeur {value} que le document prévoit pour {name}. {}", words.fr),
        ),
        Sentence::new(
            "Change the value in the document, or the field in Salesforce.",
            "Changez la valeur dans le document, ou le champ dans Salesforce.",
        ),
    )
}

fn types(view: &View<'_>) -> Vec<Finding> {
    let found =
        mapping::check_rules(view.maps, &view.schemas, &view.document.connection.zone()).into_iter().filter(|found| found.code.starts_with("type_"));
    found
        .map(|found| {
            let weight = view.weight(found.object.as_str());
            told(found, weight)
        })
        .collect()
}

/// The fields of activities, and those of their texts that are the same for everybody.
fn activities(view: &View<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (w, workflow) in view.document.workflows.iter().enumerate() {
        for (a, action) in workflow.actions.iter().enumerate() {
            if let Action::Activity(activity) = action {
                found.extend(activity_fields(view, activity, &format!("workflows[{w}].actions[{a}].activity")));
            }
        }
    }
    found
}

/// The timeline's fields, and that the reference keeps an entry from coming twice.
fn timeline_fields(view: &View<'_>, place: &str) -> Vec<Finding> {
    let (names, place) = (view.document.timeline(), format!("{place}.object"));
    let Some(schema) = view.schemas.object(names.object.as_str()) else { return Vec::new() };
    let lacking = names.fields().into_iter().filter(|field| !schema.fields.contains_key(*field));
    let mut found: Vec<Finding> = lacking.map(|field| absent(view, names.object.as_str(), field, place.clone(), Severity::Error)).collect();
    if schema.fields.get(&names.reference).is_some_and(|field| !field.unique) {
        let field = format!("{}.{}", names.object, names.reference);
        found.push(error(
            "timeline_reference_not_unique",
            place,
            Sentence::new(
                format!("{field} is not unique, so a repeat could make an entry of the timeline twice."),
                format!("{field} n'est pas unique : une répétition pourrait créer deux fois une entrée de la timeline."),
            ),
            Sentence::new(
                "Edit the field in Setup and choose \"Do not allow duplicate values\".",
                "Modifiez le champ dans la configuration et choisissez « Ne pas autoriser les valeurs en double ».",
            ),
        ));
    }
    found
}

fn activity_fields(view: &View<'_>, activity: &ActivityAction, place: &str) -> Vec<Finding> {
    if activity.object == ActivityObject::Timeline {
        return timeline_fields(view, place);
    }
    let object = view.document.object_of_activity(activity.object);
    let object = object.as_str();
    let texts = [
        ("subject", "Subject", Some(&activity.subject)),
        ("kind", "Type", activity.kind.as_ref()),
        ("description", "Description", activity.description.as_ref()),
    ];
    let texts = texts.into_iter().filter_map(|(name, field, text)| Some((name, FieldName::known(field), text?)));
    let Some(schema) = view.schemas.object(object) else { return Vec::new() };
    texts
        .filter_map(|(name, field, text)| {
            let place = format!("{place}.{name}");
            let Some(described) = schema.fields.get(&field) else { return Some(absent(view, object, &field, place, Severity::Error)) };
            let template = Template::compile(text).ok().filter(|template| template.variables().is_empty())?;
            let value = Value::from(template.render(&()).ok()?);
            let misfit = preflight::check(described, &value, preflight::Operation::Create).err()?;
            let used = Use {
                object: view.target(object)?.object.clone(),
                field,
                place,
                from: None,
                feed: crate::domain::uses::Feed::Always,
                constants: Vec::new(),
                general: true,
            };
            Some(constant(&used, &value, &misfit))
        })
        .collect()
}

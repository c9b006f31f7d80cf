//! What a new record needs: filled at all, and filled for everybody.

use std::collections::BTreeSet;

use super::{View, error, info, warning};
use crate::domain::{
    config::Action,
    finding::{Finding, Sentence},
    ids::FieldName,
    mapping::preflight,
    properties::is_timeline,
    uses::{Feed, Target, Use, mapping_place},
};

/// What Passerelle itself fills in an activity.
const ACTIVITY: [&str; 12] = [
    "Subject",
    "Type",
    "Description",
    "WhoId",
    "OwnerId",
    "StartDateTime",
    "EndDateTime",
    "ActivityDate",
    "ActivityDateTime",
    "DurationInMinutes",
    "Status",
    "Priority",
];

pub(super) fn findings(view: &View<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = view.targets.iter().filter(|target| target.creates).flat_map(|target| required(view, target)).collect();
    found.extend(company(view));
    if view.document.platform.attributes.is_empty() {
        found.push(undeclared());
    }
    found
}

/// Whether Passerelle itself fills a field of what it makes.
fn fills(view: &View<'_>, object: &str, name: &str) -> bool {
    let document = view.document;
    let of_workflows = || {
        document.workflows.iter().flat_map(|workflow| &workflow.actions).any(|action| match action {
            Action::Record(record) if document.mappings.get(&record.mapping).is_some_and(|mapping| mapping.object.as_str() == object) => {
                let pointers = record.person.iter().flat_map(|fields| fields.lead.iter().chain(&fields.contact));
                pointers.chain([&record.key.field]).any(|field| field.as_str() == name)
            }
            _ => false,
        })
    };
    match object {
        _ if is_timeline(document, object) => name == "Name" || document.timeline().fields().iter().any(|field| field.as_str() == name),
        "Event" | "Task" if ACTIVITY.contains(&name) => true,
        "CampaignMember" => matches!(name, "CampaignId" | "LeadId" | "ContactId" | "Status") || of_workflows(),
        "Account" => name == "Name" || of_workflows(),
        _ => of_workflows(),
    }
}

fn required(view: &View<'_>, target: &Target) -> Vec<Finding> {
    let object = target.object.as_str();
    let needed = preflight::missing(object, view.schemas.object(object), &|name| fills(view, object, name));
    let mut found: Vec<Finding> = needed.iter().filter_map(|field| one(view, target, field)).collect();
    found.extend(unmapped(view, target, &needed));
    found
}

fn one(view: &View<'_>, target: &Target, field: &FieldName) -> Option<Finding> {
    let name = format!("{}.{field}", target.object);
    let feeds: Vec<&Use> = view.uses.iter().filter(|used| used.object == target.object && used.field == *field && used.general).collect();
    let cure = Sentence::new(
        "Map the field from an attribute that always has a value, give the rule a `default`, or give the mapping a static value.",
        "Associez le champ à un attribut toujours renseigné, donnez un `default` à la règle, ou une valeur statique à la correspondance.",
    );
    let Some(first) = feeds.first() else {
        let words = Sentence::new(
            format!("Salesforce needs {name} in every new record, and no rule fills it."),
            format!("Salesforce exige {name} dans chaque nouvelle fiche, et aucune règle ne le remplit."),
        );
        return Some(error("required_unfilled", mapping_place(view.document, target.object.as_str()), words, cure));
    };
    let from = first.from.as_deref().filter(|_| feeds.iter().all(|used| used.feed == Feed::Sometimes))?;
    let words = Sentence::new(
        format!("Salesforce needs {name} in every new record, but the attribute {from} may be blank. Such people wait."),
        format!("Salesforce exige {name} dans chaque nouvelle fiche, mais l'attribut {from} peut être vide. Ces personnes attendront."),
    );
    Some(warning("required_from_optional", format!("{}.from", first.place), words, cure))
}

/// Projects and workflows that take a needed field away.
fn unmapped(view: &View<'_>, target: &Target, needed: &[FieldName]) -> Vec<Finding> {
    let of_object = |name: &crate::domain::ids::MappingName| view.document.object_of(name).is_some_and(|object| object == target.object);
    let projects = view.document.projects.list.iter().flat_map(|(id, project)| {
        project.mappings.iter().map(move |(name, overlay)| (name, overlay, format!("projects.list.{id}.mappings.{name}.unmapped")))
    });
    let workflows = view.document.workflows.iter().enumerate().flat_map(|(w, workflow)| {
        workflow.mappings.iter().map(move |(name, overlay)| (name, overlay, format!("workflows[{w}].mappings.{name}.unmapped")))
    });
    let needed: BTreeSet<&FieldName> = needed.iter().collect();
    let taken = projects.chain(workflows).filter(|(name, ..)| of_object(name)).flat_map(|(_, overlay, place)| {
        overlay.unmapped.iter().filter(|field| needed.contains(field)).map(move |field| (field, place.clone())).collect::<Vec<_>>()
    });
    taken
        .map(|(field, place)| {
            let words = Sentence::new(
                format!("Salesforce needs {}.{field} in every new record, and here it is taken out.", target.object),
                format!("Salesforce exige {}.{field} dans chaque nouvelle fiche, et il est retiré ici.", target.object),
            );
            let cure =
                Sentence::new("Leave the field mapped, or give it a static value.", "Laissez le champ associé, ou donnez-lui une valeur statique.");
            error("required_unmapped", place, words, cure)
        })
        .collect()
}

/// Where the platform's company makes accounts, a lead whose company is the same attribute brings an account with it.
fn company(view: &View<'_>) -> Option<Finding> {
    let rule = |object: &str, field: &str| {
        view.uses.iter().find(|used| used.general && used.object.as_str() == object && used.field.as_str() == field && used.from.is_some())
    };
    let (company, account) = (rule("Lead", "Company")?, rule("Account", "Name")?);
    let from = account.from.as_deref().filter(|from| company.from.as_deref() == Some(from))?;
    Some(warning(
        "company_is_account",
        format!("{}.from", company.place),
        Sentence::new(
            format!("Lead.Company and Account.Name both come from {from}: the company of everybody who is only a lead becomes an account."),
            format!("Lead.Company et Account.Name viennent tous deux de {from} : la société de chaque simple prospect devient un compte."),
        ),
        Sentence::new(
            "Map Lead.Company from an attribute of its own, and keep this one for the companies of contacts.",
            "Associez Lead.Company à un attribut distinct, et gardez celui-ci pour les sociétés des contacts.",
        ),
    ))
}

fn undeclared() -> Finding {
    info(
        "attributes_undeclared",
        "platform.attributes",
        Sentence::new(
            "The document does not declare the platform's attributes, so neither types nor blanks could be checked.",
            "Le document ne déclare pas les attributs de la plateforme : ni les types ni les valeurs vides n'ont pu être vérifiés.",
        ),
        Sentence::new("List them with name, type and `required`.", "Listez-les avec nom, type et `required`."),
    )
}

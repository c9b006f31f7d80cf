//! The custom fields of a document as a project that `sf project deploy start` takes, with the permission set of the
//! integration user. Source: Metadata API Developer Guide, CustomField and PermissionSet.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    config::{Direction, Document},
    mapping::{FieldMap, FieldMaps},
    properties::{Property, PropertyType, described_as, is_timeline},
    uses::{targets, uses},
};

/// The label of the object that activities go to.
const TIMELINE: &str = "Timeline";

/// The permission set of the integration user.
pub const PERMISSION_SET: &str = "Passerelle_Sync";

/// One file of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its path inside the project.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// Standard fields that have no permissions of their own: everybody who sees the record sees them. Source: `permissionable` in
/// the descriptions of real orgs.
const OPEN: [&str; 13] = [
    "LastName",
    "FirstName",
    "Salutation",
    "Name",
    "Company",
    "Status",
    "OwnerId",
    "RecordTypeId",
    "Subject",
    "Type",
    "StartDateTime",
    "EndDateTime",
    "Priority",
];

/// The project: the fields to make, and a permission set for all that the document needs. Fields that the org has already are
/// left out of the first, because deploying them would change them.
#[must_use]
pub fn project(document: &Document, maps: &FieldMaps, needed: &[Property], make: &[Property]) -> Vec<File> {
    let version = &document.salesforce.api_version;
    let manifest = format!(
        "{{\n  \"packageDirectories\": [{{ \"path\": \"force-app\", \"default\": true }}],\n  \"name\": \"passerelle\",\n  \"sourceApiVersion\": \"{version}\"\n}}\n"
    );
    let mut files = vec![File { path: "sfdx-project.json".to_owned(), text: manifest }];
    files.extend(make.iter().map(|property| File {
        path: format!("force-app/main/default/objects/{}/fields/{}.field-meta.xml", property.object, property.name),
        text: field(property),
    }));
    let names = document.timeline();
    let whole = make.iter().filter(|property| property.object == names.object).count() >= names.fields().len();
    if is_timeline(document, names.object.as_str()) && whole {
        let path = format!("force-app/main/default/objects/{0}/{0}.object-meta.xml", names.object);
        files.push(File { path, text: timeline() });
    }
    files.push(File {
        path: format!("force-app/main/default/permissionsets/{PERMISSION_SET}.permissionset-meta.xml"),
        text: permission_set(document, maps, needed),
    });
    files
}

fn document_of(root: &str, elements: &[String]) -> String {
    let lines: String = elements.iter().map(|element| format!("    {element}\n")).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n{lines}</{root}>\n")
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// Elements inside one, on one line.
fn group(name: &str, elements: &[(&str, &str)]) -> String {
    let inner: String = elements.iter().map(|(name, text)| element(name, text)).collect();
    format!("<{name}>{inner}</{name}>")
}

fn field(property: &Property) -> String {
    let mut elements = vec![element("fullName", property.name.as_str())];
    if property.unique {
        elements.push(element("caseSensitive", "true"));
    }
    if property.kind == PropertyType::Checkbox {
        elements.push(element("defaultValue", "false"));
    }
    elements.extend(property.description.as_ref().map(|text| element("description", text)));
    if property.external {
        elements.push(element("externalId", "true"));
    }
    elements.push(element("label", &property.label));
    elements.extend(sizes(property.kind).into_iter().map(|(name, size)| element(name, &size.to_string())));
    elements.push(element("type", type_name(property.kind)));
    if let PropertyType::Lookup(object) = property.kind {
        elements.extend(lookup(property, object).map(|(name, text)| element(name, &text)));
    }
    if property.unique {
        elements.push(element("unique", "true"));
    }
    // The name first, then in the order of the alphabet, as Salesforce's own tools write it.
    if let Some((_, rest)) = elements.split_first_mut() {
        rest.sort_unstable();
    }
    document_of("CustomField", &elements)
}

/// The name of a type in the Metadata API, which the Tooling API shares.
#[must_use]
pub const fn type_name(kind: PropertyType) -> &'static str {
    match kind {
        PropertyType::Text(_) => "Text",
        PropertyType::LongText(_) => "LongTextArea",
        PropertyType::Email => "Email",
        PropertyType::Phone => "Phone",
        PropertyType::Url => "Url",
        PropertyType::Number(_) => "Number",
        PropertyType::Checkbox => "Checkbox",
        PropertyType::Date => "Date",
        PropertyType::DateTime => "DateTime",
        PropertyType::Time => "Time",
        PropertyType::Lookup(_) => "Lookup",
    }
}

/// What a type must be told about its size, in the order of the Metadata API.
#[must_use]
pub fn sizes(kind: PropertyType) -> Vec<(&'static str, u32)> {
    match kind {
        PropertyType::Text(length) => vec![("length", u32::from(length))],
        PropertyType::LongText(length) => vec![("length", length), ("visibleLines", 3)],
        PropertyType::Number(scale) => vec![("precision", 18), ("scale", u32::from(scale))],
        _ => Vec::new(),
    }
}

/// What a lookup must be told: the object, and what its records call those that refer to them.
#[must_use]
pub fn lookup(property: &Property, object: &str) -> [(&'static str, String); 3] {
    let own = property.object.as_str().trim_end_matches("__c").replace("__", "_");
    [("referenceTo", object.to_owned()), ("relationshipLabel", TIMELINE.to_owned()), ("relationshipName", format!("{own}_{object}s"))]
}

/// The custom object of the timeline.
fn timeline() -> String {
    let name = group("nameField", &[("label", "Name"), ("type", "Text")]);
    let elements = [("deploymentStatus", "Deployed"), ("label", TIMELINE), ("pluralLabel", TIMELINE), ("sharingModel", "ReadWrite")];
    let mut elements: Vec<String> = elements.into_iter().map(|(tag, text)| element(tag, text)).chain([name]).collect();
    elements.sort_unstable();
    document_of("CustomObject", &elements)
}

fn permission_set(document: &Document, maps: &FieldMaps, needed: &[Property]) -> String {
    let mut elements =
        vec![element("description", "What the integration user of Passerelle needs, and no more."), element("hasActivationRequired", "false")];
    let fields = fields(document, maps, needed);
    elements.extend(fields.iter().map(|(field, editable)| {
        group("fieldPermissions", &[("editable", if *editable { "true" } else { "false" }), ("field", field), ("readable", "true")])
    }));
    elements.push(element("label", "Passerelle Sync"));
    elements.extend(objects(document));
    // Events and tasks have no object permissions; these two stand for them.
    elements.extend(["ApiEnabled", "EditEvent", "EditTask"].map(|name| group("userPermissions", &[("enabled", "true"), ("name", name)])));
    document_of("PermissionSet", &elements)
}

/// Every field that the document needs a permission for, with whether it is written.
fn fields(document: &Document, maps: &FieldMaps, needed: &[Property]) -> BTreeSet<(String, bool)> {
    let mut fields: BTreeSet<(String, bool)> = BTreeSet::new();
    for property in needed {
        fields.extend(described_as(&property.object).into_iter().map(|object| (format!("{object}.{}", property.name), true)));
    }
    let read_only = |place: &str| maps.all().flat_map(FieldMap::all).any(|rule| rule.place == place && rule.direction == Direction::ToPlatform);
    for used in uses(document, maps).into_iter().filter(|used| !OPEN.contains(&used.field.as_str())) {
        let field = format!("{}.{}", used.object, used.field);
        if !fields.iter().any(|(known, _)| *known == field) {
            fields.insert((field, !read_only(&used.place)));
        }
    }
    for target in targets(document) {
        if matches!(target.object.as_str(), "Event" | "Task") {
            fields.extend(["Description", "WhoId"].map(|field| (format!("{}.{field}", target.object), true)));
        }
    }
    fields
}

fn objects(document: &Document) -> Vec<String> {
    let written = |object: &str| targets(document).iter().any(|target| target.object.as_str() == object);
    let timeline = document.timeline().object;
    let mut objects = vec![("Account", written("Account"), false), ("Contact", true, true), ("Lead", true, true)];
    objects.extend(is_timeline(document, timeline.as_str()).then_some((timeline.as_str(), true, false)));
    // Contacts can be read only by those who read accounts.
    objects.retain(|(object, write, _)| *write || *object == "Account");
    let flag = |on: bool| if on { "true" } else { "false" };
    objects
        .into_iter()
        .map(|(object, write, view_all)| {
            group(
                "objectPermissions",
                &[
                    ("allowCreate", flag(write)),
                    ("allowDelete", "false"),
                    ("allowEdit", flag(write)),
                    ("allowRead", "true"),
                    ("modifyAllRecords", "false"),
                    ("object", object),
                    ("viewAllRecords", flag(view_all)),
                ],
            )
        })
        .collect()
}

//! The describe documents: what an object and its fields say about themselves.
//!
//! Source of the keys: REST API Developer Guide, "sObject Describe", and describes of real orgs.

use serde_json::{Map, Value, json};

use super::{FieldDef, FieldNo, FieldType, Flag, ObjectDef, Schema};
use crate::seed::FieldAccess;

/// The key of the master record type, the same in every org.
const MASTER_RECORD_TYPE: &str = "012000000000000AAA";

/// In which version, from which host and with whose rights something is described.
pub struct DescribeContext<'a> {
    /// The API version, 66 for `v66.0`.
    pub version: u16,
    /// The org's own host with its scheme, for links into the pages for people.
    pub instance_url: &'a str,
    /// What the user may do with a field of the object.
    pub access: &'a dyn Fn(FieldNo, &FieldDef) -> FieldAccess,
}

impl DescribeContext<'_> {
    fn base(&self, object: &ObjectDef) -> String {
        format!("/services/data/v{}.0/sobjects/{}", self.version, object.name)
    }
}

/// The body of `GET /sobjects`.
#[must_use]
pub fn describe_global(schema: &Schema, version: u16) -> Value {
    let context = DescribeContext { version, instance_url: "", access: &|_, _| FieldAccess::Edit };
    let objects: Vec<Value> = schema.numbered().map(|(_, object)| Value::Object(summary(object, &context, true))).collect();
    json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects})
}

/// What an object says about itself in the global list (`brief`) and in its own describe.
#[must_use]
pub fn summary(object: &ObjectDef, context: &DescribeContext<'_>, brief: bool) -> Map<String, Value> {
    const BOTH: &[&str] = &[
        "activateable",
        "createable",
        "custom",
        "customSetting",
        "deepCloneable",
        "deletable",
        "deprecatedAndHidden",
        "feedEnabled",
        "hasSubtypes",
        "isInterface",
        "isSubtype",
        "layoutable",
        "mergeable",
        "mruEnabled",
        "queryable",
        "replicateable",
        "retrieveable",
        "searchable",
        "triggerable",
        "undeletable",
        "updateable",
    ];
    let mut out = Map::new();
    for key in BOTH {
        out.insert((*key).to_owned(), json!(object.is(key)));
    }
    out.insert("name".to_owned(), json!(object.name));
    out.insert("label".to_owned(), json!(object.label));
    out.insert("labelPlural".to_owned(), json!(object.label_plural));
    out.insert("keyPrefix".to_owned(), json!(object.prefix.as_str()));
    out.insert("associateEntityType".to_owned(), Value::Null);
    out.insert("associateParentEntity".to_owned(), Value::Null);
    out.insert("urls".to_owned(), urls(object, context, brief));
    out
}

/// Links that stand in an object's own describe and, as recorded, not in the list of objects: those into the pages for
/// people, and two more.
fn is_of_own_describe(key: &str) -> bool {
    key.starts_with("ui") || ["defaultValues", "eventSeriesUpdates"].contains(&key)
}

fn urls(object: &ObjectDef, context: &DescribeContext<'_>, brief: bool) -> Value {
    let base = context.base(object);
    let host = context.instance_url.trim_end_matches('/');
    let mut out = Map::new();
    for key in &object.urls {
        let url = match &**key {
            "sobject" => base.clone(),
            "describe" => format!("{base}/describe"),
            "rowTemplate" => format!("{base}/{{ID}}"),
            "layouts" | "compactLayouts" | "approvalLayouts" => format!("{base}/describe/{key}"),
            "namedLayouts" => format!("{base}/describe/namedLayouts/{{LayoutName}}"),
            "defaultValues" => format!("{base}/defaultValues?recordTypeId&fields"),
            "eventSeriesUpdates" => format!("{base}/{{ID}}/fromThisEventOnwards"),
            "passwordUtilities" => format!("{base}/{{ID}}/password"),
            "uiDetailTemplate" => format!("{host}/{{ID}}"),
            "uiEditTemplate" => format!("{host}/{{ID}}/e"),
            "uiNewRecord" => format!("{host}/{}/e", object.prefix),
            _ => format!("{base}/{key}"),
        };
        if !(brief && is_of_own_describe(key)) {
            out.insert(key.to_string(), json!(url));
        }
    }
    Value::Object(out)
}

/// The body of `GET /sobjects/X/describe`.
#[must_use]
pub fn describe_object(schema: &Schema, object: &ObjectDef, context: &DescribeContext<'_>) -> Value {
    let mut out = summary(object, context, false);
    let fields: Vec<Value> = object
        .numbered()
        .filter(|(no, field)| (context.access)(*no, field) > FieldAccess::Hidden)
        .map(|(no, field)| describe_field(field, (context.access)(no, field)))
        .collect();
    out.insert("fields".to_owned(), Value::Array(fields));
    out.insert("childRelationships".to_owned(), children(schema, object));
    out.insert("recordTypeInfos".to_owned(), record_types(object, context));
    let scopes = object.scopes.iter().map(|(name, label)| json!({"name": name, "label": label}));
    out.insert("supportedScopes".to_owned(), scopes.collect());
    for key in ["compactLayoutable", "searchLayoutable"] {
        out.insert(key.to_owned(), json!(object.is(key)));
    }
    for key in [
        "defaultImplementation",
        "extendedBy",
        "extendsInterfaces",
        "implementedBy",
        "implementsInterfaces",
        "listviewable",
        "lookupLayoutable",
        "networkScopeFieldName",
    ] {
        out.insert(key.to_owned(), Value::Null);
    }
    out.insert("actionOverrides".to_owned(), json!([]));
    out.insert("namedLayoutInfos".to_owned(), json!([]));
    out.insert("sobjectDescribeOption".to_owned(), json!("FULL"));
    Value::Object(out)
}

fn children(schema: &Schema, object: &ObjectDef) -> Value {
    schema
        .children(object)
        .into_iter()
        .map(|(_, child, _, field)| {
            json!({
                "cascadeDelete": field.child.cascade,
                "childSObject": child.name,
                "deprecatedAndHidden": false,
                "field": field.name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": field.child.name,
                "restrictedDelete": field.child.restrict,
            })
        })
        .collect()
}

fn record_types(object: &ObjectDef, context: &DescribeContext<'_>) -> Value {
    let base = context.base(object);
    let info = |id: &str, name: &str, developer: &str, active: bool, default: bool, master: bool| {
        json!({
            "active": active,
            "available": active,
            "defaultRecordTypeMapping": default,
            "developerName": developer,
            "master": master,
            "name": name,
            "recordTypeId": id,
            "urls": {"layout": format!("{base}/describe/layouts/{id}")},
        })
    };
    let has_default = object.record_types.iter().any(|own| own.default);
    let mut all: Vec<Value> = object
        .record_types
        .iter()
        .map(|own| {
            let id = own.id.as_str();
            info(id, &own.name, &own.developer_name, own.active, own.default, false)
        })
        .collect();
    all.push(info(MASTER_RECORD_TYPE, "Master", "Master", true, !has_default, true));
    Value::Array(all)
}

/// One element of `fields`.
#[must_use]
pub fn describe_field(field: &FieldDef, access: FieldAccess) -> Value {
    let mut out = Map::new();
    for (_, flag, key) in Flag::NAMES {
        out.insert((*key).to_owned(), json!(field.has(*flag)));
    }
    if access < FieldAccess::Edit {
        out.insert("createable".to_owned(), json!(false));
        out.insert("updateable".to_owned(), json!(false));
    }
    for key in [
        "aiPredictionField",
        "autoNumber",
        "calculated",
        "cascadeDelete",
        "dependentPicklist",
        "deprecatedAndHidden",
        "displayLocationInDecimal",
        "encrypted",
        "formulaTreatNullNumberAsZero",
        "highScaleNumber",
        "htmlFormatted",
        "restrictedDelete",
        "writeRequiresMasterRead",
    ] {
        out.insert(key.to_owned(), json!(false));
    }
    for key in [
        "calculatedFormula",
        "controllerName",
        "defaultValueFormula",
        "filteredLookupInfo",
        "mask",
        "maskType",
        "referenceTargetField",
        "relationshipOrder",
    ] {
        out.insert(key.to_owned(), Value::Null);
    }
    measures(field, &mut out);
    out.insert("name".to_owned(), json!(field.name));
    out.insert("label".to_owned(), json!(field.label));
    out.insert("type".to_owned(), json!(field.kind.name()));
    out.insert("soapType".to_owned(), json!(field.kind.soap()));
    out.insert("custom".to_owned(), json!(field.custom));
    out.insert("compoundFieldName".to_owned(), json!(field.compound));
    out.insert("extraTypeInfo".to_owned(), json!(field.extra));
    out.insert("inlineHelpText".to_owned(), json!(field.help));
    out.insert("referenceTo".to_owned(), json!(field.reference_to));
    out.insert("relationshipName".to_owned(), json!(field.relationship));
    out.insert("defaultValue".to_owned(), default_value(field));
    out.insert("picklistValues".to_owned(), choices(field));
    Value::Object(out)
}

fn measures(field: &FieldDef, out: &mut Map<String, Value>) {
    // Texts are stored in UTF-8 with up to three bytes for a character; ids are plain ASCII.
    let bytes = if field.kind.is_text() { field.length.saturating_mul(3) } else { field.length };
    out.insert("length".to_owned(), json!(field.length));
    out.insert("byteLength".to_owned(), json!(bytes));
    out.insert("precision".to_owned(), json!(field.precision));
    out.insert("scale".to_owned(), json!(field.scale));
    out.insert("digits".to_owned(), json!(field.digits));
}

fn default_value(field: &FieldDef) -> Value {
    if let Some(value) = &field.default {
        return value.clone();
    }
    match field.kind {
        FieldType::Boolean if field.has(Flag::DEFAULTED) => json!(false),
        _ => json!(field.default_choice()),
    }
}

fn choices(field: &FieldDef) -> Value {
    field
        .picklist
        .iter()
        .map(|choice| {
            json!({
                "active": choice.active,
                "defaultValue": choice.default,
                "label": choice.label,
                "validFor": null,
                "value": choice.value,
            })
        })
        .collect()
}

//! What an org says about an object, reduced to what planning needs.

use serde::Deserialize;
use serde_json::Value;

use super::{ApiVersion, SalesforceError, Sub, SubAnswer, composite::Method, read_headers};
use crate::domain::{
    check::{ObjectFacts, RecordType},
    ids::{FieldName, ObjectName, RecordId},
    schema::{Field, ObjectSchema},
};

/// The description of an object, as a sub-request.
#[must_use]
pub fn describe(version: &ApiVersion, reference_id: &str, object: &ObjectName) -> Sub {
    let url = version.path(&format!("sobjects/{object}/describe"));
    Sub { method: Method::Get, url, reference_id: reference_id.to_owned(), body: None, headers: read_headers() }
}

#[derive(Deserialize)]
struct WireObject {
    name: String,
    fields: Vec<WireField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireField {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    length: Option<u32>,
    #[serde(default)]
    precision: Option<u32>,
    #[serde(default)]
    digits: Option<u32>,
    #[serde(default)]
    scale: Option<u32>,
    createable: bool,
    updateable: bool,
    nillable: bool,
    defaulted_on_create: bool,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    auto_number: bool,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    restricted_picklist: bool,
    #[serde(default)]
    picklist_values: Option<Vec<WirePick>>,
    #[serde(default)]
    reference_to: Option<Vec<String>>,
    #[serde(default)]
    compound_field_name: Option<String>,
}

impl WireField {
    /// A latitude or a longitude, by itself as of an address. Source: Salesforce help, "Geolocation Custom Field".
    fn bound(&self) -> Option<u32> {
        let half = self.name.trim_end_matches("__s");
        let is = |name: &str| self.compound_field_name.is_some() && self.kind == "double" && half.ends_with(name);
        if is("Latitude") { Some(90) } else { is("Longitude").then_some(180) }
    }
}

#[derive(Deserialize)]
struct WirePick {
    active: bool,
    value: String,
}

/// Reads a description. Fields whose names are none that could be configured are left out.
pub fn parse_describe(body: &Value) -> Result<ObjectSchema, SalesforceError> {
    let unreadable = |source| SalesforceError::Unreadable { what: "a description", source };
    let wire = WireObject::deserialize(body).map_err(|e| unreadable(e.into()))?;
    let object = ObjectName::parse(&wire.name).map_err(|e| unreadable(e.into()))?;
    let fields = wire.fields.into_iter().filter_map(|field| Some((FieldName::parse(&field.name).ok()?, compact(field))));
    Ok(ObjectSchema { object, fields: fields.collect() })
}

/// Reads the answer to [`describe`].
pub fn parse_sub(answer: &SubAnswer) -> Result<ObjectSchema, SalesforceError> {
    match answer.refusal() {
        Some(refusal) => Err(refusal),
        None => parse_describe(&answer.body),
    }
}

/// Whether the answer to [`describe`] is that there is no such object for the integration user.
#[must_use]
pub fn is_hidden(answer: &SubAnswer) -> bool {
    matches!(answer.status, 403 | 404)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTraits {
    createable: bool,
    updateable: bool,
    #[serde(default)]
    record_type_infos: Vec<WireRecordType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRecordType {
    record_type_id: RecordId,
    name: String,
    #[serde(default)]
    developer_name: Option<String>,
    available: bool,
    default_record_type_mapping: bool,
    master: bool,
}

/// Reads the answer to [`describe`] with what it says about the object as a whole.
pub fn parse_facts(answer: &SubAnswer) -> Result<ObjectFacts, SalesforceError> {
    let schema = parse_sub(answer)?;
    let traits = WireTraits::deserialize(&answer.body).map_err(|e| SalesforceError::unreadable("a description", e))?;
    let own = traits.record_type_infos.into_iter().filter(|info| !info.master);
    let record_types = own.map(|info| RecordType {
        id: info.record_type_id,
        name: info.developer_name.unwrap_or(info.name),
        available: info.available,
        default: info.default_record_type_mapping,
    });
    Ok(ObjectFacts { schema, createable: traits.createable, updateable: traits.updateable, record_types: record_types.collect() })
}

fn compact(field: WireField) -> Field {
    let bound = field.bound();
    let picks = field.picklist_values.unwrap_or_default().into_iter().filter(|pick| pick.active);
    // Whole numbers carry their size in `digits`, others in `precision`.
    let precision = field.precision.filter(|p| *p > 0).or(field.digits).unwrap_or_default();
    Field {
        bound,
        label: field.label.unwrap_or_else(|| field.name.clone()),
        kind: field.kind.into(),
        length: field.length.unwrap_or_default(),
        precision,
        scale: field.scale.unwrap_or_default(),
        createable: field.createable,
        updateable: field.updateable,
        required: field.createable && !field.nillable && !field.defaulted_on_create,
        nillable: field.nillable,
        computed: field.calculated || field.auto_number,
        references: field.reference_to.unwrap_or_default(),
        external_id: field.external_id,
        unique: field.unique,
        restricted: field.restricted_picklist,
        tracked: None,
        picklist: picks.map(|pick| pick.value).collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(name: &str, kind: &str, more: Value) -> Value {
        let mut field = json!({"name": name, "type": kind, "label": name, "length": 0, "precision": 0, "digits": 0, "scale": 0, "createable": true,
            "updateable": true, "nillable": true, "defaultedOnCreate": false, "externalId": false, "unique": false,
            "restrictedPicklist": false, "picklistValues": [], "soapType": "xsd:string", "referenceTo": []});
        for (key, value) in more.as_object().unwrap() {
            field[key] = value.clone();
        }
        field
    }

    #[test]
    fn descriptions_are_reduced() {
        let picks = json!([{"active": true, "value": "Hot", "label": "Brûlant", "defaultValue": false, "validFor": null},
            {"active": false, "value": "Old", "label": "Old", "defaultValue": false, "validFor": null}]);
        let body = json!({"name": "Lead", "label": "Piste", "fields": [
            field("LastName", "string", json!({"length": 80, "nillable": false})),
            field("OwnerId", "reference", json!({"length": 18, "nillable": false, "defaultedOnCreate": true})),
            field("Grade__c", "picklist", json!({"length": 255, "restrictedPicklist": true, "picklistValues": picks})),
            field("Score__c", "double", json!({"precision": 6, "scale": 2})),
            field("NumberOfEmployees", "int", json!({"digits": 8})),
            field("MailingLatitude", "double", json!({"precision": 18, "scale": 15, "compoundFieldName": "MailingAddress"})),
            field("Place__Longitude__s", "double", json!({"precision": 9, "scale": 6, "compoundFieldName": "Place__c"})),
            field("Passerelle_Id__c", "string", json!({"length": 64, "externalId": true, "unique": true})),
            field("Id", "id", json!({"length": 18, "createable": false, "updateable": false, "nillable": false, "defaultedOnCreate": true})),
        ]});
        let schema = parse_describe(&body).unwrap();
        assert_eq!((schema.object.as_str(), schema.fields.len()), ("Lead", 9));
        let field = |name: &str| schema.fields.get(&FieldName::parse(name).unwrap()).unwrap();
        assert!(field("LastName").required && !field("OwnerId").required && !field("Id").required && !field("Grade__c").required);
        assert_eq!((field("LastName").length, field("LastName").kind.as_str()), (80, "string"));
        assert_eq!((field("Grade__c").restricted, field("Grade__c").picklist.as_slice()), (true, ["Hot".to_owned()].as_slice()));
        assert_eq!((field("Score__c").precision, field("Score__c").scale), (6, 2));
        assert_eq!((field("NumberOfEmployees").precision, field("NumberOfEmployees").scale), (8, 0));
        let bounds = ["Score__c", "MailingLatitude", "Place__Longitude__s"].map(|name| field(name).bound);
        assert_eq!(bounds, [None, Some(90), Some(180)]);
        assert!(field("Passerelle_Id__c").external_id && field("Passerelle_Id__c").unique);
        assert!(!field("Id").createable && !field("Id").updateable);
    }

    /// What Salesforce works out itself is read-only, whatever its type; places and addresses are written by their parts.
    #[test]
    fn what_can_be_written_of_a_description() {
        use crate::domain::mapping::{
            AttributeType as A,
            compat::{Compatibility, How, Why, to_salesforce},
        };
        let sealed = |more: Value| {
            let mut all = json!({"createable": false, "updateable": false});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            all
        };
        let table = [
            (
                "Formula__c",
                "double",
                sealed(json!({"calculated": true, "calculatedFormula": "1 + 1"})),
                A::Number,
                Compatibility::Impossible(Why::Computed),
            ),
            ("Rollup__c", "currency", sealed(json!({"calculated": true})), A::Number, Compatibility::Impossible(Why::Computed)),
            ("Number__c", "string", sealed(json!({"autoNumber": true})), A::Text, Compatibility::Impossible(Why::Computed)),
            ("Locked__c", "string", sealed(json!({})), A::Text, Compatibility::Impossible(Why::ReadOnly)),
            ("Place__c", "location", sealed(json!({})), A::Text, Compatibility::Impossible(Why::Compound)),
            ("Place__Latitude__s", "double", json!({"precision": 18, "scale": 15}), A::Number, Compatibility::Convertible(How::Rounded)),
            ("Place__Longitude__s", "double", json!({"precision": 18, "scale": 15}), A::Number, Compatibility::Convertible(How::Rounded)),
            ("MailingAddress", "address", sealed(json!({})), A::Text, Compatibility::Impossible(Why::Compound)),
            ("MailingStreet", "textarea", json!({"length": 255}), A::Text, Compatibility::Exact),
            ("MailingCity", "string", json!({"length": 40}), A::Text, Compatibility::Exact),
            ("MailingLatitude", "double", json!({"precision": 18, "scale": 15}), A::Number, Compatibility::Convertible(How::Rounded)),
        ];
        let fields: Vec<Value> = table.iter().map(|(name, kind, more, ..)| field(name, kind, more.clone())).collect();
        let schema = parse_describe(&json!({"name": "Contact", "fields": fields})).unwrap();
        for (name, _, _, from, want) in table {
            assert_eq!(to_salesforce(from, &schema.fields[&FieldName::parse(name).unwrap()]), want, "{name}");
        }
    }

    #[test]
    fn a_description_of_another_shape_is_refused() {
        for body in [json!({}), json!([]), json!({"name": "Lead"}), json!({"name": "Lead", "fields": [{"name": "x"}]})] {
            assert!(parse_describe(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn the_address_of_a_description() {
        let sub = describe(&ApiVersion::parse("66.0").unwrap(), "lead", &ObjectName::parse("Lead").unwrap());
        assert_eq!(sub.url, "/services/data/v66.0/sobjects/Lead/describe");
    }
}

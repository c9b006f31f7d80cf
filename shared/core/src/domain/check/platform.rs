//! The fields of a Mautic that the document names: there, and of a type that goes with what is done with them.

use std::collections::BTreeMap;

use super::{error, warning};
use crate::domain::{
    config::{Document, RecordFields},
    finding::{Finding, Sentence, Severity},
    mapping::{Attribute, AttributeType, FieldMaps, Rule, merge::Direction},
    mautic::{is_beside, problem},
    near::near,
};

/// What is to be said of the fields that rules, `record` and the marks of deleted records name, by the attributes that the Mautic has.
#[must_use]
pub fn check_platform(document: &Document, maps: &FieldMaps, attributes: &[Attribute]) -> Vec<Finding> {
    let fields = Fields(attributes.iter().map(|attribute| (attribute.name.as_str(), attribute.kind)).collect());
    let mut found: Vec<Finding> = maps.all().flat_map(|map| map.all()).flat_map(|rule| fields.of_rule(rule)).collect();
    found.extend(fields.of_marks(document));
    found.extend(fields.of_records(document));
    found.extend(document.platform.attributes.iter().enumerate().filter_map(|(i, declared)| fields.of_declared(i, declared)));
    found.sort_by(|a, b| (a.severity, &a.place, &a.code).cmp(&(b.severity, &b.place, &b.code)));
    found.dedup();
    found
}

/// What is said where the Mautic did not tell its fields: `code` is why.
#[must_use]
pub fn unasked_platform(code: &'static str) -> Finding {
    problem(code).unwrap_or_else(|| {
        warning(
            "mautic_unasked",
            "platform.mautic",
            Sentence::new(format!("Mautic did not tell its fields ({code})."), format!("Mautic n'a pas communiqué ses champs ({code}).")),
            Sentence::new(
                "Try again later; until then nobody knows whether they exist.",
                "Réessayez plus tard ; d'ici là, rien ne dit s'ils existent.",
            ),
        )
    })
}

/// The types of the fields, by the attributes that they are.
struct Fields<'a>(BTreeMap<&'a str, AttributeType>);

impl Fields<'_> {
    /// The rule's own attribute, and those that its transformations look at.
    fn of_rule(&self, rule: &Rule) -> Vec<Finding> {
        // What goes to the platform gets lost there; what comes from it is only never there.
        let own = if rule.direction == Direction::ToSalesforce { Severity::Warning } else { Severity::Error };
        let own = rule.from().map(|path| (path, own));
        let looked_at = rule.chain.paths().map(|path| (path, Severity::Warning));
        own.into_iter().chain(looked_at).filter_map(|(path, severity)| self.absent(path, severity, format!("{}.from", rule.place))).collect()
    }

    /// The attributes that say whether a record was deleted.
    fn of_marks(&self, document: &Document) -> Vec<Finding> {
        let settings = &document.reconciliation;
        let marks = [(&settings.deleted, "reconciliation.deleted"), (&settings.deleted_company, "reconciliation.deleted_company")];
        let marks = marks.into_iter().filter_map(|(path, place)| Some((path.as_deref()?, place)));
        marks.filter_map(|(path, place)| self.fits(path, place.to_owned(), &[AttributeType::Boolean])).collect()
    }

    /// The fields that get the Salesforce record.
    fn of_records(&self, document: &Document) -> Vec<Finding> {
        let of = |root: &'static str, section: &'static str, record: &RecordFields| -> Vec<Finding> {
            let found = record.named().filter_map(|(place, alias)| {
                let fitting: &[AttributeType] = match place {
                    "synced_at" => &[AttributeType::Datetime],
                    _ => &[AttributeType::Text, AttributeType::LongText],
                };
                self.fits(&format!("{root}.{alias}"), format!("platform.mautic.{section}.{place}"), fitting)
            });
            found.collect()
        };
        let mautic = document.platform.mautic.iter();
        mautic.flat_map(|mautic| [of("person", "record", &mautic.record), of("company", "company_record", &mautic.company_record)].concat()).collect()
    }

    /// An attribute that the document declares to be of another kind than it is.
    fn of_declared(&self, i: usize, declared: &Attribute) -> Option<Finding> {
        let kind = *self.0.get(declared.name.as_str())?;
        if family(kind) == family(declared.kind) {
            return None;
        }
        let (name, said, is) = (&declared.name, declared.kind.as_str(), kind.as_str());
        Some(warning(
            "mautic_field_type",
            format!("platform.attributes[{i}].type"),
            Sentence::new(
                format!("{name} is declared as {said}, and is {is} in Mautic."),
                format!("{name} est déclaré {said}, et est {is} dans Mautic."),
            ),
            Sentence::new(
                "Declare it as Mautic has it: `passerelle attributes --connection` prints the section.",
                "Déclarez-le comme Mautic l'a : `passerelle attributes --connection` affiche la section.",
            ),
        ))
    }

    fn fits(&self, path: &str, place: String, fitting: &[AttributeType]) -> Option<Finding> {
        let Some(kind) = self.0.get(path).filter(|kind| !fitting.contains(kind)) else { return self.absent(path, Severity::Error, place) };
        let (is, wanted) = (kind.as_str(), fitting.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
        Some(error(
            "mautic_field_type",
            place,
            Sentence::new(
                format!("{path} is {is} in Mautic, and must be {}.", wanted.join(" or ")),
                format!("{path} est {is} dans Mautic, et doit être {}.", wanted.join(" ou ")),
            ),
            Sentence::new("Make a field of that type in Mautic, and name it here.", "Créez dans Mautic un champ de ce type, et nommez-le ici."),
        ))
    }

    /// A field that Mautic does not have. What an event brings beside the person and the company is none of its fields.
    fn absent(&self, path: &str, severity: Severity, place: String) -> Option<Finding> {
        let root = ["person.", "company."].into_iter().find(|root| path.starts_with(root))?;
        let (alias, _) = path.strip_prefix(root).map(|rest| rest.split_once('.').unwrap_or((rest, "")))?;
        let name = format!("{root}{alias}");
        if self.0.contains_key(name.as_str()) || is_beside(&name) {
            return None;
        }
        let meant = near(&name, self.0.keys().copied());
        let (en, fr) = meant.map(|meant| (format!(" Did you mean {meant}?"), format!(" Vouliez-vous dire {meant} ?"))).unwrap_or_default();
        let of = if root == "person." { ("contacts", "contacts") } else { ("companies", "sociétés") };
        Some(Finding::new(
            severity,
            "mautic_field_missing",
            place,
            Sentence::new(format!("Mautic's {} have no field {alias}.{en}", of.0), format!("Les {} de Mautic n'ont pas de champ {alias}.{fr}", of.1)),
            Sentence::new(
                "Correct the alias, or make the field in Mautic; `passerelle attributes --connection` prints those that there are.",
                "Corrigez l'alias, ou créez le champ dans Mautic ; `passerelle attributes --connection` affiche ceux qui existent.",
            ),
        ))
    }
}

/// Types between which nothing is lost are one family.
const fn family(kind: AttributeType) -> u8 {
    use AttributeType as A;
    match kind {
        A::Text | A::LongText | A::Email | A::Phone | A::Url | A::Select => 0,
        A::Integer | A::Number => 1,
        A::Boolean => 2,
        A::Date => 3,
        A::Datetime => 4,
        A::Time => 5,
        A::MultiSelect => 6,
        A::File | A::Picture => 7,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::{config::parse_document, mapping::parse_inventory};

    fn attributes() -> Vec<Attribute> {
        let contacts = json!({"fields": [
            {"alias": "email", "label": "E-mail", "type": "email"}, {"alias": "city", "label": "City", "type": "text"},
            {"alias": "gone", "label": "Gone", "type": "boolean"}, {"alias": "sf_id", "label": "Id", "type": "text"},
            {"alias": "sf_at", "label": "At", "type": "datetime"}, {"alias": "birthday", "label": "Birthday", "type": "date"}]});
        let companies = json!({"fields": [{"alias": "companyname", "label": "Name", "type": "text", "object": "company"}]});
        [parse_inventory(&contacts).unwrap(), parse_inventory(&companies).unwrap()].concat()
    }

    fn document(change: impl Fn(&mut Value)) -> Value {
        let mut document = json!({
            "connection": {"id": "c", "name": "C", "time_zone": "Europe/Paris", "country": "FR"},
            "source": {"id": "c", "format": "mautic"},
            "platform": {"name": "A", "mautic": {"url": "https://a.example.com", "auth": {"basic": {"user": "u"}},
                                                 "record": {"id": "sf_id", "synced_at": "sf_at"}}},
            "salesforce": {"host": "production", "auth": {"web_server": {"client_id": "x"}}},
            "people": {"when_unknown": "lead", "account": {"mode": "find", "mapping": "account"}},
            "reconciliation": {"push": "on", "pull": "on", "deleted": "person.gone"},
            "mappings": {
                "lead": {"object": "Lead", "fields": [
                    {"from": "person.email", "to": "Email"}, {"from": "person.city", "to": "City", "direction": "both"},
                    {"from": "person.owner", "to": "LastName"}, {"from": "data.note", "to": "Description"}]},
                "contact": {"object": "Contact", "fields": [{"from": "person.email", "to": "Email"}]},
                "account": {"object": "Account", "fields": [{"from": "company.name", "to": "Name", "direction": "both"}]}},
            "workflows": []});
        change(&mut document);
        document
    }

    #[test]
    fn fields_that_are_named_are_there_and_of_a_fitting_type() {
        type Row = (&'static str, fn(&mut Value), Vec<(Severity, &'static str, &'static str)>);
        let missing = |severity, place| vec![(severity, "mautic_field_missing", place)];
        let of_type = |severity, place| vec![(severity, "mautic_field_type", place)];
        let table: [Row; 9] = [
            ("all is well", |_| {}, vec![]),
            (
                "only read",
                |d| d["mappings"]["lead"]["fields"][0]["from"] = json!("person.emali"),
                missing(Severity::Warning, "mappings.lead.fields[0].from"),
            ),
            (
                "written",
                |d| d["mappings"]["lead"]["fields"][1]["from"] = json!("person.town"),
                missing(Severity::Error, "mappings.lead.fields[1].from"),
            ),
            (
                "in a transformation",
                |d| d["mappings"]["lead"]["fields"][0]["transform"] = json!([{"concat": {"with": ["person.zip"]}}]),
                missing(Severity::Warning, "mappings.lead.fields[0].from"),
            ),
            (
                "of companies",
                |d| d["mappings"]["account"]["fields"][0]["from"] = json!("company.site"),
                missing(Severity::Error, "mappings.account.fields[0].from"),
            ),
            ("a mark that is none", |d| d["reconciliation"]["deleted"] = json!("person.city"), of_type(Severity::Error, "reconciliation.deleted")),
            (
                "a record's id",
                |d| d["platform"]["mautic"]["record"]["id"] = json!("sf_record"),
                missing(Severity::Error, "platform.mautic.record.id"),
            ),
            (
                "a record's moment",
                |d| d["platform"]["mautic"]["record"]["synced_at"] = json!("birthday"),
                of_type(Severity::Error, "platform.mautic.record.synced_at"),
            ),
            (
                "declared otherwise",
                |d| {
                    let names = ["person.email", "person.city", "person.owner", "data.note", "company.name", "person.gone"];
                    d["platform"]["attributes"] = names.iter().map(|name| json!({"name": name, "type": "text"})).collect();
                },
                of_type(Severity::Warning, "platform.attributes[5].type"),
            ),
        ];
        for (name, change, want) in table {
            let document = parse_document(&document(change)).unwrap_or_else(|faults| unreachable!("{name}: {faults:?}"));
            let found = check_platform(&document, &FieldMaps::compile(&document).unwrap(), &attributes());
            for finding in &found {
                assert!(finding.words.en != finding.words.fr && finding.cure.en != finding.cure.fr, "{name}");
            }
            let told: Vec<_> = found.iter().map(|finding| (finding.severity, finding.code.as_ref(), finding.place.as_str())).collect();
            assert_eq!(told, want, "{name}: {found:?}");
        }
    }

    #[test]
    fn a_mautic_that_does_not_answer_is_a_warning_and_one_that_refuses_has_a_cure() {
        assert_eq!(unasked_platform("platform_busy").severity, Severity::Warning);
        assert_eq!(unasked_platform("platform_credentials").code, "platform_credentials");
    }
}
